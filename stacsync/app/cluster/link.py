"""The connection to a Dask scheduler: made when it is first needed, and made again after it was lost."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING, Any

from stacsync.errors import ClusterLost, ConfigError
from stacsync.logs import get_logger, redact

if TYPE_CHECKING:
    from distributed import Client

CONNECT = 10.0
"""Seconds to wait for the scheduler's answer."""
RETRIES = 2
"""How often a task is run again that failed before a word of ours was run."""
LOOK = 5.0
"""Seconds between two looks at which workers there are."""
PATIENCE = 300.0
"""Seconds that transfers wait while there is no worker at all: time for a cluster to start some."""
LOUD = ("distributed", "distributed.client")
"""Loggers that print tracebacks of what is told here in one sentence."""
_LOG = get_logger(__name__)


class Link:
    """One scheduler; used from many threads. Raises `ClusterLost` when it cannot be reached."""

    def __init__(
        self, address: str, *, patience: float = PATIENCE, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Connect nothing yet. Raises `ConfigError` when Dask is not installed."""
        if find_spec("distributed") is None:
            raise ConfigError('executor "dask" needs the package distributed', "pip install 'stacsync[dask]'")
        self.address = address
        self._patience = patience
        self._monotonic = monotonic
        self._lock = Lock()
        self._client: Client | None = None
        self._executor: Executor | None = None
        self._refused: tuple[float, ClusterLost] | None = None
        self._looked = self._seen = 0.0

    def client(self) -> Client:
        """Return the open connection."""
        with self._lock:
            if self._client is None or self._client.status != "running":
                self._connect()
            assert self._client is not None  # noqa: S101  else it was raised
            return self._client

    def executor(self) -> Executor:
        """Return what runs functions on workers."""
        self.client()
        with self._lock:
            if self._executor is None:
                raise self.lost()
            return self._executor

    def workers(self) -> dict[str, int]:
        """Return the workers' addresses, and how many transfers each makes at once."""
        try:
            found: dict[str, int] = dict(self.client().nthreads())
        except (OSError, RuntimeError, ValueError) as error:
            raise self.lost() from error
        return found

    def ensure(self) -> None:
        """Make sure, now and then, that the scheduler is there and has workers, or had some not long ago.

        A scheduler that is too busy for an answer is waited for as long as one without workers.
        """
        with self._lock:
            if self._client is None or self._client.status != "running":
                raise self.lost()
            now = self._monotonic()
            if now - self._looked < LOOK:
                return
            self._looked = now
        with suppress(ClusterLost):
            if self.workers():
                self._seen = now
        if now - self._seen > self._patience:
            raise ClusterLost(
                f"the Dask scheduler {self.address} has had no worker for {self._patience:.0f} s",
                f"start some: dask worker {self.address}",
            )

    def lost(self) -> ClusterLost:
        """Return the error of a scheduler that does not answer any more."""
        return ClusterLost(
            f"the connection to the Dask scheduler {self.address} was lost",
            "what arrived is kept, and the next pass goes on; see that the scheduler runs",
        )

    def close(self) -> None:
        """Leave the scheduler; what its workers are at they bring to an end."""
        with self._lock:
            self._drop()

    def _connect(self) -> None:
        now = self._monotonic()
        if self._refused is not None and now < self._refused[0]:
            raise self._refused[1]
        self._drop()
        from distributed import Client  # noqa: PLC0415  a third of a second, and an optional package

        for name in LOUD:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            client: Any = Client(
                self.address, timeout=CONNECT, set_as_default=False, direct_to_workers=False, name="stacsync"
            )
        except (OSError, ValueError, TypeError, ImportError, RuntimeError) as error:
            refused = ClusterLost(
                f"the Dask scheduler {self.address} cannot be reached: {redact(str(error))[:200]}",
                "start it (dask scheduler), or correct mirror.dask_scheduler",
            )
            self._refused = (self._monotonic() + CONNECT, refused)
            raise refused from error
        self._client, self._executor = client, client.get_executor(pure=False, retries=RETRIES)
        self._refused = None
        self._looked = 0.0
        self._seen = self._monotonic()
        _LOG.info("dask.connected", scheduler=self.address)

    def _drop(self) -> None:
        client, self._client, self._executor = self._client, None, None
        if client is not None:
            with suppress(OSError, RuntimeError):
                client.close(timeout=2)
