"""Write an index: rows of the one before that still hold, and new ones, merged in order, one row group in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, BinaryIO

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from stacsync.search import rows
from stacsync.search.columns import batches, conformed
from stacsync.search.order import Numbers
from stacsync.search.rows import Place
from stacsync.search.source import Listed, Source

GROUP = 8_000
"""Rows of a row group: all its columns are in memory at once, and with 20,000 that is 20 MiB more."""
_PIECE = 250
"""Documents in memory at a time: as objects they take ten times the room of their columns."""
_READ = 1_000
"""Rows of the index before in memory at a time."""
_WRITING: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 3,
    "write_page_index": True,
    "data_page_size": 128 * 1024,  # one page of each of some hundred columns is in memory, written and read
    "dictionary_pagesize_limit": 256 * 1024,
}
_FEW_RUNS = 100
VERSION = "1.1.0"
"""Of stac-geoparquet and of GeoParquet."""


class Fresh:
    """New rows, made of their documents in order."""

    def __init__(self, source: Source, listed: Listed, place: Place, schema: pa.Schema, *, by_role: bool) -> None:
        """Make rows of what is `listed`, which is sorted."""
        self.listed = listed
        self._source = source
        self._place = place
        self._schema = schema
        self._by_role = by_role
        self._at = 0

    def next(self, count: int) -> list[pa.RecordBatch]:
        """Return the next `count` rows."""
        start, self._at = self._at, self._at + count
        return list(batches(self._pieces(start, self._at), self._schema))

    def _pieces(self, start: int, end: int) -> Iterator[list[dict[str, Any]]]:
        for at in range(start, end, _PIECE):
            names = self.listed.names.slice(at, min(_PIECE, end - at)).to_pylist()
            yield [rows.row(found, key, self._place, by_role=self._by_role) for key, found in self._source.named(names)]


class Kept:
    """Those rows of the index before that still hold, read in order."""

    def __init__(self, file: BinaryIO | None, keep: NDArray[np.bool_], schema: pa.Schema) -> None:
        """Read `file`; `keep` tells for each of its rows whether it still holds."""
        self._keep = keep
        self._schema = schema
        self._batches = self._read(file) if file is not None else iter(())
        self._left: pa.RecordBatch | None = None

    def _read(self, file: BinaryIO) -> Iterator[pa.RecordBatch]:
        at = 0
        for found in pq.ParquetFile(file, pre_buffer=False).iter_batches(_READ, use_threads=False):
            kept = self._keep[at : at + len(found)]
            at += len(found)
            chosen = found if kept.all() else found.filter(pa.array(kept))
            if len(chosen):
                yield self._conformed(chosen)

    def _conformed(self, found: pa.RecordBatch) -> pa.RecordBatch:
        arrays = [
            conformed(found.column(field.name), field.type)
            if field.name in found.schema.names
            else pa.nulls(len(found), field.type)
            for field in self._schema
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)

    def next(self, count: int) -> list[pa.RecordBatch]:
        """Return the next `count` rows."""
        made = []
        while count > 0:
            found = self._left if self._left is not None else next(self._batches)
            taken = found.slice(0, count)
            self._left = found.slice(count) if len(found) > count else None
            count -= len(taken)
            made.append(taken)
        return made


@dataclass(frozen=True, slots=True)
class Merged:
    """What was written, by row."""

    order: Numbers
    marks: Numbers


def merge(
    target: BinaryIO, schema: pa.Schema, before: tuple[Listed, Kept], fresh: Fresh, described: Mapping[str, Any]
) -> Merged:
    """Write the rows that are kept and the new ones to `target`; `described` is the Collection."""
    kept, rows_kept = before
    order = np.concatenate([kept.order, fresh.listed.order])
    marks = np.concatenate([kept.marks, fresh.listed.marks])
    place = np.lexsort((marks, order))
    is_fresh = place >= len(kept.order)
    schema = schema.with_metadata(metadata_of(described))
    with pq.ParquetWriter(target, schema, **_WRITING) as writer:
        for start in range(0, len(place), GROUP):
            window = is_fresh[start : start + GROUP]
            new = int(window.sum())
            parts = [*rows_kept.next(len(window) - new), *fresh.next(new)]
            ordered = _interleaved(parts, window) if 0 < new < len(window) else parts
            table = pa.Table.from_batches(ordered, parts[0].schema).replace_schema_metadata(schema.metadata)
            del parts, ordered
            writer.write_table(table, row_group_size=GROUP)
            del table
    return Merged(order[place], marks[place])


def _interleaved(parts: Sequence[pa.RecordBatch], is_fresh: NDArray[np.bool_]) -> list[pa.RecordBatch]:
    """Return rows, of which the kept ones stand before the new ones, in order: copied only where they alternate much."""
    old = len(is_fresh) - int(is_fresh.sum())
    runs = np.flatnonzero(np.diff(is_fresh)) + 1
    whole = pa.Table.from_batches(parts)
    if len(runs) <= _FEW_RUNS:
        at, found = [0, old], []
        for start, end in pairwise([0, *runs.tolist(), len(is_fresh)]):
            side = int(is_fresh[start])
            found += whole.slice(at[side], end - start).to_batches()
            at[side] += end - start
        return found
    places = np.empty(len(is_fresh), np.int64)
    places[~is_fresh] = np.arange(old)
    places[is_fresh] = np.arange(old, len(is_fresh))
    return list(whole.take(pa.array(places)).to_batches())


def metadata_of(described: Mapping[str, Any]) -> dict[bytes, bytes]:
    """Return what a reader learns of the file: that it is GeoParquet, and of which Collection."""
    sides = {side: ["bbox", side] for side in ("xmin", "ymin", "xmax", "ymax")}
    geometry = {"encoding": "WKB", "geometry_types": [], "covering": {"bbox": sides}}
    known: dict[str, Any] = {
        "geo": {"version": VERSION, "primary_column": "geometry", "columns": {"geometry": geometry}},
        "stac-geoparquet": {"version": VERSION, "collections": {described["id"]: described}},
    }
    return {name.encode(): orjson.dumps(value, option=orjson.OPT_SORT_KEYS) for name, value in known.items()}
