"""`stacsync run`: the background service.

    starting → standby (another process holds the lease) → active → stopping
                        ↑___________ lease lost, configuration read again __|

SIGTERM and SIGINT stop it within 30 seconds; SIGHUP reads the configuration again (an invalid one is refused, the old one
stays). The status page answers in every phase; where it listens is decided once, at the start.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from stacsync import logs, registry
from stacsync.app import Parts
from stacsync.daemon.notify import Notifier
from stacsync.daemon.signals import Signals, leave_at_once
from stacsync.daemon.tenure import Tenure
from stacsync.errors import ConfigError, LeaseHeld, StacsyncError, Stopped
from stacsync.logs import get_logger
from stacsync.server import Phase, Service, start

TICK_SECONDS = 0.5
STANDBY_SECONDS = 1.0
"""Between two looks at a lease that another process has."""
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
        self._signals = Signals(self._stop_work, self._give_up)
        self._lock = Lock()
        self._tenure: Tenure | None = None
        self._left_behind: list[Tenure] = []
        self.service = Service(self._settings)

    def run(self) -> int:
        """Serve until asked to stop; return 0. Raises `ConfigError` when the server cannot listen."""
        self._signals.listen()
        server = start(self._settings.server, self.service)
        _LOG.info("daemon.started", address=server.address, providers=sorted(self._settings.providers))
        self._notifier.ready()
        self._notifier.keep_alive(lambda: self.service.healthy)
        try:
            while not self._signals.stop.is_set():
                self._hold_office()
        finally:
            self.service.leave(Phase.STOPPING)
            server.stop()
            self._notifier.close()
        _LOG.info("daemon.stopped", providers=sorted(self._hanging()))
        if self._hanging():
            leave_at_once()
        return 0

    def _hold_office(self) -> None:
        """Wait for the lease, then work until asked to stop, to reload, or until the lease is lost."""
        parts = Parts(self._settings, observer=self.service.observe)
        tenure = Tenure(parts, self.service.counters.passed)
        with self._lock:
            self._tenure = tenure
        self.service.enter(Phase.STANDBY, None)
        try:
            if self._acquire(parts):
                tenure.begin()
                self.service.enter(Phase.ACTIVE, tenure)
                _LOG.info("daemon.active", catalog=self._settings.catalog.id, storage=parts.storage.url)
                self._watch(parts, tenure)
        except Stopped:
            _LOG.info("daemon.interrupted")
        except StacsyncError as error:
            self._wait_after(error)
        finally:
            self._end(tenure)

    def _acquire(self, parts: Parts) -> bool:
        while not self._interrupted():
            try:
                parts.lease.acquire()
            except LeaseHeld as held:
                if self.service.waiting_for is None:
                    _LOG.info("daemon.standby", reason=str(held))
                self.service.error, self.service.waiting_for = None, str(held)
                self._notifier.status(f"standby: {held}")
                self._signals.pause(STANDBY_SECONDS)
            else:
                return True
        return False

    def _watch(self, parts: Parts, tenure: Tenure) -> None:
        self.service.error = None
        self._notifier.status("active")
        while not self._interrupted():
            if parts.lease.lost.is_set():
                _LOG.warning("daemon.lease_lost")
                return
            tenure.keep_time()
            self._signals.pause(TICK_SECONDS)

    def _wait_after(self, error: StacsyncError) -> None:
        """Tell what keeps us from working, and wait before the next try."""
        self.service.enter(Phase.STANDBY, None)
        self.service.error = str(error)
        self._notifier.status(f"waiting: {error}")
        _LOG.error("daemon.waiting", error=str(error), retry_seconds=RETRY_SECONDS)
        waited = 0.0
        while waited < RETRY_SECONDS and not self._interrupted():
            self._signals.pause(TICK_SECONDS)
            waited += TICK_SECONDS

    def _interrupted(self) -> bool:
        """Return whether to stop, or to go on with a new, valid configuration."""
        if self._signals.stop.is_set():
            return True
        if not self._signals.reload.is_set():
            return False
        self._signals.reload.clear()
        self._notifier.reloading()
        try:
            settings = registry.load_settings(self._config)
        except ConfigError as error:
            _LOG.error("daemon.reload_refused", error=str(error))
            return False
        finally:
            self._notifier.ready()
        if settings.server != self._settings.server:
            _LOG.warning("daemon.server_stays", reason="[server] takes effect at the next start")
        self._settings = settings
        self.service.settings = settings
        logs.configure(settings.log.level, settings.log.format)
        _LOG.info("daemon.reloaded", providers=sorted(settings.providers))
        return True

    def _stop_work(self) -> None:
        """End whatever sleeps, waits or transfers, as soon as a stop is asked for."""
        self._notifier.stopping()
        with self._lock:
            if self._tenure is not None:
                self._tenure.parts.stop.set()

    def _end(self, tenure: Tenure) -> None:
        self.service.leave(Phase.STOPPING if self._signals.stop.is_set() else Phase.STANDBY)
        if not tenure.end():
            # A thread that hangs in a system call cannot be stopped. It finds itself without a lease when it wakes up.
            tenure.parts.lease.release()
            _LOG.error("daemon.abandoned", providers=sorted(tenure.running))
            self._left_behind.append(tenure)
        with self._lock:
            self._tenure = None

    def _hanging(self) -> set[str]:
        return {name for tenure in self._left_behind for name in tenure.running}

    def _give_up(self) -> None:
        _LOG.error("daemon.gave_up", reason="something did not stop in time; what it did is taken up again")
        leave_at_once()


def run(config: Path | None) -> int:
    """Run the service until SIGTERM or SIGINT; return the exit code. Raises `ConfigError`."""
    return Daemon(config).run()


__all__ = ["Daemon", "run"]
