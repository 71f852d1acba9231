"""A mirror on real parts: a folder store, a SQLite ledger, and a provider that signs addresses of a local server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Lock
from typing import Any

from stacsync.errors import AssetGone
from stacsync.jobs import AssetRecord, JobRecord, JobResult, Mirrored, PackageRecord, Remote, Source, identity
from stacsync.ledger import Ledger
from stacsync.mirror import Mirror, Sizes, Transfer
from stacsync.mirror.events import Event as Told
from stacsync.provider import CheckLine, Signed, SourceStore
from stacsync.storage import Storage, open_storage

JOB = JobRecord(id="job-1", fingerprint="1")
SMALL_SIZES = Sizes(small=64 * 1024, part=128 * 1024, extra_parts=2)


@dataclass(frozen=True, kw_only=True)
class Place:
    """What `open_storage` wants to know."""

    url: str
    endpoint_url: str | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    ca_bundle: str | None = None


def now() -> datetime:
    """A clock that stands still."""
    return datetime(2026, 11, 22, tzinfo=UTC)


@dataclass
class SigningProvider:
    """Signs `base` + path; `fresh` addresses get a query of their own, so that a server can tell them apart."""

    base: str
    store: SourceStore = field(default_factory=SourceStore)
    headers: Mapping[str, str] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    """Paths for which signing afresh tells that they are gone."""
    signed: list[tuple[str, bool]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def check(self) -> list[CheckLine]:
        return []

    def finished_jobs(self) -> Iterator[JobRecord]:
        yield JOB

    def describe(self, job: JobRecord) -> JobResult:
        raise NotImplementedError

    def sign(self, target: AssetRecord | PackageRecord, job: JobRecord, *, fresh: bool) -> Signed:
        del job
        path = (
            target.source.path
            if isinstance(target, AssetRecord) and isinstance(target.source, Remote)
            else target_path(target)
        )
        with self._lock:
            self.signed.append((path, fresh))
        if fresh and path in self.gone:
            raise AssetGone(f"{path} is gone")
        return Signed(url=f"{self.base}{path}{'?fresh=1' if fresh else ''}", headers=self.headers)

    def source_store(self) -> SourceStore:
        return self.store

    def close(self) -> None:
        pass


def target_path(target: AssetRecord | PackageRecord) -> str:
    """Return where a package lies at the server."""
    return f"/{target.id}" if isinstance(target, PackageRecord) else f"/{target.key}"


def asset(key: str, source: Source | None = None, *, version: str = "1", **more: Any) -> AssetRecord:
    """Make the record of an asset; by default a remote one at `/<key>`."""
    return AssetRecord(
        key=key,
        source=source or Remote(f"/{key}"),
        filename=more.pop("filename", key),
        identity=identity("cdse", "job-1", key, version),
        **more,
    )


@dataclass
class Bench:
    """One mirror and all that belongs to it."""

    mirror: Mirror
    storage: Storage
    ledger: Ledger
    provider: SigningProvider
    stop: Event
    told: list[Told]
    slept: list[float]

    def move(self, *assets: AssetRecord, folder: str = "cdse/c/i") -> list[Any]:
        """Mirror assets to `folder`."""
        transfers = [Transfer(asset, f"{folder}/{asset.filename}") for asset in assets]
        return self.mirror.transfer("cdse", JOB, self.provider, transfers)

    def one(self, asset: AssetRecord) -> Mirrored:
        """Mirror one asset that must arrive."""
        (result,) = self.move(asset)
        assert isinstance(result, Mirrored), result
        return result


@contextmanager
def bench(
    tmp_path: Path,
    base: str = "",
    trusted: frozenset[str] = frozenset(),
    *,
    storage: Storage | None = None,
    sizes: Sizes = SMALL_SIZES,
    max_asset_size: int = 1 << 30,
    sleep: Callable[[float], None] | None = None,
    provider: SigningProvider | None = None,
    others: tuple[str, ...] = (),
    **more: Any,
) -> Iterator[Bench]:
    """Open a mirror on the store and the ledger in `tmp_path`; opened again, it is what a restart finds."""
    stop, told, slept = Event(), list[Told](), list[float]()
    store = storage or open_storage(Place(url=f"file://{tmp_path / 'store'}"))
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", now)
    mirror = Mirror(
        store,
        ledger,
        max_asset_size=max_asset_size,
        stop=stop,
        clock=now,
        concurrency=4,
        trusted_hosts=dict.fromkeys(("cdse", *others), trusted),
        observer=told.append,
        sleep=sleep or slept.append,
        sizes=sizes,
        **more,
    )
    try:
        yield Bench(mirror, store, ledger, provider or SigningProvider(base), stop, told, slept)
    finally:
        mirror.close()
        ledger.close()
