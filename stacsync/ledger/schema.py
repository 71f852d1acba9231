"""The tables of the ledger; a change here takes a step in `stacsync.ledger.migrations` with it.

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
KEY = String().with_variant(String(collation="C"), "postgresql")
"""Text that is compared byte by byte on both databases, so that ranges of keys mean the same."""

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
    Column("key", KEY, primary_key=True),
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
    Column("month", KEY, nullable=False),  # "2025-06" of sort_at, or "undated"
    Column("spread", KEY, nullable=False),  # hex digest of the id: splits a month that is too long
    Column("west", Float),
    Column("south", Float),
    Column("east", Float),
    Column("north", Float),
    Column("body", LargeBinary, nullable=False),  # zlib of the Item's JSON, without its structural links
    Column("digest", String, nullable=False),  # sha-256 of that JSON
    Column("written", Boolean, nullable=False, default=False),
)
Index("items_by_month", items.c.provider, items.c.collection, items.c.staged, items.c.month, items.c.spread)
Index("items_by_job", items.c.provider, items.c.job)
Index("items_unwritten", items.c.written, items.c.staged)

heads = Table(  # the Catalogs and Collections that are published, and how others name them
    "heads",
    METADATA,
    Column("provider", String, primary_key=True),  # "" = the root
    Column("collection", String, primary_key=True),  # "" = the root or a provider's Catalog
    Column("name", KEY, nullable=False),  # the published id, unique in the catalog
    Column("key", KEY, nullable=False),
    Column("title", Text, nullable=False),
    Column("facts", Text, nullable=False, default="{}"),  # JSON: the settings that its documents were made with
    Column("sort_at", String, nullable=False, default=""),
    Column("month", KEY, nullable=False, default=""),
    Column("spread", KEY, nullable=False, default=""),
    Column("width", Integer, nullable=False, default=0),  # how its list is split, see catalog.tree
    Column("listing", LargeBinary),  # zlib of its entry in collections.json
)
Index("heads_by_month", heads.c.provider, heads.c.month, heads.c.spread)
Index("heads_by_name", heads.c.name)

dirty = Table(  # branches whose documents must be written again; provider and collection as in heads
    "dirty",
    METADATA,
    Column("provider", String, primary_key=True),
    Column("collection", String, primary_key=True),
    Column("month", KEY, primary_key=True),  # "" = the top document alone
    Column("spread", KEY, primary_key=True),  # the first digits; "" = the whole month
    Column("changes", Integer, nullable=False, default=1),  # counts up, so that no later change is taken for done
)

aggregates = Table(  # extent, summaries, item_assets, counts of a Collection's month, as a monoid
    "aggregates",
    METADATA,
    Column("provider", String, primary_key=True),
    Column("collection", String, primary_key=True),
    Column("month", KEY, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),  # zlib of JSON
)

documents = Table(  # what lies in the store: unchanged documents are not even read
    "documents",
    METADATA,
    Column("key", KEY, primary_key=True),
    Column("kind", String, nullable=False),  # catalog | collection | item | index | list
    Column("digest", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("etag", String),
)

obsolete = Table(  # objects to delete once no document names them any more
    "obsolete",
    METADATA,
    Column("key", KEY, primary_key=True),
    Column("kind", String, nullable=False),  # as in documents, or asset | folder
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

pushed = Table(  # what each STAC API ([[targets]]) took of the catalog, and what it refused
    "pushed",
    METADATA,
    Column("target", KEY, primary_key=True),
    Column("provider", String, primary_key=True),  # provider and collection "": the API as a whole
    Column("collection", String, primary_key=True),
    Column("item", String, primary_key=True),  # "": the Collection itself
    Column("name", String, nullable=False),  # the Collection's id at the API
    Column(
        "digest", String, nullable=False
    ),  # of what it took (items.digest, documents.digest); "": nothing that counts
    Column("settled", Boolean, nullable=False, default=False),  # of a Collection: no change since all of it was taken
    Column("reason", Text, nullable=False, default=""),  # why it was refused
    Column("attempts", Integer, nullable=False, default=0),  # refusals in a row
    Column("next_attempt", String),  # `run` leaves it alone until then
)
Index("pushed_by_place", pushed.c.provider, pushed.c.collection, pushed.c.item)
