"""A fault between stacsync and each provider: the pass ends in bounded time with a reason, and the next one completes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from stacsync.app.parts import Parts
from tests.drill.behind import PROVIDERS, Target
from tests.drill.conftest import few
from tests.drill.passes import LIMIT, a_pass, impatient, settled
from tests.drill.proxy import FOREVER
from tests.drill.wire import FAULTS, GONE, meant
from tests.kit.scripted import Asked, Reply, reply, serving
from tests.kit.workspace import FolderStore, Workspace, published

PLACES = (0, 1, 3, 6, 10)
"""So many requests come through before the fault begins."""
QUICK = ("reset after 100 bytes", "429, a date far away", "redirected to another host", "a web page")


@dataclass
class Bench:
    """A provider, what a calm pass over it publishes, and a host that nobody may be sent to."""

    target: Target
    calm: dict[str, bytes]
    foreign: str
    stolen: list[Asked]

    def workspace(self, root: Path) -> Workspace:
        root.mkdir()
        return Workspace(root, FolderStore(root / "catalog"), providers={"p": self.target.table})


@pytest.fixture(scope="module", params=PROVIDERS)
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    stolen: list[Asked] = []

    def thief(asked: Asked) -> Reply:
        stolen.append(asked)
        return reply({"stolen": True})

    with PROVIDERS[request.param]() as target, serving() as script, pytest.MonkeyPatch.context() as patched:
        script.answer = thief
        patched.setattr(Parts, "sleep", lambda *_: None)
        made = Bench(target, {}, script.url, stolen)
        workspace = made.workspace(tmp_path_factory.mktemp("calm") / "work")
        settled(workspace)
        made.calm = published(workspace.store)
        assert len(made.calm) > 5
        yield made


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    impatient(monkeypatch)


@pytest.mark.promise("a fault of any kind between us and a provider ends in bounded time; the next pass completes")
@pytest.mark.parametrize("name", few(FAULTS, *QUICK))
@pytest.mark.timeout(900)
def test_faults_on_the_way(bench: Bench, tmp_path: Path, name: str, tried: Callable[[int], None]) -> None:
    """Wherever a fault begins and however long it lasts, nothing wrong is published, no credential leaves, all heals."""
    workspace = bench.workspace(tmp_path / "work")
    proxy, trouble = bench.target.proxy, meant(FAULTS[name], bench.foreign)
    places = PLACES[:2] if name == GONE else PLACES
    for number, after in enumerate(places):
        proxy.troubles = [replace(trouble, after=after, times=FOREVER if number % 2 else 3)]
        words, seconds = a_pass(workspace)
        assert seconds < LIMIT, (after, seconds)
        assert len(words) < 6_000, after
    proxy.troubles = []
    settled(workspace)
    assert _differences(published(workspace.store), bench.calm) == []
    for asked in bench.stolen:
        assert not {"authorization", "x-api-key", "cookie"} & asked.headers.keys(), asked
    tried(len(places))


def _differences(found: dict[str, bytes], wanted: dict[str, bytes]) -> list[str]:
    return sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))
