"""The mirror as a pass uses it: many assets at once, each failing alone, all of them stopping at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from datetime import datetime
from threading import Event, Lock
from typing import Protocol, TypeVar

from stacsync import layout
from stacsync.errors import JobUnusable, Stopped, TransferFailed
from stacsync.http.fetch import Fetcher
from stacsync.jobs import AssetRecord, JobRecord, Member, MemberFact, Mirrored, PackageRecord
from stacsync.ledger.assets import AssetRow
from stacsync.mirror import reuse
from stacsync.mirror.carry import Carrier, Uploads
from stacsync.mirror.errand import Errand, Ticker, named
from stacsync.mirror.events import Observer, unwatched
from stacsync.mirror.mover import Book, Mover
from stacsync.mirror.order import PackageLimits, Sizes, Transfer
from stacsync.mirror.package import Unpacker
from stacsync.mirror.parts import Spare
from stacsync.mirror.shelf import Shelf
from stacsync.provider import JobProvider
from stacsync.storage import Storage

LOOK_UP = 0.2
"""Seconds between two looks at the stop event while transfers are under way."""
Result = Mirrored | TransferFailed
T = TypeVar("T")


class Notes(Protocol):
    """The part of `stacsync.ledger.Ledger` that the mirror needs."""

    @property
    def assets(self) -> Book:
        """Return what is known of assets."""
        ...

    @property
    def uploads(self) -> Uploads:
        """Return what is known of uploads under way."""
        ...


class Mirror:
    """Moves assets and packages of finished jobs into a store; one for the whole process, used from many threads.

    `trusted` names per provider the hosts ("host:port") that may be private or speak plain http. `stop` ends everything
    with `Stopped` within a second or so; uploads that can be continued stay. `sleep` has to raise `Stopped` by itself.
    """

    def __init__(  # noqa: PLR0913  each of them is decided once, where the process is put together
        self,
        storage: Storage,
        ledger: Notes,
        *,
        max_asset_size: int,
        stop: Event,
        clock: Callable[[], datetime],
        concurrency: int = 16,
        trusted_hosts: Mapping[str, Iterable[str]] | None = None,
        observer: Observer = unwatched,
        sleep: Callable[[float], None] = time.sleep,
        sizes: Sizes | None = None,
        package_limits: PackageLimits | None = None,
    ) -> None:
        sizes = sizes or Sizes()
        self._ledger = ledger
        self._stop = stop
        self._observer = observer
        self._concurrency = concurrency
        self._trusted = {name: frozenset(hosts) for name, hosts in (trusted_hosts or {}).items()}
        self._workers = ThreadPoolExecutor(concurrency, thread_name_prefix="mirror")
        self._helpers = ThreadPoolExecutor(max(4, sizes.extra_parts), thread_name_prefix="mirror-parts")
        spare = Spare(self._helpers, sizes.extra_parts)
        self._mover = Mover(
            storage,
            ledger.assets,
            Carrier(storage, ledger.uploads, sizes, spare, clock, max_asset_size),
            helpers=self._helpers,
            ceiling=max_asset_size,
            small=sizes.small,
            sleep=sleep,
            check=self._check,
        )
        self._shelf = Shelf(storage, ledger.assets)
        self._unpacker = Unpacker(
            storage,
            self._shelf,
            helpers=self._helpers,
            limits=package_limits or PackageLimits(),
            member_bytes=max_asset_size,
            small=sizes.small,
            sleep=sleep,
            check=self._check,
        )
        self._lock = Lock()
        self._fetchers: dict[str, Fetcher] = {}

    def transfer(
        self, provider_name: str, job: JobRecord, provider: JobProvider, transfers: Sequence[Transfer]
    ) -> list[Result]:
        """Mirror assets; the results are in the order of `transfers`, a failed one is its error.

        Raises what ends more than one asset: `StorageError`, `LedgerError`, `Unavailable` from signing, `Stopped`.
        Transfers of one key and identity are done once.
        """
        errand = Errand(provider_name, job, provider, self._fetcher(provider_name))
        rows = self._ledger.assets.get_many(reuse.candidates(transfers))
        futures: dict[tuple[str, str], Future[Result]] = {}
        for transfer in transfers:
            name = (transfer.key, transfer.asset.identity)
            if name not in futures:
                futures[name] = self._workers.submit(self._one, errand, transfer, rows)
        self._finish(list(futures.values()))
        return [futures[transfer.key, transfer.asset.identity].result() for transfer in transfers]

    def unpack(
        self, provider_name: str, job: JobRecord, provider: JobProvider, package: PackageRecord
    ) -> tuple[MemberFact, ...]:
        """Make the wanted members of a package lie in the store; return them by path.

        Raises `JobUnusable` (with its kinds) for a package that cannot be taken, and what `transfer` raises; then
        nothing of it lies in the store. A package that was unpacked before is not downloaded again.
        """
        errand = Errand(provider_name, job, provider, self._fetcher(provider_name))
        future = self._workers.submit(self._unpack, errand, package)
        self._finish([future])
        return future.result()

    def close(self) -> None:
        """Release threads and connections."""
        self._workers.shutdown()
        self._helpers.shutdown()
        self._mover.close()
        for fetcher in self._fetchers.values():
            fetcher.close()

    def _one(self, errand: Errand, transfer: Transfer, rows: Mapping[str, AssetRow]) -> Result:
        asset, choice = transfer.asset, reuse.choose(transfer, rows)
        ticker = Ticker(self._observer, errand.name, errand.job.id, choice.key)
        ticker.start(asset.size)
        try:
            if isinstance(asset.source, Member):
                choice = self._member(errand, asset, asset.source)
            mirrored = self._mover.move(errand, asset, choice, ticker)
        except TransferFailed as error:
            failure = named(error, asset.key)
        except JobUnusable as error:
            failure = TransferFailed(f"{asset.key}: {error.message}", error.remedy)
        else:
            ticker.finish(mirrored.moved, reused=mirrored.reused)
            return mirrored
        ticker.fail(str(failure))
        return failure

    def _member(self, errand: Errand, asset: AssetRecord, member: Member) -> reuse.Choice:
        """Find a member where its package was unpacked, and let the ledger call it by the asset's identity."""
        key = self._shelf.key(errand, member)
        row = self._ledger.assets.get_many([key]).get(key)
        choice = reuse.unpacked(asset, member.path, row)
        if choice.present is not None and choice.present != row:
            self._ledger.assets.record(choice.present)
        return choice

    def _unpack(self, errand: Errand, package: PackageRecord) -> tuple[MemberFact, ...]:
        key = layout.package_folder(errand.name, errand.job.id, package.id)
        ticker = Ticker(self._observer, errand.name, errand.job.id, key)
        ticker.start(package.size)
        try:
            facts, moved = self._unpacker.unpack(errand, package, ticker)
        except JobUnusable as error:
            ticker.fail(str(error))
            raise
        ticker.finish(moved, reused=not moved)
        return facts

    def _finish(self, futures: Sequence[Future[T]]) -> None:
        """Wait until all are done; the first real error, or a stop, ends all of them."""
        waiting = set(futures)
        while waiting:
            done, waiting = wait(waiting, LOOK_UP, return_when=FIRST_EXCEPTION)
            stopped = self._stop.is_set()
            if stopped:
                self._interrupt()
            if stopped or any(future.exception() for future in done):
                for future in waiting:
                    future.cancel()
                wait(waiting)
                break
        self._check()
        for future in futures:
            if not future.cancelled():
                future.result()

    def _interrupt(self) -> None:
        with self._lock:
            fetchers = list(self._fetchers.values())
        for fetcher in fetchers:
            fetcher.interrupt()

    def _fetcher(self, provider: str) -> Fetcher:
        with self._lock:
            if provider not in self._fetchers:
                trusted = self._trusted.get(provider, frozenset())
                self._fetchers[provider] = Fetcher(trusted, connections=self._concurrency)
            return self._fetchers[provider]

    def _check(self) -> None:
        if self._stop.is_set():
            raise Stopped("asked to stop while assets were being mirrored")
