"""The first schema: all tables as `stacsync.ledger.schema` had them at version 0.1."""

from __future__ import annotations

from alembic import op

from stacsync.ledger.schema import METADATA

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


TABLES = (
    "jobs",
    "assets",
    "gone",
    "uploads",
    "contributions",
    "items",
    "heads",
    "dirty",
    "aggregates",
    "documents",
    "obsolete",
    "passes",
    "memories",
)


def upgrade() -> None:
    """Create the tables."""
    METADATA.create_all(op.get_bind(), tables=[METADATA.tables[name] for name in TABLES])
