"""A tenure without threads of its own: passes run when a test says so, at the time that a test says it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.base import BaseScheduler
from stacsync.app import Parts
from stacsync.daemon.tenure import Tenure
from stacsync.registry import load_settings
from stacsync.schedule import Rhythm, Schedule
from stacsync.server import Phase, Service
from tests.kit.workspace import Workspace

EVER = datetime(2000, 1, 1, tzinfo=UTC)


class ByHand(BaseScheduler):  # type: ignore[misc]  # APScheduler publishes no types
    """Looks for due runs when it is told to, and makes them in the caller's thread."""

    def __init__(self) -> None:
        super().__init__(timezone="UTC", executors={"default": DebugExecutor()})

    def wakeup(self) -> None:
        """Nobody sleeps."""

    def shutdown(self, wait: bool = True) -> None:
        super().shutdown(wait)

    def step(self) -> float | None:
        """Make every run that is due; return the seconds until the next one."""
        return self._process_jobs()  # type: ignore[no-any-return]  # the same


@contextmanager
def on_duty(workspace: Workspace) -> Iterator[tuple[Service, Tenure, ByHand]]:
    """An active service whose passes are made by `step`."""
    settings = load_settings(workspace.config, {})
    service, scheduler = Service(settings), ByHand()
    parts = Parts(settings, observer=service.observe)

    def plan(rhythms: dict[str, Rhythm], work: Callable[[str], None]) -> Schedule:
        return Schedule(rhythms, work, scheduler)

    tenure = Tenure(parts, service.counters.passed, plan)
    parts.lease.acquire()
    tenure.begin()
    service.enter(Phase.ACTIVE, tenure)
    try:
        yield service, tenure, scheduler
    finally:
        service.leave(Phase.STOPPING)
        assert tenure.end()


def passes(tenure: Tenure, provider: str) -> list[Any]:
    """Return the passes of a provider, oldest first."""
    return [one for one in tenure.parts.ledger.passes.recent(EVER) if one.provider == provider]
