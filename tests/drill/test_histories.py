"""Any history of jobs, faults, crashes, lost and old ledgers: nothing published breaks, nothing is lost, nothing is fetched twice."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.drill.world import FAULTS, SICKNESSES, World, bounded, file_path
from tests.kit.faults import FaultServer

JOBS = st.sampled_from(["a", "b", "c"])
SIZES = st.sampled_from([5, 3_000, 60_000, 130_000])


class Histories(RuleBasedStateMachine):
    """One world, from empty to settled."""

    tried = 0

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="drill-"))
        self.server = FaultServer().__enter__()
        self.world = World(self.root, self.server)
        self.serial = 0
        Histories.tried += 1

    @rule(job=JOBS, sizes=st.lists(SIZES, min_size=1, max_size=3))
    def a_job_finishes(self, job: str, sizes: list[int]) -> None:
        """It is new, or was run again."""
        self.serial += 1
        files = tuple(
            (f"{n}.csv", f"{job},{self.serial},{n}\n".encode() * (size // 6 + 1)) for n, size in enumerate(sizes)
        )
        self.world.hidden.discard(job)
        self.world.deliver(job, files)

    @rule(job=JOBS)
    def the_listing_forgets(self, job: str) -> None:
        """What is published of it stays."""
        if job in self.world.jobs:
            self.world.hidden.add(job)

    @rule(job=JOBS, sickness=st.sampled_from(SICKNESSES))
    def a_job_falls_sick(self, job: str, sickness: type) -> None:
        self.world.sick[job] = sickness

    @rule()
    def all_get_well(self) -> None:
        self.world.sick.clear()
        self.world.listing_breaks_after = None

    @rule(after=st.integers(0, 3))
    def the_listing_breaks(self, after: int) -> None:
        self.world.listing_breaks_after = after

    @rule(job=JOBS, file=st.integers(0, 2), faults=st.lists(st.sampled_from(sorted(FAULTS)), min_size=1, max_size=8))
    def a_transfer_goes_wrong(self, job: str, file: int, faults: list[str]) -> None:
        if job in self.world.jobs:
            path = file_path(job, self.world.jobs[job].version, f"{file}.csv")
            self.server.fail(path, *(FAULTS[name] for name in faults))

    @rule()
    def a_pass(self) -> None:
        bounded(self.world.run)

    @rule(after=st.integers(0, 120))
    def a_pass_that_is_killed(self, after: int) -> None:
        bounded(lambda: self.world.run(after))

    @rule()
    def the_ledger_is_lost(self) -> None:
        self.world.lose_ledger()

    @rule()
    def the_ledger_is_backed_up(self) -> None:
        self.world.keep_ledger()

    @rule()
    def an_old_ledger_is_put_back(self) -> None:
        """From before whatever was published since, or by another machine that was away."""
        self.world.put_back_ledger()

    @invariant()
    def nothing_published_is_broken(self) -> None:
        self.world.nothing_published_is_broken()

    @invariant()
    def nothing_is_lost(self) -> None:
        forgotten = {name for name in self.world.promised if name not in self.world.jobs}
        assert not forgotten
        self._keep_promises_of_the_unchanged()

    def _keep_promises_of_the_unchanged(self) -> None:
        replaced = {name for name, job in self.world.promised.items() if self.world.jobs[name].version != job.version}
        kept = dict(self.world.promised)
        for name in replaced:
            kept.pop(name)
        before, self.world.promised = self.world.promised, kept
        try:
            self.world.nothing_is_lost()
        finally:
            self.world.promised = before

    def teardown(self) -> None:
        """Once all is well, one pass publishes everything, and another one has nothing to do."""
        try:
            self.all_get_well()
            for path in list(self.server.files):
                while self.server.next_fault(path) is not None:
                    pass
            self.world.hidden.clear()
            report = bounded(self.world.run)
            assert report is not None
            assert report.ok, report
            self.world.nothing_published_is_broken()
            self.world.nothing_is_lost()
            again = bounded(self.world.run)
            assert (again.assets.transferred, again.documents.written) == (0, 0)
        finally:
            self.server.__exit__()
            shutil.rmtree(self.root, ignore_errors=True)


@pytest.mark.promise(
    "any history of jobs, faults, crashes, lost and old ledgers ends whole, with no byte fetched twice"
)
@pytest.mark.parametrize(
    ("examples", "steps"), [pytest.param(12, 12, id="sampled"), pytest.param(150, 25, id="all", marks=pytest.mark.real)]
)
@pytest.mark.timeout(3600)
def test_any_history(examples: int, steps: int, tried: Callable[[int], None]) -> None:
    """A state machine of provider events, faults, crashes, ledgers lost or set back and passes keeps every invariant."""
    Histories.tried = 0
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    tried(Histories.tried)


@pytest.mark.promise(
    "any history of jobs, faults, crashes, lost and old ledgers ends whole, with no byte fetched twice"
)
def test_killed_in_the_first_publication(tmp_path: Path, tried: Callable[[int], None]) -> None:
    """Wherever the very first publication ends, twice in a row, the next pass goes on; no ledger has to be moved away."""
    for after in range(8, 48):
        with FaultServer() as server:
            world = World(tmp_path / str(after), server)
            world.root.mkdir()
            if after % 2:
                world.deliver("a", (("0.csv", b"a,1\n"),))
            world.run(after)
            world.run(max(0, after - 1))
            report = world.run()
            assert report is not None
            assert report.ok, report
            world.nothing_published_is_broken()
            again = world.run()
            assert again is not None
            assert (again.assets.transferred, again.documents.written) == (0, 0)
    tried(40)
