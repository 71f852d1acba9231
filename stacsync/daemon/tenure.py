"""One tenure: from taking the lease on the catalog to giving it back, with one configuration.

The passes of every provider run at their rhythm meanwhile. A tenure ends when the process is asked to stop, when the
configuration is to be read again, or when another process took the lease.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

from stacsync.app import Parts, now
from stacsync.app.syncing import adopt_if_lost, choice_of, make_pass
from stacsync.app.telling import SCHEDULE
from stacsync.daemon.breaker import Breaker
from stacsync.errors import StacsyncError, Stopped
from stacsync.ledger.times import to_text
from stacsync.logs import get_logger
from stacsync.schedule import Rhythm, Schedule

GRACE_SECONDS = 25.0
"""How long passes under way may take to stop; containers are killed after 30 seconds."""
_LOG = get_logger(__name__)


class Tenure:
    """The passes of all providers under one lease."""

    def __init__(self, parts: Parts) -> None:
        """Prepare passes for the enabled providers of `parts`."""
        self.parts = parts
        settings = parts.settings
        rhythms = {}
        for name in parts.names():
            own = settings.providers[name].schedule(settings.schedule)
            rhythms[name] = Rhythm(every=own.every, cron=None if own.cron is None else str(own.cron), jitter=own.jitter)
        self.schedule = Schedule(rhythms, self.work)
        self._running: set[str] = set()
        self._lock = Lock()

    def begin(self) -> None:
        """Adopt what the store holds if the ledger was lost, then start. Raises `Refused`, `StorageError`, `LedgerError`."""
        adopt_if_lost(self.parts)
        self.schedule.start(now())

    @property
    def running(self) -> frozenset[str]:
        """The providers whose pass is under way."""
        with self._lock:
            return frozenset(self._running)

    def work(self, name: str) -> None:
        """Make one pass of a provider, unless its breaker is open; never raises."""
        breaker = Breaker(self.parts.ledger.memory(name))
        try:
            if self.parts.stop.is_set() or not breaker.closed(now()):
                return
            with self._lock:
                self._running.add(name)
            self._pass(name, breaker)
        except Stopped:
            _LOG.info("pass.stopped", provider=name)
        except StacsyncError as error:
            _LOG.error("pass.failed", provider=name, error=str(error))
        except Exception:  # noqa: BLE001 - a bug in a pass is logged; the next pass is due all the same
            _LOG.exception("pass.bug", provider=name)
        finally:
            with self._lock:
                self._running.discard(name)
            self._remember_next(name)

    def _pass(self, name: str, breaker: Breaker) -> None:
        report = make_pass(self.parts, name, choice_of(self.parts, name, patient=True)).run()
        if report.error is None:
            breaker.worked()
        else:
            breaker.failed(now())

    def _remember_next(self, name: str) -> None:
        due = self.schedule.next_run(name)
        try:
            self.parts.ledger.memory(name).put(SCHEDULE, {"next_pass": to_text(due)})
        except StacsyncError as error:
            _LOG.warning("schedule.not_remembered", provider=name, error=str(error))

    def end(self, sleep: Callable[[float], None] = time.sleep) -> bool:
        """Stop: no new passes, those under way stop where it is safe. Return whether all did in time."""
        self.schedule.stop()
        self.parts.stop.set()
        deadline = time.monotonic() + GRACE_SECONDS
        while self.running and time.monotonic() < deadline:
            sleep(0.05)
        ended = not self.running
        if ended:
            self.parts.close()
        return ended
