"""Adopt: make a ledger anew from what is published, when it was lost or knows another edition than the store holds.

Everything that the ledger knew of the catalog stands in the catalog: Items with their jobs, Collections, where each
asset came from. So no asset is transferred again, and a job that is described again comes out as the same bytes. The
head of the root is kept last: an adoption that was interrupted begins again.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256

from sqlalchemy import Connection

from stacsync import layout, stac
from stacsync.catalog import edition, render, tree
from stacsync.catalog.facts import Adopted, CatalogFacts, Finding
from stacsync.catalog.headings import root_head
from stacsync.catalog.reader import Found, Reader, Unreadable, inside
from stacsync.errors import Refused
from stacsync.jobs import Mirrored
from stacsync.ledger import AssetRow, DocumentRow, Ledger, StagedItem, aggregates, dirty, heads
from stacsync.ledger.contributions import ADOPTED
from stacsync.ledger.heads import Head
from stacsync.ledger.restore import forget, restore_assets, restore_contribution, restore_items, take_back_retired
from stacsync.ledger.staged import month_of, utc_text
from stacsync.stac import Summary
from stacsync.storage import Storage

_HEALS = "its jobs put it right when they are taken again; `stacsync rebuild` writes every document anew"


def adopt(storage: Storage, ledger: Ledger, facts: CatalogFacts, *, rebuilding: bool = False) -> Adopted | None:
    """Fill a ledger that knows nothing, or another edition, from the catalog in `storage`; None when there is no need.

    Two requests when all is well. Raises `Refused` when the catalog there is not ours, another one of ours, or gone, if
    it is not to be written anew anyway (`rebuilding`); `StorageError`.
    """
    there = edition.published(storage)
    with ledger.read() as conn:
        stale = heads.get(conn, *dirty.ROOT) is not None
    root_there = storage.head(layout.ROOT) is not None
    if stale and root_there and edition.known(ledger, there):
        return None
    adopted = None
    if root_there:
        with Reader(storage) as reader:
            root = _ours(reader.read(layout.ROOT), storage, facts)
            with ledger.write() as conn:
                forget(conn)
            adopted = replace(_Adoption(reader, ledger, facts, root).run(), stale=stale)
    elif stale and not rebuilding and not _never_published(ledger, there):
        raise Refused(
            f"{storage.url} holds no {layout.ROOT}, but the ledger knows of a catalog that was published there",
            "correct storage.url; if documents were lost there, run `stacsync rebuild`, and `stacsync sync --force` for files;"
            " if the place was emptied on purpose, move the ledger away to begin anew",
        )
    edition.settle(ledger, there)
    return adopted


def _never_published(ledger: Ledger, there: str | None) -> bool:
    """Say whether the very first publication was interrupted before its root was written: then it just goes on.

    What was written by then lies there under the edition that the ledger noted before; an emptied place has none.
    """
    if layout.ROOT in ledger.documents.get_many([layout.ROOT]):
        return False
    return not ledger.documents.any() or (there is not None and edition.known(ledger, there))


def _ours(root: Found | Unreadable, storage: Storage, facts: CatalogFacts) -> Found:
    if isinstance(root, Unreadable) or render.LAYOUT not in root.document:
        raise Refused(
            f"{storage.url} holds a {layout.ROOT} that stacsync did not write",
            "choose an empty place in storage.url, or move that catalog away",
        )
    if root.document.get("id") != facts.id:
        raise Refused(
            f"{storage.url} holds the catalog {root.document.get('id')!r}, the configuration says {facts.id!r}",
            "set catalog.id to what is published, or choose another place in storage.url",
        )
    return root


@dataclass(slots=True)
class _Adoption:
    """One run over a published catalog."""

    reader: Reader
    ledger: Ledger
    facts: CatalogFacts
    root: Found
    documents: int = 0
    items: int = 0
    assets: int = 0
    findings: list[Finding] = field(default_factory=list)

    def run(self) -> Adopted:
        providers = [head for found in self._children(self.root) if (head := self._provider(found)) is not None]
        listed = self.reader.read_raw(layout.COLLECTIONS)
        with self.ledger.write() as conn:
            self._record(conn, self.root.key, "catalog", self.root.data)
            heads.put(conn, self._root_head(providers))
            take_back_retired(conn)
            if listed is not None and listed == b"".join(render.all_collections(heads.listings(conn))):
                self._record(conn, layout.COLLECTIONS, "list", listed)
            else:
                dirty.mark(conn, *dirty.ROOT)
        return Adopted(self.documents, self.items, self.assets, tuple(self.findings))

    def _root_head(self, providers: list[Head]) -> Head:
        """Return the head of the root, with today's settings only if they are what it was made with."""
        now = root_head(self.facts)
        ordered = sorted(providers, key=heads.by_title)
        if render.top(self.facts, ordered).data == self.root.data:
            return now
        return replace(now, title=str(self.root.document.get("title")), facts={})

    def _record(self, conn: Connection, key: str, kind: str, data: bytes) -> None:
        row = DocumentRow(key=key, kind=kind, digest=sha256(data).hexdigest(), size=len(data))
        self.ledger.documents.record(conn, [row])
        self.documents += 1

    def _children(self, found: Found, rel: str = "child") -> Iterator[Found]:
        """Yield the readable documents that `found` links to; tell of the others."""
        for child in self.reader.read_all(key for key, _ in found.links(rel)):
            if isinstance(child, Found):
                yield child
            else:
                self.findings.append(Finding(child.key, f"{child.problem}; it was left out", _HEALS))

    def _provider(self, found: Found) -> Head | None:
        name = found.document.get("stacsync:provider")
        if not isinstance(name, str) or found.key != layout.provider_key(name):
            self.findings.append(Finding(found.key, "is no provider's Catalog of ours; it was left out", _HEALS))
            return None
        before = len(self.findings)
        width = self._list(found, name)
        head = Head(
            provider=name,
            collection="",
            name=name,
            key=found.key,
            title=str(found.document.get("title")),
            facts={"kind": found.document.get("stacsync:kind"), "license": None},
            width=width,
        )
        with self.ledger.write() as conn:
            self._record(conn, found.key, "catalog", found.data)
            heads.put(conn, head)
            if len(self.findings) > before:
                dirty.mark_whole(conn, name, "")
        return head

    def _list(self, found: Found, provider: str) -> int:
        """Adopt the Collections that a provider's document lists, through its sub-catalogs; return its width."""
        for child in self._children(found):
            if child.document.get("type") == "Collection":
                self._collection(child, provider)
            else:
                self._list(child, provider)
                with self.ledger.write() as conn:
                    self._record(conn, child.key, "catalog", child.data)
        return width_of(found)

    def _collection(self, found: Found, provider: str) -> None:
        wished = wished_id(found, provider)
        if wished is None:
            self.findings.append(Finding(found.key, "is no Collection of ours; it was left out", _HEALS))
            return
        before = len(self.findings)
        record, mirrored = stac.records.from_document(found.document, found.key)
        job = record.job_id or ADOPTED
        head = Head(
            provider=provider,
            collection=wished,
            name=str(found.document["id"]),
            key=found.key,
            title=str(found.document.get("title")),
            sort_at=utc_text(found.document.get("created")),
            width=width_of(found),
        )
        summaries: dict[str, Summary] = {}
        self._items(found, provider, wished, summaries)
        with self.ledger.write() as conn:
            for month, summary in summaries.items():
                aggregates.save(conn, (provider, wished, month), summary)
            said = stac.records.to_json(replace(record, id=wished))
            restore_contribution(conn, provider, wished, job, said, head.sort_at)
            self.assets += restore_assets(conn, [_row(provider, job, one) for one in mirrored.values()])
            self._record(conn, found.key, "collection", found.data)
            heads.put(conn, head)
            heads.set_listing(conn, head, render.listing(found.document, found.key))
            if len(self.findings) > before:
                dirty.mark_whole(conn, provider, wished)

    def _items(self, found: Found, provider: str, collection: str, summaries: dict[str, Summary]) -> None:
        """Adopt the Items that a document lists, then those of its sub-catalogs."""
        for child in self._children(found):
            self._items(child, provider, collection, summaries)
            with self.ledger.write() as conn:
                self._record(conn, child.key, "catalog", child.data)
        rows: list[StagedItem] = []
        documents: list[DocumentRow] = []
        mirrored: list[AssetRow] = []
        for item in self._children(found, "item"):
            if item.document.get("type") != "Feature" or not isinstance(item.document.get("id"), str):
                self.findings.append(Finding(item.key, "is no Item; it was left out", _HEALS))
                continue
            job = (item.document.get("properties") or {}).get("stacsync:job_id") or ADOPTED
            row = StagedItem.of(item.document, provider, collection, str(job), item.key)
            rows.append(row)
            digest = sha256(item.data).hexdigest()
            documents.append(DocumentRow(key=item.key, kind="item", digest=digest, size=len(item.data)))
            mirrored += [_row(provider, str(job), one) for one in mirrored_assets(item)]
            month = month_of(row.sort_at)
            summaries[month] = summaries.get(month, Summary()).add(item.document)
        with self.ledger.write() as conn:
            restore_items(conn, rows)
            self.ledger.documents.record(conn, documents)
            self.assets += restore_assets(conn, mirrored)
        self.items += len(rows)
        self.documents += len(documents)


def width_of(found: Found) -> int:
    """Return how the list of a published top document is split, see `tree.split_width`."""
    names = {posixpath.basename(posixpath.dirname(key)) for key, _ in found.links("child") if "/by-month/" in key}
    if not names:
        return 0
    return max((len(name) for name in names - {tree.UNDATED}), default=tree.WIDTHS[0])


def wished_id(found: Found, provider: str) -> str | None:
    """Return the id that a published Collection has in the ledger; None when it lies where none of ours would."""
    name = found.document.get("id")
    if not isinstance(name, str):
        return None
    stems = [name, *(name[: name.rfind(mark)] for mark in [f"-{provider}"] if mark in name)]
    return next((stem for stem in stems if layout.collection_key(provider, stem) == found.key), None)


def mirrored_assets(found: Found) -> Iterator[Mirrored]:
    """Yield what the store holds of a published document's assets, as its fields tell."""
    for asset in found.assets().values():
        identity, key = asset.get("stacsync:source"), inside(found.key, asset.get("href"))
        if not isinstance(identity, str) or key is None:
            continue
        checksum = str(asset.get("file:checksum", ""))
        yield Mirrored(
            key=key,
            size=asset.get("file:size"),
            sha256=checksum[4:] if checksum.startswith("1220") else None,
            identity=identity,
            media_type=asset.get("type"),
        )


def _row(provider: str, job: str, mirrored: Mirrored) -> AssetRow:
    return AssetRow(
        key=mirrored.key,
        provider=provider,
        job=job,
        identity=mirrored.identity,
        size=mirrored.size,
        sha256=mirrored.sha256,
        media_type=mirrored.media_type,
    )
