"""One tenure: from taking the lease on the catalog to giving it back, with one configuration.

The passes of every provider run at their rhythm meanwhile. A tenure ends when the process is asked to stop, when the
configuration is to be read again, or when another process took the lease.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

from stacsync.app import Parts, now
from stacsync.app.pushing import Pushing
from stacsync.app.syncing import adopt_if_lost, choice_of, make_pass, sweep_uploads
from stacsync.app.telling import SCHEDULE
from stacsync.daemon.breaker import Breaker
from stacsync.errors import StacsyncError, Stopped
from stacsync.ledger.times import to_text
from stacsync.logs import bound, get_logger
from stacsync.schedule import Rhythm, Schedule
from stacsync.sync import DocumentCounts, PassReport

GRACE_SECONDS = 24.0
"""How long passes under way may take to stop."""
Told = Callable[[str, str, float, DocumentCounts], None]
"""(provider, result, seconds, documents) of each pass that ended."""
Plan = Callable[[dict[str, Rhythm], Callable[[str], None]], Schedule]
_LOG = get_logger(__name__)


class Tenure:
    """The passes of all providers under one lease."""

    def __init__(self, parts: Parts, told: Told, plan: Plan = Schedule) -> None:
        """Prepare passes for the enabled providers of `parts`; `plan` makes the schedule."""
        self.parts = parts
        self._told = told
        self._pushing = Pushing(parts)
        settings = parts.settings
        rhythms = {}
        for name in parts.names():
            own = settings.providers[name].schedule(settings.schedule)
            rhythms[name] = Rhythm(every=own.every, cron=None if own.cron is None else str(own.cron), jitter=own.jitter)
        self.schedule = plan(rhythms, self.work)
        self._running: set[str] = set()
        self._lock = Lock()

    def begin(self) -> None:
        """Adopt what the store holds if the ledger was lost, give up forgotten uploads, then start.

        Raises `Refused`, `StorageError`, `LedgerError`.
        """
        adopt_if_lost(self.parts)
        sweep_uploads(self.parts)
        self.parts.ledger.forgive()
        self.schedule.start(now())

    def keep_time(self) -> None:
        """See to it that a clock that was set back delays nothing; to be called every now and then."""
        if late := self.schedule.catch_up(now()):
            _LOG.warning("clock.set_back", providers=sorted(late))

    @property
    def running(self) -> frozenset[str]:
        """The providers whose pass is under way."""
        with self._lock:
            return frozenset(self._running)

    def work(self, name: str) -> None:
        """Make one pass of a provider, unless its breaker is open; never raises."""
        with self._lock:
            if self.parts.stop.is_set():
                return
            self._running.add(name)
        try:
            with bound(provider=name):
                self._work(name)
        finally:
            with self._lock:
                self._running.discard(name)

    def _work(self, name: str) -> None:
        try:
            self.parts.ledger.forgive()
            breaker = Breaker(self.parts.ledger.memory(name))
            report = None
            if breaker.closed(now()):
                report = self._pass(name)
                self._pushing.wake()
                self._judge(breaker, report)
            self._remember(name, report)
        except Stopped:
            _LOG.info("pass.stopped")
        except StacsyncError as error:
            _LOG.error("pass.failed", error=str(error))
        except Exception:  # noqa: BLE001 - a bug in a pass is logged; the next pass is due all the same
            _LOG.exception("pass.bug")

    def _pass(self, name: str) -> PassReport:
        began, result, documents = time.monotonic(), "bug", DocumentCounts()
        try:
            report = make_pass(self.parts, name, choice_of(self.parts, name, patient=True)).run()
            documents = report.documents
            result = "failed" if report.error else "ok" if report.ok else "incomplete"
        except Stopped:
            result = "stopped"
            raise
        except StacsyncError:
            result = "failed"
            raise
        finally:
            self._told(name, result, time.monotonic() - began, documents)
        return report

    def _judge(self, breaker: Breaker, report: PassReport) -> None:
        """Let the breaker count what is the provider's fault; a store that is down must not keep us from asking."""
        if report.unavailable:
            breaker.failed(now())
            if (until := breaker.until(now())) is not None:
                _LOG.warning("breaker.open", until=to_text(until), error=report.error)
        elif report.error is None:
            if breaker.until(now()) is not None:
                _LOG.info("breaker.closed")
            breaker.worked()

    def _remember(self, name: str, report: PassReport | None) -> None:
        memory = self.parts.ledger.memory(name)
        complete = (memory.get(SCHEDULE) or {}).get("last_complete")
        if report is not None and report.error is None:
            complete = to_text(now())
        memory.put(SCHEDULE, {"next_pass": to_text(self.schedule.next_run(name)), "last_complete": complete})

    def end(self, sleep: Callable[[float], None] = time.sleep) -> bool:
        """Stop: no new passes, those under way stop where it is safe. Return whether all did in time."""
        with self._lock:
            self.parts.stop.set()
        self.schedule.stop()
        deadline = time.monotonic() + GRACE_SECONDS
        while (self.running or self._pushing.running) and time.monotonic() < deadline:
            sleep(0.05)
        ended = not self.running and not self._pushing.running
        if ended:
            self.parts.close()
        return ended
