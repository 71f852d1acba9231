"""The right to write: one holder at a time, on a folder, among processes, and where a store honours no conditions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from stacsync.errors import Conflict, LeaseHeld, StorageError
from stacsync.storage import Capabilities, StoredObject
from stacsync.storage.folder import FolderStorage
from stacsync.storage.lease import KEY, Lease
from stacsync.storage.owner import Owner

ELSEWHERE = Owner(host="elsewhere/boot/pid:[1]", pid=7, started="1", token="t-elsewhere")


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.slept: list[float] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)
        self.meanwhile()


class Unconditional(FolderStorage):
    """A store that ignores conditions without a word, as some S3 servers do."""

    capabilities = Capabilities(conditional=False, attributes=False)

    def put(
        self,
        key: str,
        data: bytes | memoryview,
        *,
        content_type: str,
        cache_control: str | None = None,
        if_absent: bool = False,  # noqa: ARG002  ignored
        if_match: str | None = None,  # noqa: ARG002  ignored
        attributes: Mapping[str, str] | None = None,
    ) -> StoredObject:
        return super().put(key, data, content_type=content_type, cache_control=cache_control, attributes=attributes)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path, clock=lambda: datetime.now(UTC))


@pytest.fixture
def lease(store: FolderStorage, clock: Clock) -> Callable[..., Lease]:
    def make(owner: Owner | None = None, **more: float) -> Lease:
        return Lease(store, clock=clock, sleep=clock.sleep, owner=owner, **more)

    return make


Make = Callable[..., Lease]


def document(store: FolderStorage) -> dict[str, object]:
    told = json.loads(store.get(KEY))
    assert isinstance(told, dict)
    return told


def test_got_kept_and_given_back(store: FolderStorage, lease: Make) -> None:
    """A lease names its holder while it is held and leaves nothing when it is given back."""
    mine = lease()
    with mine:
        told = document(store)
        assert told["generation"] == mine.generation == 1
        assert told["until"] == "2026-01-01T00:00:30+00:00"
        owner = told["owner"]
        assert isinstance(owner, dict)
        assert owner["pid"] == os.getpid()
        mine.ensure()
    assert store.head(KEY) is None
    with pytest.raises(LeaseHeld):
        mine.ensure()


def test_asking_again_for_what_one_has(lease: Make) -> None:
    """Acquiring a lease that is held already renews it; after it was given back it can be had again."""
    mine = lease()
    assert mine.acquire() == mine.acquire() == 1
    mine.release()
    mine.release()
    assert mine.acquire() == 1
    mine.ensure()
    mine.release()


def test_held_names_holder_and_age(lease: Make, clock: Clock) -> None:
    """Whoever comes second is told who has the lease, since when it was not renewed, and what to do."""
    first = lease(ELSEWHERE)
    first.acquire()
    clock.now += timedelta(seconds=12)
    with pytest.raises(LeaseHeld, match=r"process 7 on elsewhere has the lease .*renewed 12 s ago.*\(stop it, or wait"):
        lease().acquire()
    first.release()


def test_two_leases_of_one_process(lease: Make) -> None:
    """A second lease of a living process is refused like anybody's."""
    with lease(), pytest.raises(LeaseHeld, match=f"process {os.getpid()} "):
        lease().acquire()


def test_renewal_makes_it_last(lease: Make, clock: Clock) -> None:
    """A renewed lease is nobody else's, however long it is held."""
    mine = lease(ELSEWHERE)
    mine.acquire()
    for _ in range(5):
        clock.now += timedelta(seconds=20)
        mine.renew()
        mine.ensure()
        with pytest.raises(LeaseHeld):
            lease().acquire()
    assert mine.generation == 1
    mine.release()


def test_long_expired_is_taken_over_with_a_higher_fence(lease: Make, clock: Clock) -> None:
    """A lease that ended long ago is taken at once, the generation grows, and the old holder learns that it lost."""
    old = lease(ELSEWHERE)
    old.acquire()
    clock.now += timedelta(hours=1)
    with pytest.raises(LeaseHeld):
        old.ensure()
    new = lease()
    assert new.acquire() == 2
    assert clock.slept == []
    with pytest.raises(LeaseHeld, match=f"process {os.getpid()} "):
        old.renew()
    assert old.lost.is_set()
    old.release()
    new.ensure()
    new.release()


def test_just_expired_is_watched_first(lease: Make, clock: Clock) -> None:
    """A lease that ended a moment ago by our clock is taken only after its holder was seen not to renew it."""
    old = lease(ELSEWHERE)
    old.acquire()
    clock.now += timedelta(seconds=31)
    clock.meanwhile = old.renew
    with pytest.raises(LeaseHeld, match="process 7 on elsewhere"):
        lease().acquire()
    clock.meanwhile = lambda: None
    clock.now += timedelta(seconds=31)
    new = lease()
    assert new.acquire() == 2
    assert clock.slept == [15.0, 15.0]
    new.release()
    old.release()


def test_a_lease_of_a_clock_that_was_ahead_is_watched_too(lease: Make, clock: Clock) -> None:
    """A lease that lasts longer than any can is another's while it is renewed, and taken over when it is not."""
    clock.now += timedelta(days=3650)
    old = lease(ELSEWHERE)
    old.acquire()
    clock.now -= timedelta(days=3650)
    clock.meanwhile = old.renew
    with pytest.raises(LeaseHeld, match="process 7 on elsewhere"):
        lease().acquire()
    clock.meanwhile = lambda: None
    clock.now += timedelta(days=3650)
    old.renew()
    clock.now -= timedelta(days=3650)
    new = lease()
    assert new.acquire() == 2
    assert clock.slept == [30.0, 30.0]
    new.release()
    old.release()


def test_an_ended_process_of_this_host_holds_nothing(lease: Make, clock: Clock) -> None:
    """A lease whose process is gone from this host is taken at once; so is one whose number another process got."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    here = Owner.here()
    for owner in (replace(here, pid=ended.pid, token="a"), replace(here, started="1", token="b")):
        lease(owner).acquire()
        new = lease()
        assert new.acquire() == 2
        assert clock.slept == []
        new.release()


@pytest.mark.parametrize(
    "data", [b"", b"not json", b"[]", b'{"owner": 1}', b'{"owner": {}, "until": "x", "generation": 1}']
)
def test_a_document_that_cannot_be_read_holds_nothing(store: FolderStorage, lease: Make, data: bytes) -> None:
    """A lease object that nobody could have written whole blocks nobody."""
    store.put(KEY, data, content_type="application/json")
    mine = lease()
    assert mine.acquire() == 1
    mine.release()


def test_given_back_only_if_still_ours(store: FolderStorage, lease: Make, clock: Clock) -> None:
    """Giving back a lease that somebody else took leaves theirs."""
    old = lease(ELSEWHERE)
    old.acquire()
    clock.now += timedelta(hours=1)
    new = lease()
    new.acquire()
    old.release()
    assert document(store)["generation"] == 2
    new.release()
    assert store.head(KEY) is None


def test_an_answer_that_was_lost(store: FolderStorage, lease: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that arrived although it was reported as refused is found to be ours."""
    mine = lease()
    real = FolderStorage.put

    def put(self: FolderStorage, key: str, data: bytes, **more: object) -> StoredObject:
        real(self, key, data, **more)  # type: ignore[arg-type]  # handed through
        raise Conflict("a retry met our own first try")

    monkeypatch.setattr(FolderStorage, "put", put)
    assert mine.acquire() == 1
    mine.renew()
    mine.ensure()
    monkeypatch.undo()
    mine.renew()
    mine.release()
    assert store.head(KEY) is None


def test_a_store_out_of_reach(lease: Make, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the store cannot be reached the lease stays ours until it runs out, and not a moment longer."""
    mine = lease(ttl=0.3)
    mine.acquire()

    def put(*_: object, **__: object) -> StoredObject:
        raise StorageError("out of reach")

    monkeypatch.setattr(FolderStorage, "put", put)
    with pytest.raises(StorageError):
        mine.renew()
    mine.ensure()
    assert not mine.lost.wait(0.3)
    clock.now += timedelta(seconds=0.3)
    assert mine.lost.wait(5)
    with pytest.raises(LeaseHeld):
        mine.ensure()
    mine.release()


def test_background_renewal(store: FolderStorage) -> None:
    """A held lease is renewed by itself, and loses to nobody for many times its length."""
    with Lease(store, clock=lambda: datetime.now(UTC), sleep=time.sleep, ttl=0.3) as mine:
        first = document(store)["until"]
        time.sleep(0.9)
        assert document(store)["until"] != first
        mine.ensure()
        with pytest.raises(LeaseHeld):
            Lease(store, clock=lambda: datetime.now(UTC), sleep=time.sleep, ttl=0.3).acquire()


def test_a_lost_lease_is_noticed_by_itself(store: FolderStorage) -> None:
    """When another took the lease, `lost` is set without anybody asking."""
    mine = Lease(store, clock=lambda: datetime.now(UTC), sleep=time.sleep, ttl=0.3)
    mine.acquire()
    told = document(store) | {"owner": {"host": "x", "pid": 1, "started": "", "token": "theirs"}, "generation": 2}
    store.put(KEY, json.dumps(told).encode(), content_type="application/json")
    assert mine.lost.wait(5)
    mine.release()
    assert document(store)["generation"] == 2


class TestWithoutConditions:
    def test_written_waited_read_back(self, tmp_path: Path, clock: Clock) -> None:
        """Where conditions are ignored a candidate waits and reads back before it believes that it has the lease."""
        store = Unconditional(tmp_path, clock=clock)
        mine = Lease(store, clock=clock, sleep=clock.sleep)
        assert mine.acquire() == 1
        assert clock.slept == [2.0]
        mine.renew()
        mine.release()
        assert store.head(KEY) is None

    def test_the_last_of_two_has_it(self, tmp_path: Path, clock: Clock) -> None:
        """Of two that write within the wait only one goes on."""
        store = Unconditional(tmp_path, clock=clock)
        other = Lease(store, clock=clock, sleep=lambda _seconds: None, owner=ELSEWHERE)

        def overtake() -> None:  # both had seen no lease
            store.delete([KEY])
            other.acquire()

        clock.meanwhile = overtake
        with pytest.raises(LeaseHeld, match="process 7 on elsewhere"):
            Lease(store, clock=clock, sleep=clock.sleep).acquire()
        other.ensure()
        other.release()


HOLDER = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from stacsync.errors import LeaseHeld
from stacsync.storage.folder import FolderStorage
from stacsync.storage.lease import Lease

store = FolderStorage(Path(sys.argv[1]), clock=lambda: datetime.now(UTC))
lease = Lease(store, clock=lambda: datetime.now(UTC), sleep=time.sleep)
print("ready", flush=True)
sys.stdin.readline()
try:
    print(lease.acquire(), flush=True)
except LeaseHeld:
    print("held", flush=True)
sys.stdin.readline()
lease.release()
"""


def _process(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert _line(process) == "ready"
    return process


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def _go(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


def _end(process: subprocess.Popen[str]) -> None:
    process.communicate("\n", timeout=20)


def test_of_racing_processes_one_wins(tmp_path: Path) -> None:
    """Of processes that ask at the same moment exactly one gets the lease, and afterwards it is free."""
    processes = [_process(tmp_path) for _ in range(3)]
    for process in processes:
        _go(process)
    answers = sorted(_line(process) for process in processes)
    assert answers == ["1", "held", "held"]
    for process in processes:
        _end(process)
    assert not (tmp_path / KEY).exists()


def test_a_killed_holder_is_followed_at_once(tmp_path: Path, store: FolderStorage) -> None:
    """After SIGKILL the next process on the host has the lease without waiting for it to end."""
    holder = _process(tmp_path)
    _go(holder)
    assert _line(holder) == "1"
    mine = Lease(store, clock=lambda: datetime.now(UTC), sleep=time.sleep)
    with pytest.raises(LeaseHeld, match=f"process {holder.pid} "):
        mine.acquire()
    holder.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)  # ended, and not reaped yet
    begun = time.monotonic()
    assert mine.acquire() == 2
    assert time.monotonic() - begun < 2
    mine.release()
    holder.communicate(timeout=5)


def test_threads_that_race_for_an_expired_lease(store: FolderStorage, clock: Clock, lease: Make) -> None:
    """Of many that want to take over one ended lease exactly one does."""
    lease(ELSEWHERE).acquire()
    clock.now += timedelta(hours=1)
    won: list[Lease] = []

    def attempt(number: int) -> None:
        mine = lease(replace(Owner.here(), host=f"host-{number}", token=str(number)))
        try:
            mine.acquire()
            won.append(mine)
        except LeaseHeld:
            return

    threads = [Thread(target=attempt, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [mine.generation for mine in won] == [2]
    assert document(store)["generation"] == 2
    won[0].release()
