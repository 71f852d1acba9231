"""What the catalog's tests work with: stores that count and fail, jobs made by hand, readers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any, cast

import orjson
from stacsync import layout
from stacsync.catalog import CatalogFacts, DocumentCounts, Guard, Index, ProviderFacts, Publisher, unguarded
from stacsync.errors import Conflict, StorageError
from stacsync.jobs import CollectionRecord
from stacsync.ledger import AssetRow, Difference, Ledger, StagedItem
from stacsync.ledger.obsolete import asset_keys
from stacsync.ledger.staged import unpack
from stacsync.stac import records
from stacsync.storage import Storage, StoredObject

FACTS = CatalogFacts(id="acme-eo", title="ACME products", description="All of it", public_url="https://data.example")
PROVIDERS = {
    "hub": ProviderFacts(kind="sentinelhub", title="The hub"),
    "eo": ProviderFacts(kind="openeo", title="openEO"),
}


class Killed(BaseException):
    """Stands for SIGKILL: no handler of ours catches it."""


class MemoryStore:
    """A store in memory that counts its requests and can be made to fail or to be killed at a given write."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.requests = 0
        self.writes: list[str] = []
        self.fail_at: int | None = None
        self.kill_at: int | None = None
        self.after_write = False
        """Whether the fault comes after the write took effect rather than before."""
        self.changes = 0
        self._lock = Lock()

    def arm(self, *, fail_at: int | None = None, kill_at: int | None = None, after_write: bool = False) -> None:
        self.fail_at, self.kill_at, self.after_write, self.changes = fail_at, kill_at, after_write, 0

    def _fault(self) -> None:
        if self.changes == self.fail_at:
            raise StorageError("the store is out of reach")
        if self.kill_at is not None and self.changes >= self.kill_at:
            raise Killed

    def _change(self, key: str, data: bytes | None) -> None:
        with self._lock:
            self.requests += 1
            self.changes += 1
            if not self.after_write:
                self._fault()
            if data is None:
                self.objects.pop(key, None)
            else:
                self.objects[key] = data
                if key != layout.EDITION:  # which is no document
                    self.writes.append(key)
            if self.after_write:
                self._fault()

    @property
    def url(self) -> str:
        return "memory://"

    def _stored(self, key: str) -> StoredObject:
        data = self.objects[key]
        return StoredObject(key=key, size=len(data), etag=sha256(data).hexdigest())

    def _etag(self, key: str) -> str | None:
        return self._stored(key).etag if key in self.objects else None

    def head(self, key: str) -> StoredObject | None:
        self.requests += 1
        return self._stored(key) if key in self.objects else None

    def get(self, key: str) -> bytes:
        self.requests += 1
        return self.objects[key]

    def stream(self, key: str) -> Iterator[bytes]:
        yield self.get(key)

    def put(
        self, key: str, data: bytes, *, content_type: str, if_match: str | None = None, if_absent: bool = False
    ) -> StoredObject:
        if key != layout.EDITION:
            assert content_type == ("application/geo+json" if b'"Feature"' in data else "application/json")
        if (if_absent and key in self.objects) or (if_match and if_match != self._etag(key)):
            raise Conflict(f"{key} is another one")
        self._change(key, data)
        return self._stored(key)

    def put_stream(self, key: str, chunks: Iterable[bytes], **_options: Any) -> StoredObject:
        self._change(key, b"".join(chunks))
        return self._stored(key)

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        self.requests += 1
        folder = f"{prefix.rstrip('/')}/" if prefix else ""
        for key in sorted(self.objects):
            if key.startswith(folder):
                yield self._stored(key)

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._change(key, None)


@dataclass
class Bench:
    """A ledger, a store and the publisher between them."""

    ledger: Ledger
    store: MemoryStore = field(default_factory=MemoryStore)
    limit: int = 900
    facts: CatalogFacts = FACTS
    providers: Mapping[str, ProviderFacts] = field(default_factory=lambda: dict(PROVIDERS))
    index: Index | None = None
    guard: Guard = unguarded

    @property
    def publisher(self) -> Publisher:
        store = cast("Storage", self.store)
        return Publisher(store, self.ledger, self.facts, index=self.index, guard=self.guard, limit=self.limit)

    def publish(self) -> DocumentCounts:
        return self.publisher.publish(self.providers)

    def job(
        self,
        provider: str,
        job: str,
        *rows: StagedItem,
        title: str | None = None,
        at: str = "2026-01-01T00:00:00Z",
        **said: Any,
    ) -> Difference:
        """Stage and commit a job as a pass does: its assets first, then its items in one transaction."""
        collections = {row.collection for row in rows} | set(said.pop("collections", ()))
        for row in rows:
            self.mirror(row)
        self.ledger.items.discard_staged(provider, job)
        self.ledger.items.stage(provider, job, rows)
        record = {name: CollectionRecord(id=name, job_id=None, title=title or name, **said) for name in collections}
        with self.ledger.write() as conn:
            told = {name: (records.to_json(one), at) for name, one in record.items()}
            return self.ledger.items.commit(conn, provider, job, told)

    def mirror(self, row: StagedItem) -> None:
        for key, data in assets_of(row).items():
            if key not in self.store.objects:
                self.store.objects[key] = data
            asset = AssetRow(
                key=key,
                provider=row.provider,
                job=row.job,
                identity=layout.digest(key, 32),
                size=len(data),
                sha256=sha256(data).hexdigest(),
                media_type="image/tiff",
            )
            self.ledger.assets.record(asset)

    def tree(self) -> dict[str, bytes]:
        """All documents, without assets."""
        return {key: data for key, data in self.store.objects.items() if key.endswith(".json")}


def assets_of(row: StagedItem) -> dict[str, bytes]:
    return {key: f"bytes of {key}".encode() for key in asset_keys(unpack(row.body), row.key)}


def row(
    item: str,
    when: str | None = "2025-06-01T10:00:00Z",
    *,
    provider: str = "hub",
    collection: str = "fields",
    job: str = "j1",
    title: str | None = None,
    asset: str | None = "data.tif",
    **properties: Any,
) -> StagedItem:
    """A small valid Item of a job."""
    key = layout.item_key(provider, collection, item)
    document: dict[str, Any] = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [],
        "id": item,
        "geometry": {"type": "Point", "coordinates": [10.0, 50.0]},
        "bbox": [10.0, 50.0, 10.0, 50.0],
        "properties": {
            "datetime": when,
            "title": title or f"{(when or 'undated')[:10]} {item}",
            "stacsync:provider": provider,
            "stacsync:kind": PROVIDERS[provider].kind,
            "stacsync:job_id": job,
            **properties,
        },
        "assets": {},
        "links": [{"rel": "via", "href": f"https://example.org/jobs/{job}"}],
        "collection": collection,
    }
    if when is None:
        document["properties"] |= {"start_datetime": "2025-01-01T00:00:00Z", "end_datetime": "2025-01-02T00:00:00Z"}
    if asset:
        where = f"{layout.item_folder(provider, collection, item)}/{asset}"
        data = f"bytes of {where}".encode()
        document["assets"]["data"] = {
            "href": asset,
            "type": "image/tiff",
            "roles": ["data"],
            "file:size": len(data),
            "file:checksum": f"1220{sha256(data).hexdigest()}",
            "stacsync:source": layout.digest(where, 32),
        }
    return StagedItem.of(document, provider, collection, job, key)


@dataclass
class Crawl:
    """What a reader meets who follows every link from the root."""

    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    items: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    """Links whose title is no longer that of their target."""


def crawl(objects: Mapping[str, bytes]) -> Crawl:
    """Read the catalog like a client: every link must lead to a whole document of the title it promises."""
    found = Crawl()
    todo = [layout.ROOT]
    while todo:
        key = todo.pop()
        if key in found.documents:
            continue
        if key not in objects:
            found.problems.append(f"{key} is missing")
            continue
        document = orjson.loads(objects[key])
        found.documents[key] = document
        if document["type"] == "Feature":
            found.items.append(key)
            found.problems += [
                f"{key}: asset {name} is missing"
                for name, asset in document["assets"].items()
                if layout.resolve(key, asset["href"]) not in objects
            ]
        links = [link for link in document["links"] if link["rel"] in {"child", "item", "root", "parent", "collection"}]
        if sum(link["rel"] in {"child", "item"} for link in links) > 900:
            found.problems.append(f"{key} lists too many")
        todo += [layout.resolve(key, link["href"]) for link in links]
    for key, document in found.documents.items():
        for link in document["links"]:
            if link["rel"] in {"child", "item", "root", "parent", "collection"}:
                target = found.documents.get(layout.resolve(key, link["href"]), {})
                title = target.get("title") or target.get("properties", {}).get("title")
                if title != link["title"]:
                    found.stale.append(f"{key}: {link['rel']} link says {link['title']!r}, {title!r} is meant")
    return found


@cache
def _empty_ledger() -> bytes:
    """A ledger that knows nothing: copying one is much faster than making one."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        Ledger.open(f"sqlite:///{path}", clock).close()
        return path.read_bytes()


@contextmanager
def a_bench(limit: int = 900) -> Iterator[Bench]:
    """A bench whose ledger lies in memory-backed files where there are any."""
    with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        path = Path(folder) / "ledger.db"
        path.write_bytes(_empty_ledger())
        ledger = Ledger.open(f"sqlite:///{path}", clock)
        try:
            yield Bench(ledger, limit=limit)
        finally:
            ledger.close()


def clock() -> datetime:
    return datetime(2026, 11, 1, tzinfo=UTC)
