"""Every step that touches the store, the ledger or a provider is a point to die at; nothing of it can be seen afterwards."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.drill.crashing import KILLED
from tests.drill.dying import Server, dying
from tests.drill.reader import Crawler, walk
from tests.drill.scene import Scene, scene
from tests.kit.workspace import FolderStore, Workspace, published

SAMPLE = 12


@dataclass
class Drill:
    """What every point is compared with."""

    stage: Scene
    server: Server
    root: Path
    base: Path
    points: list[str] = field(default_factory=list)
    wanted: dict[str, bytes] = field(default_factory=dict)

    def copy(self, name: str) -> Workspace:
        """Return a workspace of its own that is as far as the base."""
        shutil.copytree(self.base, self.root / name)
        return self.stage.workspace(self.root / name)


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    root = tmp_path_factory.mktemp("crashes")
    with (
        scene() as stage,
        dying(root) as server,
    ):
        stage.before()
        base = stage.workspace(root / "base")
        assert server.run(base)[0] == 0
        stage.after()
        made = Drill(stage, server, root, base.root)
        calm = made.copy("calm")
        code, told = server.run(calm)
        assert code == 0, told
        made.points, made.wanted = told["points"], published(calm.store)
        yield made


def _die(drill: Drill, point: str, number: int) -> str | None:
    """Die at `point`, go on, compare; return what is wrong."""
    workspace = drill.copy(f"at-{number}")
    try:
        with Crawler(workspace.store) as reader:
            code, _ = drill.server.run(workspace, point)
            if code != KILLED:
                return f"the point was not reached (exit code {code})"
            code, told = drill.server.run(workspace)
        if code != 0:
            return f"the pass after it failed: {told}"
        if reader.gaps:
            return f"a reader met a gap: {reader.gaps[0]}"
        found = published(workspace.store)
        if found != drill.wanted:
            return f"the store differs in {_differences(found, drill.wanted)}"
        return None
    finally:
        shutil.rmtree(workspace.root)


def _differences(found: dict[str, bytes], wanted: dict[str, bytes]) -> list[str]:
    return sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))


def _all(points: list[str]) -> list[str]:
    return points


def _sampled(points: list[str]) -> list[str]:
    return points[:: max(1, -(-len(points) // SAMPLE))]


@pytest.mark.promise(
    "after a crash anywhere the next pass makes the store what it would have been, and no reader sees a gap"
)
@pytest.mark.parametrize(
    "chosen", [pytest.param(_sampled, id="sampled"), pytest.param(_all, id="all", marks=pytest.mark.real)]
)
@pytest.mark.timeout(7200)
def test_a_crash_anywhere_leaves_no_trace(
    drill: Drill, chosen: Callable[[list[str]], list[str]], tried: Callable[[int], None]
) -> None:
    """Killed at a point and started again, the store is byte for byte that of a calm run; a reader never meets a gap."""
    points = chosen(drill.points)
    wrong = {point: problem for number, point in enumerate(points) if (problem := _die(drill, point, number))}
    tried(len(points))
    assert wrong == {}


@pytest.mark.promise(
    "after SIGKILL at any moment, again and again, the next pass makes the store what it would have been"
)
@pytest.mark.parametrize("wanted", [pytest.param(8, id="sampled"), pytest.param(100, id="all", marks=pytest.mark.real)])
@pytest.mark.timeout(1800)
def test_killed_at_any_moment(drill: Drill, wanted: int, tried: Callable[[int], None]) -> None:
    """Killed four times in a row at moments of chance, a pass completes; a reader never meets a gap."""
    chance = random.Random(11)
    began = time.monotonic()
    assert drill.server.run(drill.copy("timed"))[0] == 0
    whole = time.monotonic() - began
    wrong: dict[int, Any] = {}
    kills = 0
    for number in range(2 * wanted):
        if kills >= wanted:
            break
        workspace = drill.copy(f"killed-{number}")
        with Crawler(workspace.store) as reader:
            for _ in range(4):
                code, _ = drill.server.run(workspace, kill_after=chance.uniform(0.02, 0.7) * whole)
                kills += code == -signal.SIGKILL
            code, told = drill.server.run(workspace)
        if code or reader.gaps or published(workspace.store) != drill.wanted:
            wrong[number] = (code, reader.gaps, _differences(published(workspace.store), drill.wanted), told)
        shutil.rmtree(workspace.root)
    tried(kills)
    assert kills >= wanted
    assert wrong == {}


@pytest.mark.promise("a crash and a lost ledger at once lose nothing that is published")
@pytest.mark.parametrize("every", [pytest.param(80, id="sampled"), pytest.param(5, id="all", marks=pytest.mark.real)])
@pytest.mark.timeout(900)
def test_a_crash_that_takes_the_ledger_along(drill: Drill, every: int, tried: Callable[[int], None]) -> None:
    """Killed at a point, its ledger lost as well, the next pass publishes the documents of a calm run."""
    wrong: dict[str, Any] = {}
    points = drill.points[3::every]
    calm = walk(FolderStore(drill.root / "calm" / "catalog"))
    for number, point in enumerate(points):
        workspace = drill.copy(f"lost-{number}")
        drill.server.run(workspace, point)
        workspace.forget_ledger()
        code, told = drill.server.run(workspace)
        found = walk(workspace.store)
        if code or found.keys() != calm.keys():
            wrong[point] = (code, sorted(found.keys() ^ calm.keys()), told.get("result"))
        shutil.rmtree(workspace.root)
    tried(len(points))
    assert wrong == {}
