"""The circuit breaker: patient with a stumble, ever more reserved with a provider that is down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from stacsync.daemon.breaker import LAST, OPEN_AFTER, Breaker
from stacsync.testing import FakeMemory

NOON = datetime(2026, 2, 2, 12, 0, tzinfo=UTC)


def test_two_stumbles_change_nothing() -> None:
    """Up to the third failure in a row the provider is asked at its ordinary rhythm."""
    breaker = Breaker(FakeMemory())
    for _ in range(OPEN_AFTER - 1):
        breaker.failed(NOON)
        assert breaker.closed(NOON)
        assert breaker.until(NOON) is None


def test_it_opens_then_lets_one_try_through_then_closes() -> None:
    """After the third failure it is left alone for a minute; a try is allowed then, and a success forgets everything."""
    memory = FakeMemory()
    breaker = Breaker(memory)
    for _ in range(OPEN_AFTER):
        breaker.failed(NOON)
    assert breaker.until(NOON) == NOON + timedelta(minutes=1)
    assert not breaker.closed(NOON + timedelta(seconds=59))
    assert breaker.closed(NOON + timedelta(minutes=1))
    breaker.worked()
    assert breaker.closed(NOON)
    assert memory.get("breaker") is None


def test_a_restart_does_not_hammer() -> None:
    """Its state outlives the process."""
    memory = FakeMemory()
    for _ in range(OPEN_AFTER):
        Breaker(memory).failed(NOON)
    assert not Breaker(memory).closed(NOON)


@given(st.integers(1, 60))
def test_waits_grow_up_to_an_hour(failures: int) -> None:
    """Each failure makes the next wait no shorter than the last, and none is longer than an hour."""
    breaker, waits = Breaker(FakeMemory()), []
    for _ in range(failures):
        breaker.failed(NOON)
        until = breaker.until(NOON)
        waits.append(timedelta(0) if until is None else until - NOON)
    assert waits == sorted(waits)
    assert waits[-1] <= LAST


def test_a_clock_that_was_set_back_delays_nothing() -> None:
    """A wait that ends later than any wait can was noted by a clock that was ahead: the provider is asked at once."""
    memory = FakeMemory()
    for _ in range(OPEN_AFTER):
        Breaker(memory).failed(NOON + timedelta(days=3650))
    assert Breaker(memory).closed(NOON)
    assert Breaker(memory).until(NOON) is None
    assert not Breaker(memory).closed(NOON + timedelta(days=3650))
