"""Everything at once: each provider and the store behind a proxy that misbehaves, kills, lost ledgers, jobs that come and go."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from stacsync.catalog.verify import audit
from stacsync.demo.openeo import OpenEOStandIn
from stacsync.storage import open_storage
from tests.drill.behind import PROVIDERS, Target
from tests.drill.dying import Server, dying
from tests.drill.passes import LIMIT, a_pass, impatient, settled
from tests.drill.proxy import Proxy, Trouble
from tests.drill.reader import walk
from tests.drill.scene import KEEP, NEW, OLD
from tests.drill.test_store_trouble import LASTING, PASSING, ProxiedStore
from tests.drill.wire import FAULTS, GONE, meant
from tests.drill.world import ON_ITS_WAY
from tests.kit.mirroring import Place
from tests.kit.moto import moto
from tests.kit.workspace import BucketStore, FolderStore, Workspace, published

NAMES = st.sampled_from(sorted(PROVIDERS))
ON_THE_WIRE = st.sampled_from(sorted(FAULTS.keys() - {GONE}))  # what is gone for three passes is left out, rightly
OF_THE_STORE: dict[str, Trouble] = {**PASSING, **{name: trouble for name, (trouble, _) in LASTING.items()}}
EARLY, LATE = (OLD, KEEP), (OLD, KEEP, NEW)


class Stage:
    """What all histories share: the stand-ins, a real S3 server, and what calm passes publish."""

    def __init__(self, stack: ExitStack, root: Path) -> None:
        self.root = root
        self.endpoint = stack.enter_context(moto())
        self.front = stack.enter_context(Proxy(self.endpoint))
        self.targets: dict[str, Target] = {}
        for name, enter in PROVIDERS.items():
            self.targets[name] = stack.enter_context(enter())
        self.openeo: OpenEOStandIn = self.targets["openeo"].stand_in
        self.server: Server = stack.enter_context(dying(root))
        calm = Workspace(root / "calm", FolderStore(root / "calm" / "catalog"), providers=self.tables())
        calm.root.mkdir()
        settled(calm)
        self.calm = published(calm.store)

    def tables(self) -> dict[str, Any]:
        return {
            name.lower().replace(", ", "-").replace(" ", "-"): target.table for name, target in self.targets.items()
        }

    def proxies(self) -> Iterator[Proxy]:
        yield self.front
        yield from (target.proxy for target in self.targets.values())

    def workspace(self) -> Workspace:
        store = ProxiedStore(self.endpoint)
        store.through = self.front.url
        return Workspace(Path(tempfile.mkdtemp(prefix="together-", dir=self.root)), store, providers=self.tables())


class Together(RuleBasedStateMachine):
    """One catalog of all providers, from empty to settled."""

    stage: Stage
    tried = 0

    def __init__(self) -> None:
        super().__init__()
        self.workspace = self.stage.workspace()
        self.stage.openeo.jobs = EARLY
        Together.tried += 1

    @rule(name=NAMES, fault=ON_THE_WIRE, after=st.integers(0, 12), times=st.integers(1, 40))
    def a_provider_misbehaves(self, name: str, fault: str, after: int, times: int) -> None:
        trouble = meant(FAULTS[fault], "http://127.0.0.1:9")
        self.stage.targets[name].proxy.troubles.append(replace(trouble, after=after, times=times))

    @rule(name=st.sampled_from(sorted(OF_THE_STORE)), after=st.integers(0, 60), times=st.integers(1, 12))
    def the_store_misbehaves(self, name: str, after: int, times: int) -> None:
        self.stage.front.troubles.append(replace(OF_THE_STORE[name], after=after, times=times))

    @rule(there=st.booleans())
    def a_job_finishes_or_is_forgotten(self, there: bool) -> None:
        self.stage.openeo.jobs = LATE if there else EARLY

    @rule()
    def the_ledger_is_lost(self) -> None:
        self.workspace.forget_ledger()

    @rule()
    def a_pass(self) -> None:
        _, seconds = a_pass(self.workspace)
        self._free()
        assert seconds < 2 * LIMIT, seconds

    @rule(after=st.floats(0.1, 4.0))
    def a_pass_that_is_killed(self, after: float) -> None:
        self.stage.server.run(self.workspace, kill_after=after)
        self._free()

    @invariant()
    def no_reader_meets_a_gap(self) -> None:
        walk(self.workspace.store)

    def teardown(self) -> None:
        """Once all is well everything is published as if nothing had been, and a further pass has nothing to do."""
        try:
            for proxy in self.stage.proxies():
                proxy.troubles = []
            self.stage.openeo.jobs = LATE
            settled(self.workspace)
            found, wanted = published(self.workspace.store), self.stage.calm
            assert sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key)) == []
            storage = open_storage(Place(**self.workspace.store.table()))
            problems = [f"{one.key}: {one.problem}" for one in audit(storage, checksums=True).findings]
            assert [problem for problem in problems if not problem.endswith(ON_ITS_WAY)] == []
            asked = len(self.stage.front.asked)
            assert a_pass(self.workspace)[0] == ""
            written = [one for one in self.stage.front.asked[asked:] if one[0] == "PUT" and ".stacsync/" not in one[1]]
            assert written == []
        finally:
            shutil.rmtree(self.workspace.root, ignore_errors=True)

    def _free(self) -> None:
        """Let the lease of a pass that could not give it back be taken over at once."""
        store = self.workspace.store
        assert isinstance(store, BucketStore)
        store.client.delete_object(Bucket=store.bucket, Key=f"{store.prefix}/.stacsync/lease.json")


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    impatient(monkeypatch)
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)  # those that are killed send small parts
    with ExitStack() as stack:
        yield Stage(stack, tmp_path)


@pytest.mark.promise(
    "all providers and the store at fault at once, killed, without a ledger: in the end all is published"
)
@pytest.mark.parametrize(
    ("examples", "steps"), [pytest.param(1, 8, id="sampled"), pytest.param(5, 10, id="all", marks=pytest.mark.real)]
)
@pytest.mark.timeout(3600)
def test_everything_at_once(stage: Stage, examples: int, steps: int, tried: Callable[[int], None]) -> None:
    """Whatever goes wrong between four providers, the process and a bucket, readers meet no gap, and the end is calm's."""
    Together.stage, Together.tried = stage, 0
    run_state_machine_as_test(
        Together,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=examples == 1,
            phases=[Phase.generate],  # a shorter history that fails as well takes longer to find than it is worth
            suppress_health_check=list(HealthCheck),
        ),
    )
    tried(Together.tried)
