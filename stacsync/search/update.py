"""Bring one index up to date: made anew while it is small, merged with what changed once it is large."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from stacsync import layout
from stacsync.ledger import DocumentRow, Ledger, obsolete
from stacsync.search import rows, state
from stacsync.search.census import Census
from stacsync.search.columns import MOST_ASSETS, counted, schema_of, too_many_assets, widened
from stacsync.search.merge import Fresh, Kept, Merged, merge
from stacsync.search.order import months_of, quarter, quarters_of
from stacsync.search.rows import Place
from stacsync.search.source import Listed, Source, contains
from stacsync.search.state import Facts
from stacsync.storage import DOCUMENT_CACHE, Storage

_RECIPE = 1
"""Counts up when rows are made in another way."""
_CHUNK = 4 * 1024 * 1024
_TYPE = "application/vnd.apache.parquet"


@dataclass(frozen=True, slots=True)
class Built:
    """An index as it lies in the store."""

    sha256: str
    size: int
    rows: int | None
    """None: not known, as it is out of date."""


class Update:
    """One update of one index."""

    def __init__(
        self,
        storage: Storage,
        ledger: Ledger,
        guard: Callable[[], None],
        place: Place,
        collection: str,
        document: Mapping[str, Any],
        *,
        small: int,
    ) -> None:
        """Make the index of the Collection at `place`; `collection` is its id in the ledger."""
        self._storage = storage
        self._ledger = ledger
        self._guard = guard
        self._place = place
        self._document = document
        self._small = small
        self._source = Source(ledger, place.provider, collection)
        self._key = layout.parquet_key(place.provider, collection)
        self._state_key = layout.index_state(place.provider, collection)
        self._recipe = layout.digest(f"{_RECIPE}\0{place.public_url}\0{place.key}\0{place.name}", 32)
        self._described = sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def run(self, months: frozenset[str] | None) -> Built | None:
        """Write what changed in `months` (None: in any); None when there is no Item, and so no index.

        Raises `StorageError`, `LedgerError`, or what the guard raises.
        """
        count = self._source.count()
        if count == 0:
            with self._ledger.write() as conn:
                obsolete.add_documents(conn, "index", [self._key])
            return None
        with _thrifty():
            return self._written(count, months)

    def _written(self, count: int, months: frozenset[str] | None) -> Built:
        known = self._ledger.documents.get_many([self._key]).get(self._key)
        if count > self._small and (known is None or known.digest):
            before = self._remembered()
            if before is not None:
                return self._merge(*before, months)
        return self._anew(keep_state=count > self._small)

    def _remembered(self) -> tuple[Facts, Listed] | None:
        """Return what is known of the index in the store, if it is the one that it is known of."""
        found, there = state.load(self._storage, self._state_key), self._storage.head(self._key)
        if found is None or there is None or there.etag is None:
            return None
        facts = found[0]
        return found if facts.recipe == self._recipe and (facts.etag, facts.size) == (there.etag, there.size) else None

    def _anew(self, *, keep_state: bool) -> Built:
        by_role, census = False, self._census(self._source.documents(), by_role=False)
        if too_many_assets(census):
            by_role, census = True, self._census(self._source.documents(), by_role=True)
        schema = schema_of(census)
        fresh = Fresh(self._source, self._source.listed()[0].sorted(), self._place, schema, by_role=by_role)
        nothing = Listed(pa.nulls(0, pa.string()), np.empty(0, np.int64), np.empty(0, np.int64))
        with TemporaryFile() as target:
            kept = Kept(None, np.empty(0, np.bool_), schema)
            merged = merge(target, schema, (nothing, kept), fresh, self._document)
            return self._publish(target, merged, by_role=by_role, keep_state=keep_state)

    def _census(self, documents: Iterator[tuple[str, dict[str, Any]]], *, by_role: bool) -> Census:
        made = (rows.row(found, key, self._place, by_role=by_role) for key, found in documents)
        return counted(made, by_role=by_role)

    def _merge(self, facts: Facts, before: Listed, months: frozenset[str] | None) -> Built:
        quarters = None if months is None else {quarter(month) for month in months}
        touched = (
            np.ones(len(before), np.bool_)
            if quarters is None
            else np.isin(quarters_of(before.order), np.array(sorted(quarters), np.int64))
        )
        known = np.sort(before.marks[touched])
        fresh, seen = self._source.listed(None if quarters is None else months_of(quarters), known)
        keep = ~touched | contains(np.sort(seen), before.marks)
        if not len(fresh) and keep.all() and facts.described == self._described:
            return Built(facts.sha256, facts.size, len(before))
        return self._merged(facts, before, keep, fresh.sorted())

    def _merged(self, facts: Facts, before: Listed, keep: Any, fresh: Listed) -> Built:
        names: list[str] = fresh.names.to_pylist()
        pieces = (self._source.named(names[start : start + 1_000]) for start in range(0, len(names), 1_000))
        census = self._census((one for piece in pieces for one in piece), by_role=facts.by_role)
        with TemporaryFile() as old, TemporaryFile() as target:
            for chunk in self._storage.stream(self._key):
                old.write(chunk)
            schema = pq.read_schema(old).remove_metadata()
            schema = widened(schema, schema_of(census))
            if not facts.by_role and "assets" in schema.names and schema.field("assets").type.num_fields > MOST_ASSETS:
                return self._anew(keep_state=True)
            kept = Listed(before.names, before.order[keep], before.marks[keep])
            new = Fresh(self._source, fresh, self._place, schema, by_role=facts.by_role)
            merged = merge(target, schema, (kept, Kept(old, keep, schema)), new, self._document)
            return self._publish(target, merged, by_role=facts.by_role, keep_state=True)

    def _publish(self, file: IO[bytes], merged: Merged, *, by_role: bool, keep_state: bool) -> Built:
        """Put the file into the store if it differs from what is there, and remember it."""
        digest, size = _digest(file)
        known = self._ledger.documents.get_many([self._key]).get(self._key)
        if not keep_state and known is not None and known.digest == digest:
            return Built(digest, size, len(merged.order))
        self._guard()
        stored = self._storage.put_stream(self._key, _chunks(file), content_type=_TYPE, cache_control=DOCUMENT_CACHE)
        if keep_state:
            facts = Facts(
                recipe=self._recipe,
                described=self._described,
                by_role=by_role,
                etag=stored.etag,
                sha256=digest,
                size=size,
            )
            state.save(self._storage, self._state_key, facts, merged)
        with self._ledger.write() as conn:
            row = DocumentRow(key=self._key, kind="index", digest=digest, size=size, etag=stored.etag)
            self._ledger.documents.record(conn, [row])
        return Built(digest, size, len(merged.order))


@contextmanager
def _thrifty() -> Iterator[None]:
    """Let Arrow take memory from the system, which gets it back at once: a third less than with its own pools."""
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)


def _digest(file: IO[bytes]) -> tuple[str, int]:
    hashed = sha256()
    for chunk in _chunks(file):
        hashed.update(chunk)
    return hashed.hexdigest(), file.tell()


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(_CHUNK):
        yield chunk
