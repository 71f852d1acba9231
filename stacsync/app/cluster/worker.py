"""What runs in a worker process: it opens its own configuration once, and moves assets with its own credentials.

The configuration is found as by every command: `STACSYNC_CONFIG`, the usual places, the environment. The ledger is not
opened. Uploads under way are noted in the store, so that any other worker can go on where a dead one ended, or where
one stopped that Dask told to end.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from threading import Lock

from stacsync import registry
from stacsync.app.cluster.task import Failure, Task
from stacsync.app.cluster.wanted import still_wanted
from stacsync.app.memory import ReadOnlyMemory
from stacsync.app.part import part
from stacsync.app.parts import Parts, now
from stacsync.errors import ConfigError, StacsyncError, Stopped
from stacsync.logs import configure, get_logger
from stacsync.mirror.errand import Errand, Ticker
from stacsync.mirror.events import Event, Progress
from stacsync.mirror.feed import Hope
from stacsync.mirror.hands import Moved
from stacsync.mirror.here import Here
from stacsync.mirror.order import Sizes
from stacsync.mirror.upload_notes import UploadNotes
from stacsync.provider import CheckLine, Memory
from stacsync.settings import Settings

JOBS = 1000
"""Jobs of which a worker remembers whether their host is lost."""
_LOG = get_logger(__name__)
_opening = Lock()
_open: list[Outpost] = []


class Outpost(Parts):
    """The parts of one configuration in a worker: store and providers, and no ledger."""

    def __init__(self, settings: Settings) -> None:
        """Open nothing yet."""
        super().__init__(settings, writing=False)
        self._hopes: OrderedDict[tuple[str, str], Hope] = OrderedDict()

    def move(self, task: Task, wanted: Callable[[], bool]) -> Moved:
        """Move one asset; see `stacsync.mirror.hands.Hands`. Raises `ConfigError` for a task of another catalog.

        Raises `Stopped` soon after `wanted` says no; an upload that can be continued stays.
        """

        def watch(event: Event) -> None:
            if isinstance(event, Progress) and not wanted():
                raise Stopped("nobody waits for this transfer any more")

        self.check_catalog(task.catalog)
        self.names([task.provider])
        errand = Errand(
            task.provider,
            task.job,
            self.provider(task.provider),
            self.here.fetcher(task.provider),
            self._hope(task.provider, task.job.id),
        )
        ticker = Ticker(watch, task.provider, task.job.id, task.choice.key)
        return self.here.move(errand, task.asset, task.choice, ticker)

    def check_catalog(self, catalog: str) -> None:
        """Raise `ConfigError` unless this process writes the same store as the one that sent a task."""
        if self.storage.url != catalog:
            raise ConfigError(
                f"a worker is configured for {self.storage.url}, the pass is for {catalog}",
                "give workers the same configuration, and start them again",
            )

    @part
    def here(self) -> Here:
        """What moves assets in this process."""
        mirror = self.settings.mirror
        here = Here(
            self.storage,
            UploadNotes(self.storage),
            max_asset_size=mirror.max_asset_size,
            concurrency=mirror.concurrency,
            trusted_hosts={name: one.trusted() for name, one in self.settings.providers.items()},
            sizes=Sizes(),
            clock=now,
            sleep=self.sleep,
            check=lambda: self.sleep(0),
        )
        return self.keeps(here)

    def memory(self, name: str) -> Memory:  # noqa: ARG002 - every provider finds the same: nothing
        """Return a memory that knows nothing and lasts as long as this process."""
        return ReadOnlyMemory()

    def _hope(self, provider: str, job: str) -> Hope:
        with self._lock:
            hope = self._hopes.setdefault((provider, job), Hope())
            self._hopes.move_to_end((provider, job))
            if len(self._hopes) > JOBS:
                self._hopes.popitem(last=False)
            return hope


def outpost() -> Outpost:
    """Return the configuration of this process, opened at the first call. Raises `ConfigError`."""
    with _opening:
        if not _open:
            settings = registry.load_settings()
            configure(settings.log.level, settings.log.format)
            _open.append(Outpost(settings))
        return _open[0]


def work(task: Task) -> Moved | Failure:
    """Move one asset. Raises nothing of ours: what Dask tells of an exception is more than may leave this process."""
    try:
        return outpost().move(task, still_wanted())
    except Stopped as stopped:
        from distributed import Reschedule  # noqa: PLC0415  there is a worker here, thus there is Dask

        raise Reschedule from stopped
    except StacsyncError as error:
        return Failure.of(error)
    except Exception as bug:  # noqa: BLE001 - see above
        _LOG.exception("worker.bug", provider=task.provider, job=task.job.id)
        return Failure.of(bug)


async def inspect(catalog: str, note: str, told: bytes, providers: Sequence[str], wanted: str) -> list[CheckLine]:
    """Try what transfers need in this process; `note` holds `told` in the right store, `wanted` is the version there."""
    return await asyncio.to_thread(lambda: list(_inspect(catalog, note, told, providers, wanted)))


def _inspect(catalog: str, note: str, told: bytes, providers: Sequence[str], wanted: str) -> Iterable[CheckLine]:
    found = version("stacsync")
    if found != wanted:
        yield CheckLine(
            subject="version", ok=False, message=f"stacsync {found}, and here {wanted}", remedy="update one"
        )

    def configuration() -> None:
        own = outpost()
        own.check_catalog(catalog)
        for name in own.names(list(providers)):
            own.provider(name)

    yield _tried("configuration", configuration)
    if _open:
        yield _tried("storage", lambda: _same_store(_open[0], note, told))
        yield from _open[0].storage.probe()


def _same_store(own: Outpost, note: str, told: bytes) -> None:
    try:
        same = own.storage.get(note) == told
    except KeyError:
        same = False
    if not same:
        raise ConfigError(
            f"{own.storage.url} is not the store that is written here", "does its address lead to the same machine?"
        )


def _tried(subject: str, attempt: Callable[[], None]) -> CheckLine:
    try:
        attempt()
    except Exception as error:  # noqa: BLE001 - as in `work`
        failure = Failure.of(error)
        return CheckLine(subject=subject, ok=False, message=failure.message, remedy=failure.remedy)
    return CheckLine(subject=subject, ok=True, message="works")
