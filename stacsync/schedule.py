"""When: one APScheduler job per provider, never two of the same at once, none lost, none piled up.

A late or missed run is caught up once (`coalesce`, no misfire limit), the first comes at once, and every provider has a
thread of its own, so that one that hangs delays nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """When one provider's passes are due: every so often, or by a crontab expression (UTC); plus up to `jitter`."""

    every: timedelta | None = None
    cron: str | None = None
    jitter: timedelta = timedelta(0)

    def trigger(self) -> IntervalTrigger | CronTrigger:
        """Return the trigger of this rhythm."""
        jitter = round(self.jitter.total_seconds()) or None
        if self.cron is not None:
            trigger = CronTrigger.from_crontab(self.cron, timezone=UTC)
            trigger.jitter = jitter
            return trigger
        assert self.every is not None  # noqa: S101 - settings give one of the two
        return IntervalTrigger(seconds=max(1, round(self.every.total_seconds())), timezone=UTC, jitter=jitter)


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
            timezone=UTC, executors={"default": ThreadPoolExecutor(threads)}
        )
        self._rhythms = rhythms
        self._work = work

    def start(self, now: datetime) -> None:
        """Begin: the first pass of every provider is due at `now`."""
        for name, rhythm in self._rhythms.items():
            self._scheduler.add_job(
                self._work,
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

    @property
    def alive(self) -> bool:
        """Whether the scheduler's own thread runs."""
        thread = getattr(self._scheduler, "_thread", None)
        return bool(self._scheduler.running) and (thread is None or thread.is_alive())

    def stop(self) -> None:
        """Start no more passes; those under way are left to end by themselves."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
