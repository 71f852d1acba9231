"""Hands transfers to workers and waits for what comes of them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait

from stacsync.app.cluster.link import Link
from stacsync.app.cluster.task import Failure, Task
from stacsync.app.cluster.worker import work
from stacsync.errors import ClusterLost, TransferFailed
from stacsync.jobs import AssetRecord
from stacsync.logs import redact
from stacsync.mirror.errand import Errand, Ticker
from stacsync.mirror.hands import Moved
from stacsync.mirror.reuse import Choice

LOOK_UP = 0.25
"""Seconds between two looks at whether to go on waiting."""
Answer = Moved | Failure


class ClusterHands:
    """`Hands` on the workers of a cluster; `catalog` is the address of the store they have to write."""

    def __init__(self, link: Link, catalog: str, check: Callable[[], None]) -> None:
        """Hand over through `link`; `check` raises `Stopped` when this process is asked to stop."""
        self._link = link
        self._catalog = catalog
        self._check = check

    def move(self, errand: Errand, asset: AssetRecord, choice: Choice, ticker: Ticker) -> Moved:
        """Have a worker make the asset lie at `choice.key`; see `Hands`. Its bytes are told when all have arrived."""
        task = Task.of(self._catalog, errand.name, errand.job, asset, choice)
        try:
            future: Future[Answer] = self._link.executor().submit(work, task)
        except (OSError, RuntimeError) as error:
            raise self._link.lost() from error
        answer = self._answer(future)
        if isinstance(answer, Failure):
            raise answer.error()
        ticker.add(answer.bytes)
        return answer

    def _answer(self, future: Future[Answer]) -> Answer:
        try:
            while not wait([future], LOOK_UP).done:
                self._check()
                self._link.ensure()
            return future.result()
        except CancelledError as error:
            raise self._link.lost() from error
        except BaseException as error:
            if not future.done():
                future.cancel()
                raise
            raise _unheard(error) from error


def _unheard(error: BaseException) -> BaseException:
    """Return what to raise when no word of ours came back: workers died, or cannot run our code."""
    from distributed import KilledWorker  # noqa: PLC0415  the connection is there, thus Dask is

    if isinstance(error, KilledWorker):
        return TransferFailed(
            "every worker that moved it died", "look into the workers' logs; have they enough memory?"
        )
    return ClusterLost(
        f"workers cannot run transfers: {redact(f'{type(error).__name__}: {error}')[:200]}",
        "install the same stacsync on them as here; stacsync check tries each of them",
    )
