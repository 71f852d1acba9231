"""A day in a minute: a clock set by hand drives schedules, failures, back-off, breakers and recoveries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import time_machine
from stacsync.daemon.tenure import Tenure
from stacsync.demo.openeo import OpenEOStandIn, StandInFile, StandInJob
from tests.kit.byhand import ByHand, on_duty, passes
from tests.kit.workspace import FolderStore, Workspace, crawl

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(hours=24)
FOREVER = 10_000


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def job(name: str) -> StandInJob:
    file = StandInFile(name=f"{name}.csv", data=f"{name},1\n".encode() * 20, media_type="text/csv")
    return StandInJob(id=name, title=name, files=(file,), shape="assets", created="2026-02-28T00:00:00Z")


class Day:
    """The course of a day: what happens when, beside the passes."""

    def __init__(self, clock: time_machine.Traveller, tenure: Tenure, scheduler: ByHand) -> None:
        self.clock, self.tenure, self.scheduler = clock, tenure, scheduler

    def until(self, moment: datetime) -> None:
        """Make every pass that falls due before `moment`, each at its time."""
        while True:
            self.tenure.parts.lease.renew()  # its own thread cannot keep up with this clock
            seconds = self.scheduler.step()
            assert seconds is not None
            due = datetime.now(UTC) + timedelta(seconds=seconds)
            self.clock.move_to(min(due, moment))
            if due >= moment:
                return


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_a_day_of_passes(tmp_path: Path) -> None:
    """Every pass that is due is made once; what fails is asked ever more rarely; what recovers is published, whole."""
    with (
        OpenEOStandIn([job("s-0")]) as steady,
        OpenEOStandIn([job("f-0")]) as flaky,
        OpenEOStandIn([job("n-0")]) as nightly,
    ):
        providers: dict[str, Mapping[str, Any]] = {
            "steady": {**steady.settings(), "every": "15m", "jitter": "0s"},
            "flaky": {**flaky.settings(), "every": "10m", "jitter": "0s"},
            "nightly": {**nightly.settings(), "cron": "30 2 * * *", "jitter": "0s"},
        }
        workspace = Workspace(tmp_path, FolderStore(tmp_path / "catalog"), providers=providers)
        with time_machine.travel(START, tick=False) as clock, on_duty(workspace) as (_, tenure, scheduler):
            day = Day(clock, tenure, scheduler)
            day.until(at(2))
            steady.jobs = (*steady.jobs, job("s-1"), job("s-bad"))
            nightly.jobs = (*nightly.jobs, job("n-1"))
            steady.fail(r"/jobs/s-bad/results", 403, times=FOREVER)
            day.until(at(6))
            flaky.fail(r"/jobs$", 400, times=FOREVER)
            flaky.jobs = (*flaky.jobs, job("f-1"))
            before = flaky.count(r"/jobs$")
            day.until(at(12))
            asked = flaky.count(r"/jobs$") - before
            flaky._faults.clear()
            day.until(at(20))
            attempts = steady.count(r"/jobs/s-bad/results")
            steady._faults.clear()
            day.until(START + DAY)

            made = {name: passes(tenure, name) for name in providers}
            assert [one.started for one in made["steady"]] == [START + n * timedelta(minutes=15) for n in range(96)]
            assert [one.started for one in made["nightly"]] == [START, at(2.5)]
            _flaky_hours([one.started for one in made["flaky"]], asked)
            # 17.75 hours of failing: after 1, 2, 4 … 512 minutes and no sooner, each rounded up to the next pass.
            assert 6 <= attempts <= 11
            known = {name: set(tenure.parts.ledger.jobs.known(name)) for name in providers}
            assert known == {"steady": {"s-0", "s-1", "s-bad"}, "flaky": {"f-0", "f-1"}, "nightly": {"n-0", "n-1"}}
            assert tenure.parts.ledger.jobs.counts() == {
                "steady": {"published": 3}, "flaky": {"published": 2}, "nightly": {"published": 2}
            }  # fmt: skip
        assets: list[str] = []
        list(crawl(workspace.store, assets=lambda key, _: assets.append(key)))
    assert sorted(key.rpartition("/")[2] for key in assets if key.endswith(".csv")) == [
        "f-0.csv", "f-1.csv", "n-0.csv", "n-1.csv", "s-0.csv", "s-1.csv", "s-bad.csv"
    ]  # fmt: skip


def _flaky_hours(started: list[datetime], asked: int) -> None:
    """Every ten minutes while it works; three tries and then ever longer waits, an hour at most, while it does not."""
    ten = timedelta(minutes=10)
    assert [one for one in started if one < at(6)] == [START + n * ten for n in range(36)]
    down = [one for one in started if at(6) <= one < at(12)]
    assert len(down) == asked
    assert down[:3] == [at(6), at(6) + ten, at(6) + 2 * ten]
    gaps = [late - early for early, late in pairwise(down)]
    assert gaps == sorted(gaps)
    assert max(gaps) == timedelta(hours=1)
    back = [one for one in started if one >= at(12)]
    assert back[0] <= at(13)
    assert back[1:] == [back[0] + n * ten for n in range(1, len(back))]
    assert back[-1] == START + DAY - ten
