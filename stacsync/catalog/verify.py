"""Verify: audit what is published as a reader meets it, and compare with what the store really holds.

The catalog is read from the root over its links; the store is listed once, so that a million files cost some thousand
requests and not a million. Nothing is written.
"""

from __future__ import annotations

import posixpath
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import Any

import orjson

from stacsync import layout
from stacsync.catalog.audit_book import Asset, AuditBook
from stacsync.catalog.checks import REBUILD, asset_rows, document_findings, title_of
from stacsync.catalog.facts import Finding, Report
from stacsync.catalog.reader import Found, Reader, Unreadable, inside
from stacsync.catalog.score import Score
from stacsync.errors import StorageError
from stacsync.storage import Storage
from stacsync.storage.presence import folders, sizes

_FEW = 16
_UNFINISHED = "run `stacsync sync`, which completes a publication that was interrupted; if it stays, `stacsync rebuild`"
_EMPTY = "nothing is published there: run `stacsync sync`, or correct storage.url if something should be"
_ORPHAN = "run `stacsync sync`, which completes a publication that was interrupted; if it stays, delete it"


def audit(storage: Storage, *, checksums: bool = False) -> Report:
    """Audit the catalog in `storage`; with `checksums`, every mirrored file is read. Raises `StorageError`."""
    try:
        with AuditBook() as book, Reader(storage) as reader:
            return _audit(storage, book, reader, checksums=checksums)
    except sqlite3.Error as error:
        raise StorageError(f"the audit cannot keep its notes ({error})", "set TMPDIR to a folder with room") from None


def _audit(storage: Storage, book: AuditBook, reader: Reader, *, checksums: bool) -> Report:
    book.list_objects((found.key, found.size) for found in storage.list())
    run = _Audit(reader, book)
    reached = run.crawl()
    if reached or not book.is_empty():
        run.list_of_collections()
    run.findings += _asset_findings(storage, book)
    if checksums:
        run.findings += _checksum_findings(storage, book)
    orphans = _still_there(storage, book.orphans()) if reached else book.orphans()
    run.findings += [Finding(key, "nothing links to this document", _ORPHAN) for key in orphans if ours(key)]
    advice = tuple(run.score.advice())
    return Report(run.documents, book.asset_count(), tuple(run.findings), run.score.value(), advice)


def ours(key: str) -> bool:
    """Whether `key` is one at which a document of ours lies, rather than an asset that happens to be JSON."""
    *_, folder, name = ["", "", *key.split("/")]
    return name in {"catalog.json", "collection.json"} or name == f"{folder}.json"


@dataclass(frozen=True, slots=True)
class _Step:
    """A document to read, and what the one that links to it says."""

    key: str
    link: dict[str, Any]
    source: str


@dataclass(slots=True)
class _Audit:
    """One crawl from the root."""

    reader: Reader
    book: AuditBook
    documents: int = 0
    findings: list[Finding] = field(default_factory=list)
    score: Score = field(default_factory=Score)
    titles: dict[str, str | None] = field(default_factory=dict)
    """Of Catalogs and Collections."""
    collections: dict[str, str] = field(default_factory=dict)
    """Ids by key."""

    def crawl(self) -> bool:
        """Read everything that is reached from the root; False when that cannot be read."""
        root = self.reader.read(layout.ROOT)
        self.book.visit(layout.ROOT)
        if isinstance(root, Unreadable):
            self.findings.append(Finding(layout.ROOT, root.problem, _EMPTY if self.book.is_empty() else REBUILD))
            return False
        self._document(root)
        self._below(root, None)
        return True

    def _below(self, found: Found, collection: Found | None) -> None:
        """Read what `found` lists; `collection` is the Collection that it belongs to."""
        steps = (_Step(key, link, found.key) for key, link in found.links("child", "item"))
        fresh = [step for step in steps if self._new(step)]
        for step, child in zip(fresh, self.reader.read_all(step.key for step in fresh), strict=True):
            if isinstance(child, Unreadable):
                rel = step.link.get("rel")
                self.findings.append(
                    Finding(step.key, f"{child.problem}, though {step.source} has an {rel} link to it", REBUILD)
                )
                continue
            self._document(child)
            self._target(child, step.link, step.source)
            kind = child.document.get("type")
            if kind == "Feature":
                self._item(child, collection)
            else:
                self._upward(child)
                self._below(child, child if kind == "Collection" else collection)

    def _new(self, step: _Step) -> bool:
        if self.book.visit(step.key):
            return True
        self.findings.append(Finding(step.key, f"is listed more than once, last in {step.source}", REBUILD))
        return False

    def _document(self, found: Found) -> None:
        self.documents += 1
        self.findings += document_findings(found)
        self.score.add(found.key, found.document)
        for row in asset_rows(found):
            if isinstance(row, Finding):
                self.findings.append(row)
            else:
                self.book.name_asset(row)
        name, kind = str(found.document.get("id")), found.document.get("type")
        if kind != "Feature":
            self.titles[found.key] = title_of(found.document)
        if kind == "Collection":
            self.collections[found.key] = name
            self._unique("collections", name, found.key)

    def _unique(self, scope: str, name: str, key: str) -> None:
        other = self.book.claim(scope, name, key)
        if other is not None:
            self.findings.append(Finding(key, f"has the id {name!r} that {other} has too", REBUILD))

    def _item(self, found: Found, collection: Found | None) -> None:
        if collection is None:
            self.findings.append(Finding(found.key, "is listed outside of any Collection", REBUILD))
            return
        self._unique(collection.key, str(found.document.get("id")), found.key)
        if found.document.get("collection") != collection.document.get("id"):
            self.findings.append(Finding(found.key, "names another Collection than the one that lists it", REBUILD))
        self._upward(found)
        for rel in ("parent", "collection"):
            if any(key != collection.key for key, _ in found.links(rel)):
                self.findings.append(
                    Finding(found.key, f"its {rel} link leads to another document than its Collection", REBUILD)
                )

    def _upward(self, found: Found) -> None:
        """Check links to documents above, which were all read already."""
        for key, link in found.links("root", "parent", "collection"):
            if key in self.titles:
                self._title(self.titles[key], link, found.key)
            else:
                problem = f"its {link.get('rel')} link leads to {key}, which is not above it"
                self.findings.append(Finding(found.key, problem, REBUILD))
            if link.get("rel") == "root" and key != layout.ROOT:
                self.findings.append(Finding(found.key, "its root link does not lead to the root", REBUILD))

    def _target(self, found: Found, link: dict[str, Any], source: str) -> None:
        self._title(title_of(found.document), link, source)
        wanted = ("Feature",) if link.get("rel") == "item" else ("Catalog", "Collection")
        if found.document.get("type") not in wanted:
            self.findings.append(
                Finding(source, f"its {link.get('rel')} link leads to {found.key}, which is none", REBUILD)
            )

    def _title(self, title: str | None, link: dict[str, Any], source: str) -> None:
        if link.get("title") != title:
            problem = (
                f"its {link.get('rel')} link to {link.get('href')} says {link.get('title')!r}, the title is {title!r}"
            )
            self.findings.append(Finding(source, problem, REBUILD))

    def list_of_collections(self) -> None:
        """Check the list of all Collections against what was read."""
        self.book.visit(layout.COLLECTIONS)
        data = self.reader.read_raw(layout.COLLECTIONS)
        try:
            listed = orjson.loads(data) if data is not None else None
        except orjson.JSONDecodeError:
            listed = None
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            problem = "is missing" if data is None else "is no list of Collections"
            self.findings.append(Finding(layout.COLLECTIONS, problem, REBUILD))
            return
        self.documents += 1
        if sorted(str(one.get("id")) for one in listed) != sorted(self.collections.values()):
            self.findings.append(Finding(layout.COLLECTIONS, "lists other Collections than there are", _UNFINISHED))
        for one in listed:
            for name, asset in Found(layout.COLLECTIONS, b"", one).assets().items():
                key = inside(layout.COLLECTIONS, asset.get("href"))
                if key is not None:
                    self.book.name_asset(Asset(key.rstrip("/"), None, None, layout.COLLECTIONS, name, None))


def _again(asset: Asset) -> str:
    if posixpath.basename(asset.key) in layout.MADE_HERE:
        return REBUILD
    job = f" --job {asset.job}" if asset.job else ""
    return f"run `stacsync sync --force{job}`"


def _asset_findings(storage: Storage, book: AuditBook) -> Iterator[Finding]:
    for asset in _missing(storage, book):
        yield Finding(asset.key, f"is missing; it is asset {asset.name} of {asset.document}", _again(asset))
    for asset, size in _resized(storage, book):
        problem = f"has {size} bytes instead of {asset.size}; it is asset {asset.name} of {asset.document}"
        yield Finding(asset.key, problem, _again(asset))


def _still_there(storage: Storage, keys: Iterator[str]) -> Iterator[str]:
    """Yield those documents that are there, not only listed yet."""
    told = filter(ours, keys)
    while batch := list(islice(told, 64 * _FEW)):
        yield from sizes(storage, batch)


def _missing(storage: Storage, book: AuditBook) -> Iterator[Asset]:
    """Yield what is not there: what the listing omits is asked for by itself, as a listing may lag behind."""
    omitted = book.missing()
    while batch := list(islice(omitted, 64 * _FEW)):
        files = sizes(storage, (asset.key for asset in batch))
        book.list_objects(files.items())
        stores = folders(storage, (asset.key for asset in batch if asset.size is None and asset.key not in files))
        yield from (asset for asset in batch if asset.key not in files.keys() | stores)


def _resized(storage: Storage, book: AuditBook) -> Iterator[tuple[Asset, int]]:
    """Yield what has another size than recorded; what the listing says so is asked for by itself, see `_missing`."""
    told = book.resized()
    while batch := list(islice(told, 64 * _FEW)):
        found = sizes(storage, (asset.key for asset, _ in batch))
        book.list_objects(found.items())
        really = ((asset, found.get(asset.key, listed)) for asset, listed in batch)
        yield from ((asset, size) for asset, size in really if size != asset.size)


def _checksum_findings(storage: Storage, book: AuditBook) -> Iterator[Finding]:
    def differs(asset: Asset) -> bool:
        hashed = sha256()
        try:
            for chunk in storage.stream(asset.key):
                hashed.update(chunk)
        except KeyError:
            return True
        return hashed.hexdigest() != asset.sha256

    assets = book.checkable()
    with ThreadPoolExecutor(max_workers=_FEW, thread_name_prefix="verify") as pool:
        while batch := list(islice(assets, 4 * _FEW)):
            for asset, wrong in zip(batch, pool.map(differs, batch), strict=True):
                if wrong:
                    problem = f"does not hold what was mirrored; it is asset {asset.name} of {asset.document}"
                    yield Finding(asset.key, problem, f"delete that object from the store, then {_again(asset)}")
