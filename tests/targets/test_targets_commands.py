"""STAC APIs seen from the command line: `sync`, `status` and `run`."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from stacsync.demo.openeo import OpenEOStandIn
from tests.kit.stac_api import StacApi, serving
from tests.kit.workspace import FolderStore, Workspace, crawl

TOKEN = "made-up-target-token-7f3a"


@pytest.fixture
def api() -> Iterator[StacApi]:
    with serving(StacApi(token=TOKEN)) as made:
        yield made


@pytest.fixture
def workspace(tmp_path: Path, api: StacApi) -> Iterator[Workspace]:
    with OpenEOStandIn() as stand_in:
        made = Workspace(tmp_path, FolderStore(tmp_path / "catalog"), providers={"cdse": stand_in.settings()})
        made.sections["[targets]"] = {"url": api.url, "token": TOKEN}
        made.sections["server"] = {"port": 0}
        yield made


def published(workspace: Workspace) -> set[str]:
    return {
        f"{one['collection']}/{one['id']}" for _, one in crawl(workspace.store) if one["type"] == "Feature"
    }  # fmt: skip


def test_a_failing_target_costs_exit_1_and_nothing_else(workspace: Workspace, api: StacApi) -> None:
    """All is published; `sync` and `status` say what is wrong with the target; the token is nowhere."""
    api.token = "another"
    answer = workspace.run("sync", "--json")
    assert answer.code == 1
    (error,) = answer.json["errors"]
    assert (error["target"], error["provider"]) == (api.url, None)
    assert "targets.token" in error["message"]
    shown = workspace.run("status")
    assert f"target {api.url}: 0 items there" in shown.stdout
    api.token = TOKEN
    again = workspace.run("sync", "--json")
    assert (again.code, again.json["documents"]["written"]) == (0, 0)
    assert set(api.everything()) == published(workspace)
    written = b"".join(
        path.read_bytes() for path in workspace.root.rglob("*") if path.is_file() and path != workspace.config
    )
    assert TOKEN not in answer.stdout + answer.stderr + shown.stdout + again.stderr + written.decode("latin-1")


def test_the_service_pushes_after_its_passes(workspace: Workspace, api: StacApi) -> None:
    """`run` sends what it published, and stops at once when asked, with the target in whatever state."""
    process = workspace.start("run")
    try:
        deadline = time.monotonic() + 90
        while not api.everything() and time.monotonic() < deadline:
            time.sleep(0.2)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    workspace.sync()
    assert set(api.everything()) == published(workspace)
