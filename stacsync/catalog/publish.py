"""Publish: write what changed, in an order in which a reader never meets a broken link.

Items → sub-catalogs, leaves first → Collections → providers' sub-catalogs and Catalogs → `collections.json` → the root;
then what nothing names any more is deleted. All there is to do stands in the ledger and is crossed out once it is
done: a publication that was interrupted anywhere is completed by the next one, with the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Lock

from sqlalchemy import Connection

from stacsync import layout
from stacsync.catalog import adopt, edition, headings, render, tree
from stacsync.catalog.branches import LongList
from stacsync.catalog.collection import collection_document
from stacsync.catalog.facts import Adopted, CatalogFacts, DocumentCounts, Guard, Index, Preview, unguarded
from stacsync.catalog.headings import Providers
from stacsync.catalog.sweep import sweep
from stacsync.catalog.write import Draft, Writer
from stacsync.errors import LedgerError
from stacsync.ledger import Difference, Ledger, dirty, heads, obsolete
from stacsync.ledger.dirty import Note
from stacsync.ledger.heads import Head
from stacsync.storage import Storage

BATCH = 500
"""Items in memory at a time."""
TOGETHER = 32
"""Collections written at a time."""
SIDE_BY_SIDE = 4
FEW = 1_000
"""Items of a Collection whose picture and index are made beside others; larger ones take memory, so one at a time."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A top document whose sub-catalogs are written, and what to remember with it."""

    draft: Draft
    remember: Callable[[Connection, bool], None]
    """Given whether the document changed."""


@dataclass(frozen=True, slots=True)
class _Branched:
    """A Collection whose sub-catalogs are written."""

    long: LongList
    notes: list[Note]
    links: list[render.Link]


class Publisher:
    """Writes the catalog from the ledger. One publication at a time."""

    def __init__(
        self,
        storage: Storage,
        ledger: Ledger,
        facts: CatalogFacts,
        *,
        index: Index | None = None,
        preview: Preview | None = None,
        guard: Guard = unguarded,
        limit: int = tree.LIST_LIMIT,
    ) -> None:
        """Write to `storage`; `limit` is the number of children in one document."""
        self.storage = storage
        self.ledger = ledger
        self.facts = facts
        self.index = index
        self.preview = preview
        self.guard = guard
        self.limit = limit
        self._lock = Lock()

    def publish(self, providers: Providers) -> DocumentCounts:
        """Write what changed since the last publication; with nothing changed, no request and no ledger write.

        `providers` tells of those that are configured; what others published stays as it is. Raises `StorageError`,
        `LedgerError`, or what the guard raises; what was done until then stays done.
        """
        with self._lock:
            headings.settle(self.ledger, self.facts, providers)
            self._owed()
            if self._idle():
                edition.end(self.storage, self.ledger, self.guard)
                return DocumentCounts()
            self.guard()
            edition.begin(self.storage, self.ledger)
            with Writer(self.storage, self.ledger, self.guard) as writer:
                self._items(writer)
                self._collections(writer)
                self._providers(writer)
                self._root(writer)
                sweep(writer)
            edition.end(self.storage, self.ledger, self.guard)
            return writer.counts

    def rebuild(self, providers: Providers) -> DocumentCounts:
        """Write every document again from the ledger alone, whatever lies in the store."""
        with self._lock, self.ledger.write() as conn:
            self.ledger.documents.distrust(conn)
            dirty.mark(conn, *dirty.ROOT)
            for provider in heads.providers(conn):
                dirty.mark_whole(conn, provider.provider, "")
                for head in heads.collections(conn, provider.provider):
                    dirty.mark_items(conn, head.provider, head.collection)
                    dirty.mark_whole(conn, head.provider, head.collection)
        return self.publish(providers)

    def retire(self, provider: str, job: str, *, delete_assets: bool = False) -> Difference:
        """Take what a job published out of the catalog, from the next `publish` on."""
        with self.ledger.write() as conn:
            return self.ledger.items.retire(conn, provider, job, delete_assets=delete_assets)

    def adopt(self, *, rebuilding: bool = False) -> Adopted | None:
        """Make a lost or stale ledger anew from what is published; None when there is nothing to adopt or no need.

        Raises `Refused` when the store holds a catalog that is not ours, or none although we published one (unless it is
        to be written anew: `rebuilding`); `StorageError`.
        """
        return adopt.adopt(self.storage, self.ledger, self.facts, rebuilding=rebuilding)

    def _owed(self) -> None:
        """Let Collections be written again whose search index is not up to date."""
        owed = self.index.owed() if self.index is not None else frozenset()
        if owed:
            with self.ledger.write() as conn:
                for place in sorted(owed):
                    dirty.mark(conn, *place)

    def _idle(self) -> bool:
        with self.ledger.read() as conn:
            return not dirty.anything_left(conn) and not obsolete.any_listed(conn)

    def _head(self, provider: str, collection: str) -> Head:
        with self.ledger.read() as conn:
            head = heads.get(conn, provider, collection)
        if head is None:
            raise LedgerError(
                f"the ledger has Items of {provider}/{collection} but no such Collection",
                "move the ledger away: the next pass makes a new one from the bucket",
            )
        return head

    def _items(self, writer: Writer) -> None:
        root = self._head(*dirty.ROOT)
        known: dict[tuple[str, str], Head] = {}
        while batch := self.ledger.items.unwritten(BATCH):
            for one in batch:
                if (place := (one.provider, one.collection)) not in known:
                    known[place] = self._head(*place)
            drafts = [render.item(one, known[one.provider, one.collection], root) for one in batch]
            done = partial(self.ledger.items.mark_written, done=batch)
            writer.write(drafts, lambda conn, _, done=done: done(conn))  # type: ignore[misc] # mypy infers no defaults

    def _noted(self, *, collections: bool) -> list[tuple[str, str]]:
        with self.ledger.read() as conn:
            return [one for one in dirty.lists(conn) if one != dirty.ROOT and bool(one[1]) == collections]

    def _collections(self, writer: Writer) -> None:
        noted = self._noted(collections=True)
        for start in range(0, len(noted), TOGETHER):
            branched = [self._branched(writer, *one) for one in noted[start : start + TOGETHER]]
            small = [one for one in branched if one.long.count <= FEW]
            with ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="collections") as pool:
                prepared = list(pool.map(self._collection, small))
            _write(writer, [*prepared, *(self._collection(one) for one in branched if one.long.count > FEW)])

    def _branched(self, writer: Writer, provider: str, collection: str) -> _Branched:
        """Write the sub-catalogs of a Collection."""
        root, head = self._head(*dirty.ROOT), self._head(provider, collection)
        with self.ledger.read() as conn:
            notes = dirty.notes(conn, provider, collection)
        long = LongList(head, root, writer, self.limit)
        return _Branched(long, notes, long.write(notes))

    def _collection(self, branched: _Branched) -> _Prepared:
        """Bring a Collection's picture and index up to date and make its document; runs in several threads."""
        long, notes, links = branched.long, branched.notes, branched.links
        root, head, provider, collection = long.root, long.head, long.head.provider, long.head.collection
        index = preview = None
        if self.preview is not None:
            described = collection_document(self.ledger, self.facts, head, root, (), None)
            preview = self.preview.update(provider, collection, described)
        if self.index is not None:
            months = frozenset(note.month for note in notes if note.month)
            described = collection_document(self.ledger, self.facts, head, root, (), None, preview)
            index = self.index.update(provider, collection, months, described)
        document = collection_document(self.ledger, self.facts, head, root, links, index, preview)
        entry = render.listing(document, head.key)

        def remember(conn: Connection, changed: bool) -> None:
            heads.set_listing(conn, head, entry)
            if changed:
                dirty.mark(conn, *dirty.ROOT)
            _settle_list(conn, long, notes)

        return _Prepared(Draft.of(head.key, "collection", document), remember)

    def _providers(self, writer: Writer) -> None:
        for provider, _ in self._noted(collections=False):
            with self.ledger.read() as conn:
                head = heads.get(conn, provider, "")
                notes = dirty.notes(conn, provider, "")
            if head is not None:
                self._provider(writer, head, notes)

    def _provider(self, writer: Writer, head: Head, notes: list[Note]) -> None:
        root = self._head(*dirty.ROOT)
        long = LongList(head, root, writer, self.limit)
        links = long.write(notes)
        if links:
            draft = render.provider(head, root, links)
            _write(writer, [_Prepared(draft, lambda conn, _: _settle_list(conn, long, notes))])
            return
        with self.ledger.write() as conn:  # its last Collection went
            heads.drop(conn, head)
            obsolete.add_documents(conn, "catalog", [head.key])
            dirty.mark(conn, *dirty.ROOT)
            _settle_list(conn, long, notes)

    def _root(self, writer: Writer) -> None:
        with self.ledger.read() as conn:
            notes = dirty.notes(conn, *dirty.ROOT)
            providers = heads.providers(conn)
        if notes:
            writer.write_stream(layout.COLLECTIONS, "list", lambda: render.all_collections(self._listings()))
            done = partial(dirty.cross_out, provider="", collection="", done=notes)
            writer.write([render.top(self.facts, providers)], lambda conn, _: done(conn))

    def _listings(self) -> Iterator[bytes]:
        with self.ledger.read() as conn:
            yield from heads.listings(conn)


def _write(writer: Writer, prepared: Sequence[_Prepared]) -> None:
    def remember(conn: Connection, changed: frozenset[str]) -> None:
        for one in prepared:
            one.remember(conn, one.draft.key in changed)

    writer.write([one.draft for one in prepared], remember)


def _settle_list(conn: Connection, long: LongList, notes: Sequence[Note]) -> None:
    """Remember that a list stands as its top document says."""
    heads.set_width(conn, long.head, long.width)
    for key, kind in long.gone:
        obsolete.add_documents(conn, kind, [key])
    dirty.cross_out(conn, long.head.provider, long.head.collection, notes)
