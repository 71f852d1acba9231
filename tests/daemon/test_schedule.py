"""When passes are due: at once, at their rhythm, never two of the same at a time, none lost, none piled up."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta
from threading import Event, Lock

import pytest
import time_machine
from stacsync.schedule import Rhythm, Schedule
from tests.kit.byhand import ByHand
from tests.kit.service import eventually

MONDAY = datetime(2026, 2, 2, 12, 0, tzinfo=UTC)


def test_the_first_pass_comes_at_once() -> None:
    """Nobody waits a whole interval after the start."""
    made: list[str] = []
    schedule = Schedule({"a": Rhythm(every=timedelta(hours=1)), "b": Rhythm(cron="0 0 1 1 *")}, made.append)
    schedule.start(datetime.now(UTC))
    eventually(lambda: sorted(made) == ["a", "b"], "both first passes")
    due = schedule.next_run("a")
    schedule.stop()
    assert due is not None
    assert timedelta(minutes=58) < due - datetime.now(UTC) <= timedelta(hours=1)


def test_a_slow_provider_delays_no_other() -> None:
    """While one pass takes long, another provider's passes keep coming."""
    release, made, lock = Event(), list[str](), Lock()

    def work(name: str) -> None:
        with lock:
            made.append(name)
        if name == "slow":
            release.wait(60)

    schedule = Schedule({name: Rhythm(every=timedelta(seconds=1)) for name in ("slow", "quick")}, work)
    schedule.start(datetime.now(UTC))
    eventually(lambda: made.count("quick") >= 3, "three quick passes")
    assert made.count("slow") == 1
    release.set()
    schedule.stop()


def test_what_came_due_meanwhile_is_caught_up_once(caplog: pytest.LogCaptureFixture) -> None:
    """A pass that outlasts several intervals is followed by one more at once, never by two at a time, and nobody is warned."""
    begun: list[float] = []
    at_once, most = 0, 0
    lock, release = Lock(), Event()

    def work(_: str) -> None:
        nonlocal at_once, most
        with lock:
            begun.append(time.monotonic())
            at_once += 1
            most = max(most, at_once)
        if len(begun) == 1:
            release.wait(60)
        with lock:
            at_once -= 1

    schedule = Schedule({"a": Rhythm(cron="* * * * *", every=None)}, work)
    with caplog.at_level(logging.WARNING):
        schedule.start(datetime.now(UTC))
        eventually(lambda: len(begun) == 1, "the first pass")
        # A minute is long to wait for: the run that falls due is brought forward.
        schedule._scheduler.modify_job("a", next_run_time=datetime.now(UTC))
        eventually(lambda: "a" in schedule._owed, "a run that fell due")
        release.set()
        eventually(lambda: len(begun) == 2, "the run that was owed", patience=20)
        schedule.stop()
    assert most == 1
    assert not [record for record in caplog.records if "instances" in record.getMessage()]


@pytest.mark.parametrize("rhythm", [Rhythm(every=timedelta(minutes=5)), Rhythm(cron="*/5 * * * *")])
def test_a_clock_that_was_set_back_delays_no_pass(rhythm: Rhythm) -> None:
    """What an hour ahead was planned for is made at once; then the rhythm holds again, and nothing more is caught up."""
    made: list[datetime] = []
    with time_machine.travel(MONDAY + timedelta(hours=1), tick=False) as clock:
        scheduler = ByHand()
        schedule = Schedule({"a": rhythm}, lambda _: made.append(datetime.now(UTC)), scheduler)
        schedule.start(datetime.now(UTC))
        scheduler.step()
        assert schedule.catch_up(datetime.now(UTC)) == frozenset()
        clock.move_to(MONDAY + timedelta(minutes=1))
        assert schedule.catch_up(datetime.now(UTC)) == {"a"}
        scheduler.step()
        assert schedule.catch_up(datetime.now(UTC)) == frozenset()
        due = schedule.next_run("a")
    assert made == [MONDAY + timedelta(hours=1), MONDAY + timedelta(minutes=1)]
    assert due is not None
    assert due <= MONDAY + timedelta(minutes=6)


def test_nothing_begins_after_stop() -> None:
    """Once stopped, no pass is begun any more."""
    made: list[str] = []
    schedule = Schedule({"a": Rhythm(every=timedelta(seconds=1))}, made.append)
    schedule.start(datetime.now(UTC))
    eventually(lambda: made, "a first pass")
    before = schedule.alive
    schedule.stop()
    assert (before, schedule.alive) == (True, False)
    count = len(made)
    time.sleep(1.3)
    assert len(made) == count


@pytest.mark.parametrize(
    ("rhythm", "runs", "due"),
    [
        (Rhythm(every=timedelta(minutes=5)), 3, MONDAY + timedelta(minutes=15)),
        (
            Rhythm(every=timedelta(minutes=5), jitter=timedelta(seconds=10)),
            3,
            MONDAY + timedelta(minutes=15, seconds=30),
        ),
        (Rhythm(cron="0 6 * * *"), 2, datetime(2026, 2, 4, 6, tzinfo=UTC)),
        (Rhythm(cron="*/10 * * * mon"), 1, MONDAY + timedelta(minutes=10)),
    ],
)
def test_how_late_a_provider_may_be(rhythm: Rhythm, runs: int, due: datetime) -> None:
    """So many runs after a moment are due at their rhythm, with all jitter."""
    assert rhythm.after(MONDAY + timedelta(seconds=1 if rhythm.cron else 0), runs) == due


@pytest.mark.parametrize(
    ("rhythm", "words"),
    [
        (Rhythm(every=timedelta(seconds=90)), "every 90 s"),
        (Rhythm(every=timedelta(minutes=5)), "every 5 min"),
        (Rhythm(every=timedelta(hours=2)), "every 2 h"),
        (Rhythm(cron="*/10 * * * *"), "at */10 * * * * (UTC)"),
    ],
)
def test_a_rhythm_in_words(rhythm: Rhythm, words: str) -> None:
    """The page says how often a provider is asked."""
    assert str(rhythm) == words


def test_jitter_only_delays() -> None:
    """A jittered run comes at its time or up to the jitter later, never earlier."""
    trigger = Rhythm(every=timedelta(minutes=5), jitter=timedelta(seconds=30)).trigger()
    for _ in range(50):
        due = trigger.get_next_fire_time(MONDAY, MONDAY)
        assert due is not None
        assert timedelta(0) <= due - MONDAY - timedelta(minutes=5) <= timedelta(seconds=30)
