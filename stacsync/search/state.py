"""What is remembered of a large index beside it, so that the next change is merged into it.

One object per Collection below `.stacsync/index/`: for each row of the index what it is sorted by and which state of
which Item it shows. It names the very object that it describes: with any other there, the index is made anew.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from io import BytesIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from stacsync.search.merge import Merged
from stacsync.search.source import Listed
from stacsync.storage import Storage

_FACTS = b"stacsync"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What an index was made with."""

    recipe: str
    """Names everything but the Items that rows depend on."""
    described: str
    """Digest of the Collection in the file's metadata."""
    by_role: bool
    etag: str | None
    sha256: str
    size: int


def load(storage: Storage, key: str) -> tuple[Facts, Listed] | None:
    """Return what is remembered; None when there is nothing that can be read."""
    try:
        table = pq.read_table(BytesIO(storage.get(key)))
        facts = Facts(**orjson.loads((table.schema.metadata or {})[_FACTS]))
        order, marks = (table.column(name).to_numpy() for name in ("order", "mark"))
    except (KeyError, TypeError, ValueError, pa.ArrowException):
        return None
    return facts, Listed(pa.nulls(len(order), pa.string()), order, marks)


def save(storage: Storage, key: str, facts: Facts, merged: Merged) -> None:
    """Remember what was just written."""
    schema = pa.schema([("order", pa.int64()), ("mark", pa.int64())], {_FACTS: orjson.dumps(asdict(facts))})
    table = pa.Table.from_arrays([pa.array(merged.order), pa.array(merged.marks)], schema=schema)
    target = BytesIO()
    pq.write_table(table, target, compression="zstd", use_dictionary=False)
    storage.put(key, target.getvalue(), content_type="application/vnd.apache.parquet")
