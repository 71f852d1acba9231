"""When: one APScheduler job per provider, never two of the same at once, none lost, none piled up.

A late or missed run is caught up once (`coalesce`, no misfire limit; one that comes due while the last is under way
follows it at once), the first comes at the start, and every provider has a thread of its own, so that one that hangs
delays nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock

from apscheduler.events import EVENT_JOB_MAX_INSTANCES, JobSubmissionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

_QUIET = logging.getLogger("apscheduler.overlaps")
_QUIET.setLevel(logging.ERROR)
"""A pass that outlasts its rhythm is no news worth a warning every few seconds: it is caught up."""


_LEEWAY = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """When one provider's passes are due: every so often, or by a crontab expression (UTC); plus up to `jitter`."""

    every: timedelta | None = None
    cron: str | None = None
    jitter: timedelta = timedelta(0)

    def trigger(self, *, exact: bool = False) -> IntervalTrigger | CronTrigger:
        """Return the trigger of this rhythm; an `exact` one knows no jitter."""
        jitter = None if exact else round(self.jitter.total_seconds()) or None
        if self.cron is not None:
            trigger = CronTrigger.from_crontab(self.cron, timezone=UTC)
            trigger.jitter = jitter
            return trigger
        assert self.every is not None  # noqa: S101 - settings give one of the two
        return IntervalTrigger(seconds=max(1, round(self.every.total_seconds())), timezone=UTC, jitter=jitter)

    def after(self, moment: datetime, runs: int) -> datetime | None:
        """Return when, counted from `moment`, so many runs were due, jitter at its longest; None: never."""
        trigger, due = self.trigger(exact=True), moment
        for _ in range(runs):
            following = trigger.get_next_fire_time(due, due)
            if following is None:
                return None
            due = following
        return due.astimezone(UTC) + self.jitter * runs

    def __str__(self) -> str:
        """Say it in words: "every 5 min", "at */10 * * * * (UTC)"."""
        if self.every is None:
            return f"at {self.cron} (UTC)"
        seconds = round(self.every.total_seconds())
        for unit, length in (("h", 3600), ("min", 60)):
            if seconds >= length and seconds % length == 0:
                return f"every {seconds // length} {unit}"
        return f"every {seconds} s"


class Schedule:
    """Runs one function per provider at its rhythm."""

    def __init__(
        self,
        rhythms: Mapping[str, Rhythm],
        work: Callable[[str], None],
        scheduler: BaseScheduler | None = None,
    ) -> None:
        """Plan `work(name)` for every provider of `rhythms`; nothing runs before `start`."""
        threads = max(1, len(rhythms))
        self._scheduler = scheduler or BackgroundScheduler(
            timezone=UTC, executors={"default": ThreadPoolExecutor(threads)}, logger=_QUIET
        )
        self.rhythms = rhythms
        self._work = work
        self._owed: set[str] = set()
        self._lock = Lock()

    def start(self, now: datetime) -> None:
        """Begin: the first pass of every provider is due at `now`."""
        self._scheduler.add_listener(self._overlapped, EVENT_JOB_MAX_INSTANCES)
        for name, rhythm in self.rhythms.items():
            self._scheduler.add_job(
                self._run,
                trigger=rhythm.trigger(),
                args=[name],
                id=name,
                next_run_time=now,
                misfire_grace_time=None,
                coalesce=True,
                max_instances=1,
            )
        self._scheduler.start()

    def next_run(self, name: str) -> datetime | None:
        """Return when a provider's next pass is due, in UTC."""
        job = self._scheduler.get_job(name)
        due = getattr(job, "next_run_time", None)
        return due.astimezone(UTC) if isinstance(due, datetime) else None

    def catch_up(self, now: datetime) -> frozenset[str]:
        """Plan at once what is planned for later than its rhythm allows, as the clock was set back; return whose it was."""
        late = set()
        for name, rhythm in self.rhythms.items():
            planned, due = self.next_run(name), rhythm.after(now, 1)
            if planned is not None and due is not None and planned > due + _LEEWAY:
                self._plan(name, now)
                late.add(name)
        return frozenset(late)

    @property
    def alive(self) -> bool:
        """Whether the scheduler's own thread runs."""
        thread = getattr(self._scheduler, "_thread", None)
        return bool(self._scheduler.running) and (thread is None or thread.is_alive())

    def stop(self) -> None:
        """Start no more passes; those under way are left to end by themselves."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _run(self, name: str) -> None:
        with self._lock:
            self._owed.discard(name)
        self._work(name)
        with self._lock:
            owed = name in self._owed
        if owed and self._scheduler.running:
            self._soon(name)

    def _soon(self, name: str) -> None:
        # Not "now": this run counts as under way until its thread has left it.
        due = datetime.now(UTC) + timedelta(milliseconds=100)
        planned = self.next_run(name)
        if planned is not None and planned <= due:
            return
        self._plan(name, due)

    def _plan(self, name: str, due: datetime) -> None:
        with suppress(JobLookupError):  # stopped meanwhile
            self._scheduler.modify_job(name, next_run_time=due)

    def _overlapped(self, event: JobSubmissionEvent) -> None:
        with self._lock:
            self._owed.add(event.job_id)
