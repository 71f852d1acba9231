"""The mirror as a pass uses it: many assets at once, each failing alone, all of them stopping at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import datetime
from queue import Empty, SimpleQueue
from threading import Event, Lock
from typing import TypeVar

from stacsync import layout
from stacsync.errors import JobNotReady, JobSkipped, JobUnusable, Stopped, TransferFailed
from stacsync.jobs import AssetRecord, Inline, JobRecord, MemberFact, Mirrored, PackageRecord
from stacsync.ledger.assets import AssetRow
from stacsync.mirror import reuse
from stacsync.mirror.errand import Errand, Ticker, named
from stacsync.mirror.events import Observer, unwatched
from stacsync.mirror.hands import Hands, Moved
from stacsync.mirror.here import Here
from stacsync.mirror.notes import Notes
from stacsync.mirror.order import PackageLimits, Sizes, Transfer
from stacsync.mirror.package import Unpacker
from stacsync.mirror.pen import Pen
from stacsync.mirror.shelf import Shelf
from stacsync.mirror.turns import Turns
from stacsync.provider import JobProvider
from stacsync.storage import Storage

LOOK_UP = 0.2
"""Seconds between two looks at the stop event while transfers are under way."""
Result = Mirrored | TransferFailed
T = TypeVar("T")


class Mirror:
    """Moves assets and packages of finished jobs into a store; one for the whole process, used from many threads.

    `trusted_hosts` names every provider, with the hosts ("host:port") that may be private or speak plain http for it.
    `concurrency` files are moved at once; each provider has a share of them that no other can take. `stop` ends
    everything with `Stopped` within a second or so; uploads that can be continued stay. `sleep` has to raise `Stopped`
    by itself.
    `hands` move what lies behind HTTP or in buckets (None: this process does); packages are unpacked in this process.
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
        hands: Hands | None = None,
    ) -> None:
        sizes = sizes or Sizes()
        self._ledger = ledger
        self._stop = stop
        self._observer = observer
        self._turns = Turns(concurrency, trusted_hosts or ())
        self._lock = Lock()
        self._workers: dict[str, ThreadPoolExecutor] = {}
        self._here = Here(
            storage,
            ledger.uploads,
            max_asset_size=max_asset_size,
            concurrency=concurrency,
            trusted_hosts=trusted_hosts or {},
            sizes=sizes,
            clock=clock,
            sleep=sleep,
            check=self._check,
        )
        self._hands = hands or self._here
        self._shelf = Shelf(storage, ledger.assets)
        self._unpacker = Unpacker(
            storage,
            self._shelf,
            helpers=self._here.helpers,
            limits=package_limits or PackageLimits(),
            member_bytes=max_asset_size,
            small=sizes.small,
            sleep=sleep,
            check=self._check,
        )

    def transfer(
        self, provider_name: str, job: JobRecord, provider: JobProvider, transfers: Sequence[Transfer]
    ) -> list[Result]:
        """Mirror assets; the results are in the order of `transfers`, a failed one is its error.

        Raises what ends more than one asset: `StorageError`, `LedgerError`, `Unavailable` from signing, `Stopped`.
        Transfers of one key and identity are done once. A member of a package is none: it lies where `unpack` put it.
        """
        errand = Errand(provider_name, job, provider, self._here.fetcher(provider_name))
        rows = self._ledger.assets.get_many(reuse.candidates(transfers))
        futures: dict[tuple[str, str], Future[Result]] = {}
        workers = self._workers_of(provider_name)
        with Pen(self._ledger.assets) as pen:
            for transfer in transfers:
                name = (transfer.key, transfer.asset.identity)
                if name not in futures:
                    futures[name] = workers.submit(self._one, errand, transfer, rows, pen)
            self._finish(list(futures.values()))
        return [futures[transfer.key, transfer.asset.identity].result() for transfer in transfers]

    def unpack(
        self, provider_name: str, job: JobRecord, provider: JobProvider, package: PackageRecord
    ) -> tuple[MemberFact, ...]:
        """Make the wanted members of a package lie in the store; return them by path.

        Raises `JobUnusable` (with its kinds) for a package that cannot be taken, and what `transfer` raises; then
        nothing of it lies in the store. A package that was unpacked before is not downloaded again.
        """
        errand = Errand(provider_name, job, provider, self._here.fetcher(provider_name))
        future = self._workers_of(provider_name).submit(self._unpack, errand, package)
        self._finish([future])
        return future.result()

    def close(self) -> None:
        """Release threads and connections."""
        for workers in self._workers.values():
            workers.shutdown()
        self._here.close()

    def _workers_of(self, provider: str) -> ThreadPoolExecutor:
        with self._lock:
            if provider not in self._workers:
                name = f"mirror-{provider}"
                self._workers[provider] = ThreadPoolExecutor(self._turns.most, thread_name_prefix=name)
            return self._workers[provider]

    def _one(self, errand: Errand, transfer: Transfer, rows: Mapping[str, AssetRow], pen: Pen) -> Result:
        asset, choice = transfer.asset, reuse.choose(transfer, rows)
        ticker = Ticker(self._observer, errand.name, errand.job.id, choice.key)
        ticker.start(asset.size)
        try:
            moved = self._moved(errand, asset, choice, ticker)
            if choice.present is None:
                pen.note(moved.row)
        except TransferFailed as error:
            failure = named(error, asset.key)
        except JobUnusable as error:
            failure = TransferFailed(f"{asset.key}: {error.message}", error.remedy)
        else:
            ticker.finish(moved.bytes, reused=moved.reused)
            return moved.mirrored()
        ticker.fail(str(failure))
        return failure

    def _moved(self, errand: Errand, asset: AssetRecord, choice: reuse.Choice, ticker: Ticker) -> Moved:
        """Have the asset moved, unless it is there."""
        self._check()
        if choice.present is not None:
            return Moved(choice.present, reused=True)
        hands = self._here if isinstance(asset.source, Inline) else self._hands
        with self._turns.of(errand.name, self._check):
            return hands.move(errand, asset, choice, ticker)

    def _unpack(self, errand: Errand, package: PackageRecord) -> tuple[MemberFact, ...]:
        key = layout.package_folder(errand.name, errand.job.id, package.id)
        ticker = Ticker(self._observer, errand.name, errand.job.id, key)
        ticker.start(package.size)
        try:
            with self._turns.of(errand.name, self._check):
                facts, moved = self._unpacker.unpack(errand, package, ticker)
        except (JobUnusable, JobNotReady, JobSkipped) as error:
            ticker.fail(str(error))
            raise
        ticker.finish(moved, reused=not moved)
        return facts

    def _finish(self, futures: Sequence[Future[T]]) -> None:
        """Wait until all are done; the first real error, or a stop, ends all of them."""
        ended: SimpleQueue[Future[T]] = SimpleQueue()
        for future in futures:
            future.add_done_callback(ended.put)
        left = len(futures)
        while left:
            broken = False
            with suppress(Empty):
                broken = ended.get(timeout=LOOK_UP).exception() is not None
                left -= 1
            stopped = self._stop.is_set()
            if stopped:
                self._here.interrupt()
            if stopped or broken:
                for future in futures:
                    future.cancel()
                self._await(futures)
                break
        self._check()
        for future in futures:
            if not future.cancelled():
                future.result()

    def _await(self, futures: Sequence[Future[T]]) -> None:
        """Wait until all ended; when the process is asked to stop meanwhile, what is being read ends at once."""
        while wait(futures, timeout=LOOK_UP).not_done:
            if self._stop.is_set():
                self._here.interrupt()

    def _check(self) -> None:
        if self._stop.is_set():
            raise Stopped("asked to stop while assets were being mirrored")
