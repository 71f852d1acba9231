"""The tables of the ledger.

Times are ISO 8601 text in UTC (`2026-01-31T12:00:00.000000Z`), so that both databases sort and compare them alike.
JSON is orjson text. No column ever holds a secret, a token or a signed address.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

METADATA = MetaData()

jobs = Table(
    "jobs",
    METADATA,
    Column("provider", String, primary_key=True),
    Column("job", String, primary_key=True),
    Column("state", String, nullable=False),  # see ledger.jobs.JobState
    Column("fingerprint", String),  # of the results that are published (or skipped, or waiting); null: look again
    Column("title", Text),
    Column("created_at", String),
    Column("finished_at", String),
    Column("expires_at", String),
    Column("published_at", String),
    Column("reason", Text, nullable=False, default=""),  # why waiting, skipped or failed, with the way out
    Column("left_out", Text, nullable=False, default="{}"),  # JSON: reason -> count
    Column("attempts", Integer, nullable=False, default=0),  # failures in a row
    Column("next_attempt", String),  # `run` leaves the job alone until then
    Column("updated_at", String, nullable=False),
)
Index("jobs_by_state", jobs.c.provider, jobs.c.state)

assets = Table(  # every object of ours that holds an asset
    "assets",
    METADATA,
    Column("key", String, primary_key=True),
    Column("provider", String, nullable=False),
    Column("job", String, nullable=False),
    Column("identity", String, nullable=False),
    Column("size", BigInteger),
    Column("sha256", String),
    Column("media_type", String),
    Column("source_etag", String),
    Column("facts", Text, nullable=False, default="{}"),  # JSON: what the file's own header says
)
Index("assets_by_job", assets.c.provider, assets.c.job)

gone = Table(  # assets that their provider declared gone, and in how many passes
    "gone",
    METADATA,
    Column("provider", String, primary_key=True),
    Column("job", String, primary_key=True),
    Column("identity", String, primary_key=True),
    Column("passes", Integer, nullable=False),
)

uploads = Table(  # multipart uploads that can be continued
    "uploads",
    METADATA,
    Column("key", String, primary_key=True),
    Column("upload_id", String, nullable=False),
    Column("identity", String, nullable=False),
    Column("size", BigInteger),
    Column("part_size", BigInteger, nullable=False),
    Column("source_etag", String),
    Column("started_at", String, nullable=False),
)

contributions = Table(  # what each job says of each Collection it feeds
    "contributions",
    METADATA,
    Column("provider", String, primary_key=True),
    Column("collection", String, primary_key=True),
    Column("job", String, primary_key=True),
    Column("staged", Boolean, primary_key=True),
    Column("body", LargeBinary, nullable=False),  # zlib of JSON
    Column("sort_at", String),  # the job's created time
)

items = Table(  # every Item: `rebuild` writes the catalog from these alone
    "items",
    METADATA,
    Column("provider", String, primary_key=True),
    Column("collection", String, primary_key=True),
    Column("item", String, primary_key=True),
    Column("staged", Boolean, primary_key=True),  # True: its job is not complete yet, nobody links to it
    Column("job", String, nullable=False),
    Column("key", String, nullable=False),
    Column("title", Text, nullable=False),
    Column("sort_at", String, nullable=False),  # datetime, else end_datetime, else ""
    Column("month", String, nullable=False),  # "2025-06" of sort_at, or "undated"
    Column("spread", String, nullable=False),  # hex digest of the id: splits a month that is too long
    Column("west", Float),
    Column("south", Float),
    Column("east", Float),
    Column("north", Float),
    Column("body", LargeBinary, nullable=False),  # zlib of the Item's JSON
    Column("digest", String, nullable=False),  # sha-256 of the published bytes
    Column("written", Boolean, nullable=False, default=False),
)
Index("items_by_month", items.c.provider, items.c.collection, items.c.month, items.c.spread)
Index("items_by_job", items.c.provider, items.c.job)
Index("items_unwritten", items.c.written, items.c.staged)

dirty = Table(  # branches whose documents must be written again
    "dirty",
    METADATA,
    Column("provider", String, primary_key=True),
    Column("collection", String, primary_key=True),
    Column("month", String, primary_key=True),  # "" = the collection document alone
    Column("spread", String, primary_key=True),
)

aggregates = Table(  # extent, summaries, item_assets, counts of a Collection's month, as a monoid
    "aggregates",
    METADATA,
    Column("provider", String, primary_key=True),
    Column("collection", String, primary_key=True),
    Column("month", String, primary_key=True),
    Column("body", LargeBinary, nullable=False),  # zlib of JSON
)

documents = Table(  # what lies in the store: unchanged documents are not even read
    "documents",
    METADATA,
    Column("key", String, primary_key=True),
    Column("kind", String, nullable=False),  # catalog | collection | item | index | list
    Column("digest", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("etag", String),
)

obsolete = Table(  # objects to delete once no document names them any more
    "obsolete",
    METADATA,
    Column("key", String, primary_key=True),
    Column("kind", String, nullable=False),  # document | asset
)

passes = Table(
    "passes",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("provider", String, nullable=False),
    Column("started_at", String, nullable=False),
    Column("finished_at", String),
    Column("ok", Boolean),
    Column("counts", Text, nullable=False, default="{}"),  # JSON, as in `sync --json`
    Column("error", Text),
)
Index("passes_by_provider", passes.c.provider, passes.c.id)

memories = Table(  # what providers remember between passes; circuit breakers
    "memories",
    METADATA,
    Column("provider", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
)
