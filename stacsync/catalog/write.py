"""Put documents into the store: only those whose bytes changed, and remember each one once it is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection

from stacsync import stac
from stacsync.catalog.facts import DocumentCounts, Guard
from stacsync.errors import Conflict, StacsyncError
from stacsync.ledger import DocumentRow, Ledger
from stacsync.storage import DOCUMENT_CACHE, Storage, StoredObject

THREADS = 16
_SHARED = frozenset({"catalog", "collection", "list"})
"""Kinds of documents that are replaced again and again: a writer that lost its right must not win such a race."""

Also = Callable[[Connection, frozenset[str]], None]
"""What else to remember with documents, in the same transaction, given the keys of those that changed."""


def nothing_else(_conn: Connection, _changed: frozenset[str]) -> None:
    """Remember nothing else."""


def media_type(kind: str) -> str:
    """Return the content type of a kind of document."""
    return stac.ITEM_TYPE if kind == "item" else stac.JSON_TYPE


@dataclass(frozen=True)
class Draft:
    """The bytes of a document, ready to be put."""

    key: str
    kind: str
    data: bytes

    @classmethod
    def of(cls, key: str, kind: str, document: dict[str, Any]) -> Draft:
        """Return the canonical bytes of a document."""
        return cls(key, kind, stac.dumps(document))

    @cached_property
    def digest(self) -> str:
        """The SHA-256 (hex) of the bytes."""
        return sha256(self.data).hexdigest()


class Writer:
    """Writes documents for the length of one publication, and counts them."""

    def __init__(self, storage: Storage, ledger: Ledger, guard: Guard, threads: int = THREADS) -> None:
        """Write to `storage` as long as `guard` does not raise."""
        self.storage = storage
        self.ledger = ledger
        self.guard = guard
        self.written = 0
        self.unchanged = 0
        self.deleted = 0
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="publish")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    @property
    def counts(self) -> DocumentCounts:
        """What was done so far."""
        return DocumentCounts(written=self.written, unchanged=self.unchanged, deleted=self.deleted)

    def write(self, drafts: Sequence[Draft], also: Also = nothing_else) -> None:
        """Put those drafts that differ from what the store holds, in any order, then remember them and `also`.

        What could be put is remembered even when something else could not. Raises `StorageError` or what the guard
        raises; `also` is then left out.
        """
        known = self.ledger.documents.get_many(draft.key for draft in drafts)
        changed = [draft for draft in drafts if draft.key not in known or known[draft.key].digest != draft.digest]
        done: list[DocumentRow] = []
        failures: list[StacsyncError] = []
        if changed:
            self.guard()
            outcomes = list(self._pool.map(lambda draft: self._attempt(draft, known.get(draft.key)), changed))
            done = [outcome for outcome in outcomes if isinstance(outcome, DocumentRow)]
            failures = [outcome for outcome in outcomes if not isinstance(outcome, DocumentRow)]
        if done or also is not nothing_else:
            with self.ledger.write() as conn:
                self.ledger.documents.record(conn, done)
                if not failures:
                    also(conn, frozenset(row.key for row in done))
        self.written += len(done)
        self.unchanged += len(drafts) - len(changed)
        if failures:
            raise failures[0]

    def write_stream(self, key: str, kind: str, chunks: Callable[[], Any], also: Also = nothing_else) -> None:
        """Put a document of any size, told twice by `chunks`: once to see whether it changed, once to send it."""
        hashed, size = sha256(), 0
        for chunk in chunks():
            hashed.update(chunk)
            size += len(chunk)
        digest = hashed.hexdigest()
        known = self.ledger.documents.get_many([key]).get(key)
        if known is not None and known.digest == digest:
            self.unchanged += 1
            with self.ledger.write() as conn:
                also(conn, frozenset())
            return
        self.guard()
        stored = self.storage.put_stream(key, chunks(), content_type=media_type(kind), cache_control=DOCUMENT_CACHE)
        with self.ledger.write() as conn:
            row = DocumentRow(key=key, kind=kind, digest=digest, size=size, etag=stored.etag)
            self.ledger.documents.record(conn, [row])
            also(conn, frozenset({key}))
        self.written += 1

    def _attempt(self, draft: Draft, known: DocumentRow | None) -> DocumentRow | StacsyncError:
        try:
            stored = self._put(draft, known.etag if known and draft.kind in _SHARED else None)
        except StacsyncError as error:
            return error
        return DocumentRow(key=draft.key, kind=draft.kind, digest=draft.digest, size=len(draft.data), etag=stored.etag)

    def _put(self, draft: Draft, etag: str | None) -> StoredObject:
        kind = media_type(draft.kind)
        if etag is None:
            return self.storage.put(draft.key, draft.data, content_type=kind)
        try:
            return self.storage.put(draft.key, draft.data, content_type=kind, if_match=etag)
        except Conflict:
            # Somebody wrote it, or we did and were stopped before we could remember: whoever holds the right goes on.
            self.guard()
            found = self.storage.head(draft.key)
            if found is None:
                return self.storage.put(draft.key, draft.data, content_type=kind, if_absent=True)
            return self.storage.put(draft.key, draft.data, content_type=kind, if_match=found.etag)
