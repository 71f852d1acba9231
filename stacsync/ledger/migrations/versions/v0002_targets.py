"""What STAC APIs took of the catalog: the table `pushed`."""

from __future__ import annotations

from alembic import op

from stacsync.ledger.schema import METADATA

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    METADATA.create_all(op.get_bind(), tables=[METADATA.tables["pushed"]])
