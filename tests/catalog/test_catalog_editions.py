"""A ledger that does not know all that is published is found out before anything is written from it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stacsync import layout
from stacsync.errors import Refused
from stacsync.jobs import JobRecord
from stacsync.ledger import JobState, Ledger, Outcome
from tests.catalog.bench import Bench, Killed, MemoryStore, clock, crawl, row


@dataclass
class Machine:
    """A ledger file that can be copied away and put back, at a store that others write to as well."""

    folder: Path
    store: MemoryStore

    def backup(self, name: str) -> None:
        """Copy the file as it is between two runs."""
        shutil.copyfile(self.folder / "ledger.db", self.folder / name)

    def restore(self, name: str) -> None:
        for path in self.folder.glob("ledger.db*"):
            path.unlink()
        shutil.copyfile(self.folder / name, self.folder / "ledger.db")

    @contextmanager
    def started(self) -> Iterator[Bench]:
        """A run: it adopts first when it has to."""
        ledger = Ledger.open(f"sqlite:///{self.folder}/ledger.db", clock)
        try:
            bench = Bench(ledger, self.store)
            bench.publisher.adopt()
            yield bench
        finally:
            ledger.close()

    def publish(self, *jobs: str) -> None:
        with self.started() as bench:
            for job in jobs:
                take(bench, job)
            bench.publish()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path, MemoryStore())


def take(bench: Bench, job: str) -> None:
    bench.job("hub", job, row(f"{job}-a", job=job), row(f"{job}-b", job=job, collection="woods"))


def items(store: MemoryStore) -> set[str]:
    found = crawl(store.objects)
    assert (found.problems, found.stale) == ([], [])
    return {key.rpartition("/")[2].removesuffix(".json") for key in found.items}


def test_an_old_backup_takes_nothing_back(machine: Machine) -> None:
    """What was published after a backup was made stays published when the backup is put back, and goes on to grow."""
    machine.publish("j1")
    machine.backup("old")
    machine.publish("j2")
    machine.restore("old")
    machine.publish("j3")
    assert items(machine.store) == {f"{job}-{name}" for job in ("j1", "j2", "j3") for name in "ab"}


def test_nothing_has_to_be_transferred_again(machine: Machine) -> None:
    """After an old backup was put back, the ledger knows every file that is published, and no job passes for dealt with."""
    machine.publish("j1")
    with machine.started() as bench:
        bench.ledger.jobs.finish(
            "hub", JobRecord(id="j1", fingerprint="f"), Outcome(state=JobState.PUBLISHED, fingerprint="f")
        )
    machine.backup("old")
    machine.publish("j2")
    machine.restore("old")
    with machine.started() as bench:
        files = {key for key in machine.store.objects if key.endswith(".tif")}
        assert set(bench.ledger.assets.get_many(files)) == files
        assert bench.ledger.jobs.known("hub") == {}


def test_a_machine_that_was_away_reads_what_the_other_published(tmp_path: Path) -> None:
    """Two machines with a ledger each may take turns: neither takes back what the other published."""
    store = MemoryStore()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = (Machine(tmp_path / name, store) for name in ("one", "two"))
    for number, machine in enumerate([one, two, one, one, two, two, one]):
        machine.publish(f"j{number}")
    assert items(store) == {f"j{number}-{name}" for number in range(7) for name in "ab"}


def test_a_bucket_set_back_is_read_again(machine: Machine) -> None:
    """When the bucket itself was restored from a backup, the ledger follows it."""
    machine.publish("j1")
    objects = dict(machine.store.objects)
    machine.publish("j2")
    machine.store.objects = objects
    machine.publish("j3")
    assert items(machine.store) == {"j1-a", "j1-b", "j3-a", "j3-b"}


def test_what_was_retired_by_hand_stays_retired(machine: Machine) -> None:
    """A job that the old backup knows as retired is not taken in again, unless it was since."""
    machine.publish("j1", "j2")
    with machine.started() as bench:
        for job in ("j1", "j2"):
            record = JobRecord(id=job, fingerprint="f")
            bench.ledger.jobs.finish("hub", record, Outcome(state=JobState.RETIRED, fingerprint="f"))
            bench.publisher.retire("hub", job)
        bench.publish()
    machine.backup("old")
    machine.publish("j2")
    machine.restore("old")
    with machine.started() as bench:
        assert {job: known.state for job, known in bench.ledger.jobs.known("hub").items()} == {"j1": JobState.RETIRED}


@pytest.mark.parametrize("name", [b"", b"[]", b"\n\n", b"\xff"])
def test_a_damaged_name_costs_an_adoption(machine: Machine, name: bytes) -> None:
    """A name that cannot be read is that of no edition: the catalog is read again, once."""
    machine.publish("j1")
    machine.store.objects[layout.EDITION] = name
    with machine.started() as bench:
        assert bench.publisher.adopt() is None
        assert bench.publish().written == 0
    machine.publish("j2")
    assert items(machine.store) == {"j1-a", "j1-b", "j2-a", "j2-b"}


def test_a_place_that_was_emptied_is_not_written_to(machine: Machine) -> None:
    """A ledger that has published never begins in the middle at a place that holds nothing; the way out is told."""
    machine.publish("j1")
    machine.store.objects.clear()
    with pytest.raises(Refused, match=r"holds no catalog\.json.*move the ledger away"):
        machine.publish("j2")
    assert machine.store.objects == {}


def test_a_catalog_of_before_editions_goes_on(machine: Machine) -> None:
    """Where neither the store nor the ledger names an edition yet, nothing is adopted."""
    machine.publish("j1")
    del machine.store.objects[layout.EDITION]
    with machine.started() as bench:
        bench.ledger.memory("").drop("editions")
        assert bench.publisher.adopt() is None
    machine.publish("j2")
    assert items(machine.store) == {"j1-a", "j1-b", "j2-a", "j2-b"}


def test_the_same_catalog_has_the_same_name(tmp_path: Path) -> None:
    """However a catalog came about, also after a kill at its very end, nothing in the store tells its histories apart."""
    stores = []
    for name, kills in (("plain", ()), ("killed", range(40))):
        (tmp_path / name).mkdir()
        machine = Machine(tmp_path / name, MemoryStore())
        machine.publish("j1")
        for kill in kills:
            machine.store.arm(kill_at=kill)
            with suppress(Killed):
                machine.publish("j2")
            machine.store.arm()
        machine.publish("j2")
        machine.publish()
        stores.append(machine.store.objects)
    assert stores[0] == stores[1]
    assert layout.EDITION in stores[0]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(0, 5)),
        st.tuples(st.just("restore"), st.integers(0, 1)),
        st.tuples(st.just("backup"), st.integers(0, 1)),
        st.tuples(st.just("commit"), st.integers(0, 5)),
        st.tuples(st.just("die"), st.integers(0, 14)),
        st.tuples(st.just("lose"), st.just(0)),
    ),
    max_size=10,
)
BEGUN = [("publish", 0), ("backup", 0), ("commit", 1), ("backup", 1), ("publish", 2)]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, st.booleans())
def test_no_history_of_backups_loses_what_is_published(history: list[tuple[str, int]], after_write: bool) -> None:
    """Runs, deaths in the middle of a publication, backups, restored backups, lost ledgers: what was published stays."""
    with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        machine = Machine(Path(folder), MemoryStore())
        promised: set[str] = set()
        for step, number in [*BEGUN, *history, ("publish", 6)]:
            if step in {"publish", "die"}:
                machine.store.arm(kill_at=number if step == "die" else None, after_write=after_write)
                died = True
                try:
                    machine.publish(f"j{number}")
                    died = False
                except Killed:
                    pass
                machine.store.arm()
                promised |= set() if died else {f"j{number}-a", f"j{number}-b"}
            elif step == "commit":
                with machine.started() as bench:
                    take(bench, f"j{number}")
            else:
                _move(machine, step, machine.folder / f"backup-{number}")
            if layout.ROOT in machine.store.objects:
                assert promised <= items_met(machine.store)
        assert promised <= items(machine.store)


def _move(machine: Machine, step: str, backup: Path) -> None:
    here = machine.folder / "ledger.db"
    if step == "backup" and here.exists():
        machine.backup(backup.name)
    elif step == "restore" and backup.exists():
        machine.restore(backup.name)
    elif step == "lose":
        here.unlink(missing_ok=True)


def items_met(store: MemoryStore) -> set[str]:
    """What a reader finds, who meets no gap, in the middle of anything."""
    found = crawl(store.objects)
    assert found.problems == []
    return {key.rpartition("/")[2].removesuffix(".json") for key in found.items}
