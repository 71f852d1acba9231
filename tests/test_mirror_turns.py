"""Transfers of many providers share one limit: all of it is used, never more, and nobody is held up by another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stacsync.errors import Stopped
from stacsync.jobs import Mirrored
from stacsync.mirror import Transfer
from stacsync.mirror.turns import Turns
from tests.kit.faults import Fault, faulty
from tests.kit.mirroring import JOB, asset, bench


def never() -> None:
    """Nobody asks to stop."""


def until(true: Callable[[], bool]) -> None:
    """Wait until something is true, at most for ten seconds."""
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_provider_whose_files_hang_holds_up_no_other(tmp_path: Path) -> None:
    """With more hanging files of one provider than transfers at once, another provider's files arrive meanwhile."""
    paths = [f"hangs{index}" for index in range(12)]
    with faulty({"/quick": b"here", **{f"/{path}": b"slow" * 1000 for path in paths}}) as server:
        for path in paths:
            server.fail(f"/{path}", Fault(drip=1.0))
        with (
            bench(tmp_path, server.url(""), frozenset({server.place}), others=("up42",)) as at,
            ThreadPoolExecutor(1) as beside,
        ):
            slow = beside.submit(at.move, *(asset(path) for path in paths))
            until(lambda: sum(seen.path.startswith("/hangs") for seen in server.seen) >= 3)
            time.sleep(0.3)
            (quick,) = at.mirror.transfer("up42", JOB, at.provider, [Transfer(asset("quick"), "up42/c/i/quick")])
            assert isinstance(quick, Mirrored)
            assert not slow.done()
            assert sum(seen.path.startswith("/hangs") for seen in server.seen) == 3
            at.stop.set()
            assert isinstance(slow.exception(timeout=10), Stopped)


def test_who_waits_for_a_turn_is_stopped() -> None:
    """A transfer that waits for its turn ends when the process is asked to stop, and takes no turn with it."""
    turns = Turns(1)

    def refuse() -> None:
        raise Stopped("asked to stop")

    with turns.of("cdse", never), pytest.raises(Stopped), turns.of("cdse", refuse):
        pass
    with turns.of("cdse", never):
        pass


@pytest.mark.parametrize(("limit", "names", "most"), [(16, 1, 16), (16, 4, 10), (4, 4, 1), (1, 3, 1), (8, 0, 8)])
def test_one_provider_alone_has_most_of_the_turns(limit: int, names: int, most: int) -> None:
    """One provider has all turns; with others beside it, what is not kept back for them."""
    turns = Turns(limit, [f"p{index}" for index in range(names)])
    assert turns.most == most
    held = threading.Semaphore(0)
    leave = threading.Event()

    def hold() -> None:
        with turns.of("p0", never):
            held.release()
            leave.wait(10)

    with ThreadPoolExecutor(limit + 1) as pool:
        for _ in range(limit + 1):
            pool.submit(hold)
        for _ in range(most):
            assert held.acquire(timeout=10)
        assert not held.acquire(timeout=0.05)
        leave.set()


@given(
    limit=st.integers(1, 20),
    names=st.integers(1, 6),
    wishes=st.lists(st.integers(0, 5), min_size=1, max_size=60),
)
def test_the_limit_holds_and_everybody_finds_a_turn(limit: int, names: int, wishes: list[int]) -> None:
    """Whoever took what before, the limit is kept, and a provider that holds nothing is given a turn at once."""
    known = [f"p{index}" for index in range(names)]
    turns = Turns(limit, known)
    held: list[str] = []

    class NotNow(Exception):
        """There is no turn for this name."""

    def refuse() -> None:
        raise NotNow

    opened = []
    for wish in wishes:
        name = known[wish % names]
        turn = turns.of(name, refuse)
        try:
            turn.__enter__()
        except NotNow:
            assert name in held
        else:
            held.append(name)
            opened.append(turn)
        assert len(held) <= max(limit, names)
        assert held.count(name) <= turns.most
    for turn in opened:
        turn.__exit__(None, None, None)
    for name in known:
        with turns.of(name, refuse):
            pass
