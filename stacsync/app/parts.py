"""The parts that the commands work with, made from the settings when they are first asked for."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from threading import Event, RLock
from typing import TYPE_CHECKING

from stacsync import registry
from stacsync.app.memory import ReadOnlyMemory
from stacsync.app.part import Assembly, part
from stacsync.app.wall import LedgerWall
from stacsync.catalog import CatalogFacts, ProviderFacts, Publisher
from stacsync.catalog.preview import Previews
from stacsync.errors import ConfigError, LeaseHeld, Stopped
from stacsync.ledger import Ledger
from stacsync.logs import get_logger
from stacsync.mirror import Mirror
from stacsync.mirror.events import Observer, unwatched
from stacsync.mirror.hands import Hands
from stacsync.mirror.notes import Uploads
from stacsync.mirror.upload_notes import UploadNotes
from stacsync.provider import Context, JobProvider, Memory
from stacsync.raster import Gallery, Inspector, extra
from stacsync.search import ParquetIndex
from stacsync.settings import Settings
from stacsync.storage import Storage, open_storage
from stacsync.storage.lease import Lease
from stacsync.targets import Shape, Target

if TYPE_CHECKING:
    from stacsync.app.cluster import Link

_LOG = get_logger(__name__)


def now() -> datetime:
    """Return the time, timezone-aware UTC."""
    return datetime.now(UTC)


class Parts(Assembly):
    """Ledger, store, publisher, lease and providers of one configuration.

    With `writing=False` nothing is written anywhere, the ledger included (see `stacsync.ledger.Database`).
    """

    def __init__(self, settings: Settings, *, writing: bool = True, observer: Observer = unwatched) -> None:
        """Open nothing yet."""
        super().__init__()
        self.settings = settings
        self.writing = writing
        self.observer = observer
        self.stop = Event()
        self.publishing = RLock()
        """Held while documents are written, and while a job is committed."""
        self._providers: dict[str, JobProvider] = {}
        self._lock = RLock()

    @part
    def ledger(self) -> Ledger:
        """The ledger. Raises `LedgerError`."""
        return self.keeps(Ledger.open(self.settings.ledger.url, now, writing=self.writing))

    @part
    def storage(self) -> Storage:
        """The object store. Raises `StorageError`."""
        return self.keeps(open_storage(self.settings.storage, clock=now, sleep=self.sleep))

    @part
    def lease(self) -> Lease:
        """The right to write this catalog; not acquired yet."""
        lease = Lease(self.storage, clock=now, sleep=self.sleep)
        self.closing.callback(lease.release)
        return lease

    @part
    def publisher(self) -> Publisher:
        """Writes the catalog; every group of writes makes sure that the lease is still ours."""
        catalog = self.settings.catalog
        facts = CatalogFacts(
            id=catalog.id,
            title=catalog.title,
            description=catalog.description,
            license=catalog.license,
            organisations=tuple(one.model_dump(exclude_none=True, mode="json") for one in catalog.providers),
            public_url=self.settings.storage.public_url,
        )
        index = ParquetIndex(self.storage, self.ledger, public_url=facts.public_url, guard=self.lease.ensure)
        preview = None
        if self.settings.raster.pictures and extra.installed():
            preview = Previews(self.storage, self.ledger, guard=self.lease.ensure)
        return Publisher(self.storage, self.ledger, facts, index=index, preview=preview, guard=self.lease.ensure)

    def names(self, wanted: list[str] | None = None) -> list[str]:
        """Return the configured, enabled providers, or those of them that are `wanted`. Raises `ConfigError`."""
        configured = self.settings.providers
        for name in wanted or ():
            if name not in configured:
                raise ConfigError(
                    f"no provider {name!r} is configured", f"configured: {', '.join(sorted(configured)) or 'none'}"
                )
            if not configured[name].enabled:
                raise ConfigError(f"provider {name!r} is switched off", f"set providers.{name}.enabled = true")
        return [name for name in (wanted or configured) if configured[name].enabled]

    def facts(self) -> Mapping[str, ProviderFacts]:
        """Return what is published about each configured provider."""
        return {
            name: ProviderFacts(kind=one.kind, title=one.title or name, license=one.license)
            for name, one in self.settings.providers.items()
        }

    def provider(self, name: str) -> JobProvider:
        """Return the connected provider of this name."""
        with self._lock:
            if name not in self._providers:
                settings = self.settings.providers[name]
                made = registry.kind(settings.kind).connect(settings, self._context(name))
                self._providers[name] = self.keeps(made)
            return self._providers[name]

    @part
    def mirror(self) -> Mirror:
        """What moves files, for all providers together."""
        mirror = Mirror(
            self.storage,
            self.ledger,
            concurrency=self.settings.mirror.concurrency,
            max_asset_size=self.settings.mirror.max_asset_size,
            trusted_hosts={name: self.settings.providers[name].trusted() for name in self.names()},
            observer=self.observer,
            stop=self.stop,
            clock=now,
            sleep=self.sleep,
            hands=self.hands,
        )
        return self.keeps(mirror)

    @part
    def cluster(self) -> Link | None:
        """The Dask cluster that moves files; None when this process does. Raises `ConfigError` without Dask."""
        address = self.settings.mirror.dask_scheduler
        if address is None:
            return None
        from stacsync.app.cluster import Link  # noqa: PLC0415  few configurations have one

        return self.keeps(Link(address))

    @part
    def hands(self) -> Hands | None:
        """Who moves files in place of this process."""
        if self.cluster is None:
            return None
        from stacsync.app.cluster import ClusterHands  # noqa: PLC0415  the same

        return ClusterHands(self.cluster, self.storage.url, check=lambda: self.sleep(0))

    @part
    def uploads(self) -> Uploads:
        """Where uploads under way are noted by whoever moves files."""
        return self.ledger.uploads if self.cluster is None else UploadNotes(self.storage)

    @part
    def inspect(self) -> Inspector:
        """What looks into mirrored rasters."""
        gallery = Gallery(LedgerWall(self.storage, self.ledger)) if self.settings.raster.pictures else None
        return Inspector(store=self.storage, remember=self.ledger.assets.remember_facts, gallery=gallery)

    @part
    def targets(self) -> tuple[Target, ...]:
        """The STAC APIs that take the Items too."""
        storage = self.settings.storage
        shape = Shape(storage.url, storage.public_url)
        return tuple(
            self.keeps(
                Target(one.url, one.token, ledger=self.ledger, shape=shape, context=self._context("targets"), clock=now)
            )
            for one in self.settings.targets
        )

    def _context(self, name: str) -> Context:
        return Context(
            name=name,
            memory=self.memory(name),
            clock=now,
            sleep=self.sleep,
            stop=self.stop,
            state_dir=str(self.settings.ledger.folder),
        )

    def memory(self, name: str) -> Memory:
        """Return what a provider remembers between passes."""
        memory = self.ledger.memory(name)
        return memory if self.writing else ReadOnlyMemory(memory)

    def hold_lease(self, patience: float = 15.0) -> None:
        """Get the right to write this catalog, waiting up to `patience` seconds for another holder.

        Raises `LeaseHeld` naming the holder, or `StorageError`.
        """
        deadline, told = time.monotonic() + patience, False
        while True:
            try:
                self.lease.acquire()
            except LeaseHeld as held:
                if time.monotonic() >= deadline:
                    raise
                if not told:
                    _LOG.info("lease.waiting", reason=str(held))
                told = True
                self.sleep(1.0)
            else:
                return

    def sleep(self, seconds: float) -> None:
        """Sleep, unless the process is asked to stop. Raises `Stopped`."""
        if self.stop.wait(seconds):
            raise Stopped("asked to stop")
