"""What STAC APIs took of the catalog: the table `pushed`."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Boolean, Column, Index, Integer, MetaData, String, Table, Text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = MetaData()
"""As they were in this revision: what `stacsync.ledger.schema` says later changes nothing here."""
KEY = String().with_variant(String(collation="C"), "postgresql")

Table(
    "pushed",
    TABLES,
    Column("target", KEY, primary_key=True),
    Column("provider", String, primary_key=True),
    Column("collection", String, primary_key=True),
    Column("item", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("settled", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt", String),
    Index("pushed_by_place", "provider", "collection", "item"),
)


def upgrade() -> None:
    """Create the table."""
    TABLES.create_all(op.get_bind())
