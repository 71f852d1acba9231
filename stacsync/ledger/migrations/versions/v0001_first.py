"""The first schema: the tables of version 0.1."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = MetaData()
"""As they were in this revision: what `stacsync.ledger.schema` says later changes nothing here."""
KEY = String().with_variant(String(collation="C"), "postgresql")

Table(
    "jobs",
    TABLES,
    Column("provider", String, primary_key=True),
    Column("job", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("fingerprint", String),
    Column("title", Text),
    Column("created_at", String),
    Column("finished_at", String),
    Column("expires_at", String),
    Column("published_at", String),
    Column("reason", Text, nullable=False),
    Column("left_out", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt", String),
    Column("updated_at", String, nullable=False),
    Index("jobs_by_state", "provider", "state"),
)

Table(
    "assets",
    TABLES,
    Column("key", KEY, primary_key=True),
    Column("provider", String, nullable=False),
    Column("job", String, nullable=False),
    Column("identity", String, nullable=False),
    Column("size", BigInteger),
    Column("sha256", String),
    Column("media_type", String),
    Column("source_etag", String),
    Column("facts", Text, nullable=False),
    Index("assets_by_job", "provider", "job"),
)

Table(
    "gone",
    TABLES,
    Column("provider", String, primary_key=True),
    Column("job", String, primary_key=True),
    Column("identity", String, primary_key=True),
    Column("passes", Integer, nullable=False),
)

Table(
    "uploads",
    TABLES,
    Column("key", String, primary_key=True),
    Column("upload_id", String, nullable=False),
    Column("identity", String, nullable=False),
    Column("size", BigInteger),
    Column("part_size", BigInteger, nullable=False),
    Column("source_etag", String),
    Column("started_at", String, nullable=False),
)

Table(
    "contributions",
    TABLES,
    Column("provider", String, primary_key=True),
    Column("collection", String, primary_key=True),
    Column("job", String, primary_key=True),
    Column("staged", Boolean, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("sort_at", String),
)

Table(
    "items",
    TABLES,
    Column("provider", String, primary_key=True),
    Column("collection", String, primary_key=True),
    Column("item", String, primary_key=True),
    Column("staged", Boolean, primary_key=True),
    Column("job", String, nullable=False),
    Column("key", String, nullable=False),
    Column("title", Text, nullable=False),
    Column("sort_at", String, nullable=False),
    Column("month", KEY, nullable=False),
    Column("spread", KEY, nullable=False),
    Column("west", Float),
    Column("south", Float),
    Column("east", Float),
    Column("north", Float),
    Column("body", LargeBinary, nullable=False),
    Column("digest", String, nullable=False),
    Column("written", Boolean, nullable=False),
    Index("items_by_job", "provider", "job"),
    Index("items_by_month", "provider", "collection", "staged", "month", "spread"),
    Index("items_unwritten", "written", "staged"),
)

Table(
    "heads",
    TABLES,
    Column("provider", String, primary_key=True),
    Column("collection", String, primary_key=True),
    Column("name", KEY, nullable=False),
    Column("key", KEY, nullable=False),
    Column("title", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("sort_at", String, nullable=False),
    Column("month", KEY, nullable=False),
    Column("spread", KEY, nullable=False),
    Column("width", Integer, nullable=False),
    Column("listing", LargeBinary),
    Index("heads_by_month", "provider", "month", "spread"),
    Index("heads_by_name", "name"),
)

Table(
    "dirty",
    TABLES,
    Column("provider", String, primary_key=True),
    Column("collection", String, primary_key=True),
    Column("month", KEY, primary_key=True),
    Column("spread", KEY, primary_key=True),
    Column("changes", Integer, nullable=False),
)

Table(
    "aggregates",
    TABLES,
    Column("provider", String, primary_key=True),
    Column("collection", String, primary_key=True),
    Column("month", KEY, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

Table(
    "documents",
    TABLES,
    Column("key", KEY, primary_key=True),
    Column("kind", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("etag", String),
)

Table(
    "obsolete",
    TABLES,
    Column("key", KEY, primary_key=True),
    Column("kind", String, nullable=False),
)

Table(
    "passes",
    TABLES,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("provider", String, nullable=False),
    Column("started_at", String, nullable=False),
    Column("finished_at", String),
    Column("ok", Boolean),
    Column("counts", Text, nullable=False),
    Column("error", Text),
    Index("passes_by_provider", "provider", "id"),
)

Table(
    "memories",
    TABLES,
    Column("provider", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
)


def upgrade() -> None:
    """Create the tables."""
    TABLES.create_all(op.get_bind())
