"""`stacsync run`: the background service.

    starting → standby (another process holds the lease) → active → stopping
                        ↑___________ lease lost, configuration read again __|

SIGTERM and SIGINT stop it within 30 seconds; SIGHUP reads the configuration again (an invalid one is refused, the old one
stays). The status page answers in every phase.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from threading import Event
from types import FrameType

from stacsync import registry
from stacsync.app import Parts
from stacsync.daemon.notify import Notifier
from stacsync.daemon.tenure import Tenure
from stacsync.errors import ConfigError, LeaseHeld, StacsyncError
from stacsync.logs import get_logger
from stacsync.server import Phase, Service, start

TICK_SECONDS = 0.5
RETRY_SECONDS = 10.0
"""Between two tries to become active when the store or the ledger cannot be used."""
_LOG = get_logger(__name__)


class Daemon:
    """The service; `run` returns its exit code."""

    def __init__(self, config: Path | None, notifier: Notifier | None = None) -> None:
        """Read the configuration. Raises `ConfigError`."""
        self._config = config
        self._settings = registry.load_settings(config)
        self._notifier = notifier or Notifier()
        self._stop = Event()
        self._reload = Event()
        self.service = Service(self._settings)

    def run(self) -> int:
        """Serve until asked to stop; return 0."""
        self._listen()
        server = start(self._settings.server, self.service)
        _LOG.info("daemon.started", address=server.address, providers=sorted(self._settings.providers))
        self._notifier.ready()
        try:
            while not self._stop.is_set():
                self._tenure()
        finally:
            self._notifier.stopping()
            self.service.phase = Phase.STOPPING
            server.stop()
        _LOG.info("daemon.stopped")
        return 0

    def _listen(self) -> None:
        def ask(event: Event) -> Callable[[int, FrameType | None], None]:
            return lambda _number, _frame: event.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, ask(self._stop))
        signal.signal(signal.SIGHUP, ask(self._reload))

    def _tenure(self) -> None:
        """Wait for the lease, then work until asked to stop, to reload, or until the lease is lost."""
        parts = Parts(self._settings, observer=self.service.observe)
        tenure = Tenure(parts)
        self.service.enter(Phase.STANDBY, tenure)
        try:
            if self._acquire(parts):
                tenure.begin()
                self.service.enter(Phase.ACTIVE, tenure)
                _LOG.info("daemon.active", catalog=self._settings.catalog.id, storage=parts.storage.url)
                self._watch(parts)
        except StacsyncError as error:
            self.service.error = str(error)
            _LOG.error("daemon.waiting", error=str(error), retry_seconds=RETRY_SECONDS)
            self._pause(RETRY_SECONDS)
        finally:
            self._end(tenure)

    def _acquire(self, parts: Parts) -> bool:
        told = False
        while not self._stop.is_set() and not self._reloaded():
            try:
                parts.lease.acquire()
            except LeaseHeld as held:
                if not told:
                    _LOG.info("daemon.standby", reason=str(held))
                    told = True
                self.service.error = None
                self._notifier.status(f"standby: {held}")
                self._pause(1.0)
            else:
                return True
        return False

    def _watch(self, parts: Parts) -> None:
        self.service.error = None
        self._notifier.status("active")
        while not self._stop.is_set() and not self._reloaded():
            if parts.lease.lost.is_set():
                _LOG.warning("daemon.lease_lost")
                return
            self._pause(TICK_SECONDS)

    def _pause(self, seconds: float) -> None:
        """Wait a little, giving signs of life; returns early when asked to stop."""
        waited = 0.0
        while waited < seconds and not self._stop.wait(min(TICK_SECONDS, seconds)):
            waited += TICK_SECONDS
            if self.service.healthy:
                self._notifier.alive()

    def _reloaded(self) -> bool:
        """Return whether a new, valid configuration was read."""
        if not self._reload.is_set():
            return False
        self._reload.clear()
        try:
            settings = registry.load_settings(self._config)
        except ConfigError as error:
            _LOG.error("daemon.reload_refused", error=str(error))
            return False
        self._settings = settings
        self.service.settings = settings
        _LOG.info("daemon.reloaded", providers=sorted(settings.providers))
        return True

    def _end(self, tenure: Tenure) -> None:
        if not tenure.end():
            # A thread that hangs in a system call cannot be stopped; what it did is safe to lose, its lease expires.
            _LOG.error("daemon.abandoned", providers=sorted(tenure.running))
            os._exit(0)


def run(config: Path | None) -> int:
    """Run the service until SIGTERM or SIGINT; return the exit code. Raises `ConfigError`."""
    return Daemon(config).run()


__all__ = ["Daemon", "run"]
