"""Moves one asset, whatever its source is."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from threading import Lock

from stacsync.errors import AssetChanged, TransferFailed
from stacsync.jobs import AssetRecord, Inline, Remote, SourceFolder, SourceObject
from stacsync.ledger.assets import AssetRow
from stacsync.mirror import reuse
from stacsync.mirror.arrival import Arrived, recognised
from stacsync.mirror.bucket import Bucket, BucketFeed, copied, facts, quoted
from stacsync.mirror.carry import Carrier
from stacsync.mirror.errand import Errand, Ticker
from stacsync.mirror.feed import CannotContinue, Feed, Patience, check_ceiling
from stacsync.mirror.folders import FolderCopy
from stacsync.mirror.hands import Moved
from stacsync.mirror.inline import InlineFeed
from stacsync.mirror.order import CHEAP
from stacsync.mirror.remote import RemoteFeed
from stacsync.provider import ReadsBuckets, SourceStore
from stacsync.storage import Storage

BEGINNINGS = 4
"""How often a transfer is begun when its source can neither be continued nor changed."""


class Mover:
    """Moves assets into a store, one per call; may be used from many threads."""

    def __init__(
        self,
        storage: Storage,
        carrier: Carrier,
        *,
        copiers: Executor,
        ceiling: int,
        small: int,
        sleep: Callable[[float], None],
        check: Callable[[], None],
    ) -> None:
        self._storage = storage
        self._carrier = carrier
        self._copiers = copiers
        self._ceiling = ceiling
        self._small = small
        self._sleep = sleep
        self._check = check
        self._lock = Lock()
        self._sources: dict[SourceStore, Bucket] = {}

    def move(self, errand: Errand, asset: AssetRecord, choice: reuse.Choice, ticker: Ticker) -> Moved:
        """Make the asset lie at `choice.key`, or find it there. Raises `JobUnusable`, `StorageError` or `Stopped`."""
        self._check()
        if isinstance(asset.source, SourceFolder):
            return self._folder(errand, asset, asset.source, choice.key, ticker)
        cheap = asset.size is not None and asset.size <= CHEAP
        found = None if cheap else self._recognised(asset, choice.key)
        if found is not None:
            self._carrier.forget(choice.key)
            return _moved(errand, asset, choice.key, found, 0, reused=True)
        return self._bytes(errand, asset, choice, ticker)

    def close(self) -> None:
        """Release connections to providers' buckets."""
        with self._lock:
            sources, self._sources = list(self._sources.values()), {}
        for source in sources:
            source.close()

    def _recognised(self, asset: AssetRecord, key: str) -> Arrived | None:
        return recognised(self._storage, key, asset.identity, asset.filename, self._check)

    def _bytes(self, errand: Errand, asset: AssetRecord, choice: reuse.Choice, ticker: Ticker) -> Moved:
        unless = reuse.same_source(choice, errand.name, errand.job.id)
        changed = False
        for beginning in range(1, BEGINNINGS + 1):
            copy = self._copied(errand, asset, choice.key, unless)
            if copy is not None:
                return _moved(errand, asset, choice.key, copy, copy.size or 0)
            feed = self._feed(errand, asset, ticker)
            try:
                arrived = self._carrier.carry(asset, choice.key, feed, unless)
            except AssetChanged:
                if changed or beginning == BEGINNINGS:
                    raise
                changed = True
            except CannotContinue:
                if beginning == BEGINNINGS:
                    raise
            else:
                if arrived is not None:
                    return _moved(errand, asset, choice.key, arrived, feed.moved)
                return _still(errand, asset, choice)
            unless = None
        raise TransferFailed("could not be read whole")

    def _feed(self, errand: Errand, asset: AssetRecord, ticker: Ticker) -> Feed:
        match asset.source:
            case Inline(data=data):
                return InlineFeed(data)
            case SourceObject() as place:
                return BucketFeed(self._source(errand)[1], place, self._ceiling, self._watched(ticker))
            case Remote():
                return RemoteFeed(
                    errand.fetcher,
                    lambda fresh: errand.provider.sign(asset, errand.job, fresh=fresh),
                    Patience(self._sleep, errand.hope),
                    ceiling=self._ceiling,
                    stated_size=asset.size,
                    tell=ticker.add,
                )
            case other:
                raise TransferFailed(f"a {type(other).__name__} is no source of bytes")

    def _copied(self, errand: Errand, asset: AssetRecord, key: str, unless: str | None) -> Arrived | None:
        """Copy a large object of the provider's bucket inside the store's service, where that can be."""
        if not isinstance(asset.source, SourceObject):
            return None
        store, source = self._source(errand)
        found = facts(source, asset.source)
        check_ceiling(found.size, self._ceiling)
        if found.size <= self._small or (unless is not None and unless == quoted(found.etag)):
            return None
        return copied(self._storage, store, source, asset, key, found, self._check)

    def _folder(self, errand: Errand, asset: AssetRecord, folder: SourceFolder, key: str, ticker: Ticker) -> Moved:
        store, source = self._source(errand)
        copy = FolderCopy(self._storage, source, store, self._copiers, self._watched(ticker), self._check)
        moved = copy.copy(folder, asset, key, self._ceiling)
        return _moved(errand, asset, key, Arrived(None, None, None, None), moved)

    def _watched(self, ticker: Ticker) -> Callable[[int], None]:
        """Return what counts bytes, and ends the transfer when the process is asked to stop."""

        def tell(count: int) -> None:
            self._check()
            ticker.add(count)

        return tell

    def _source(self, errand: Errand) -> tuple[SourceStore, Bucket]:
        if not isinstance(errand.provider, ReadsBuckets):
            raise TransferFailed("lies in a bucket, and its provider reads none")
        from stacsync.storage.source import open_source  # noqa: PLC0415  its library takes half a second to load

        store = errand.provider.source_store()
        with self._lock:
            if store not in self._sources:
                self._sources[store] = open_source(store, sleep=self._sleep)
            return store, self._sources[store]


def _still(errand: Errand, asset: AssetRecord, choice: reuse.Choice) -> Moved:
    """Give the earlier object its new identity: the source says that its bytes are the same."""
    assert choice.earlier is not None  # noqa: S101  only an earlier row makes us ask
    row = replace(choice.earlier, provider=errand.name, job=errand.job.id, identity=asset.identity)
    return Moved(row, reused=True)


def _moved(
    errand: Errand, asset: AssetRecord, key: str, arrived: Arrived, moved: int, *, reused: bool = False
) -> Moved:
    row = AssetRow(
        key=key,
        provider=errand.name,
        job=errand.job.id,
        identity=asset.identity,
        size=arrived.size,
        sha256=arrived.sha256,
        media_type=arrived.media_type,
        source_etag=arrived.validator,
    )
    return Moved(row, moved, reused)
