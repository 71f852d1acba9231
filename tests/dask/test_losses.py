"""What a pass does when parts of its cluster go away, or were never right."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from stacsync.app import open_app
from stacsync.app.cluster import Link, link
from stacsync.demo.openeo import OpenEOStandIn
from stacsync.errors import ClusterLost
from tests.dask.conftest import HALT, LARGE, Halting, Place
from tests.kit.cluster import Cluster, known, until
from tests.kit.workspace import Workspace, published

PATIENCE = 240
"""Seconds; a busy machine is no failure."""


def assert_whole(workspace: Workspace, halting: Halting) -> None:
    """The file is there as its source has it, and no upload is left."""
    keys = list(workspace.store.keys())
    (key,) = (key for key in keys if key.endswith("large.nc"))
    assert workspace.store.read(key) == halting.jobs[0].files[0].data
    app = open_app(workspace.config)
    try:
        assert not app.parts.uploads.all()
    finally:
        app.close()


@pytest.mark.real
@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
def test_a_worker_that_goes_in_the_middle_of_a_transfer_is_survived(
    place: Place, cluster: Cluster, halting: Halting, number: int
) -> None:
    """The other worker goes on where it ended: less is read again than was read; the pass does not fail."""
    workspace = place("w", halting, cluster.address)
    cluster.work("one", "two", config=workspace.config, threads=1)
    with ThreadPoolExecutor(1) as pool, cluster.client() as client:
        future = pool.submit(workspace.sync)
        assert halting.reached.wait(PATIENCE)
        (busy,) = until(lambda: [name for name, tasks in known(client).items() if tasks])
        cluster.workers[busy].send_signal(number)
        until(lambda: set(known(client)) == {"one", "two"} - {busy})
        halting.go.set()
        found = future.result(PATIENCE)
    assert found["providers"]["cdse"]["published"] == 1
    assert halting.sent < LARGE + HALT
    assert_whole(workspace, halting)


@pytest.mark.real
@pytest.mark.timeout(600)
def test_a_scheduler_that_goes_ends_the_pass_and_nothing_else(place: Place, cluster: Cluster, halting: Halting) -> None:
    """The pass says what was lost; once the cluster is back the next one goes on where it ended."""
    workspace = place("w", halting, cluster.address)
    cluster.work("one", config=workspace.config)
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(workspace.sync, well=False)
        assert halting.reached.wait(PATIENCE)
        cluster.kill_scheduler()
        found = future.result(PATIENCE)
        halting.go.set()
    assert "the connection to the Dask scheduler tcp://127.0.0.1" in found["providers"]["cdse"]["error"]
    assert found["providers"]["cdse"]["failed"] == 0
    assert not [key for key in published(workspace.store) if key.endswith(".nc")]
    cluster.workers["one"].wait(PATIENCE)
    cluster.start_scheduler()
    cluster.work("two", config=workspace.config)
    assert workspace.sync()["providers"]["cdse"]["published"] == 1
    assert halting.sent < LARGE + HALT + 2 * HALT
    assert_whole(workspace, halting)


@pytest.mark.real
@pytest.mark.timeout(600)
def test_when_asked_to_stop_workers_stop_too(place: Place, cluster: Cluster, halting: Halting) -> None:
    """SIGTERM ends the pass at once, and what its worker is at soon after; the next pass goes on there."""
    workspace = place("w", halting, cluster.address)
    cluster.work("one", config=workspace.config)
    process = workspace.start("sync")
    assert halting.reached.wait(PATIENCE)
    process.terminate()
    process.wait(PATIENCE)
    with cluster.client() as client:
        until(lambda: known(client) == {"one": 0})
    halting.go.set()
    assert workspace.sync()["providers"]["cdse"]["published"] == 1
    assert halting.sent < LARGE + HALT
    assert_whole(workspace, halting)


@pytest.mark.real
@pytest.mark.timeout(600)
def test_check_tries_each_worker_and_a_wrong_one_moves_nothing(
    place: Place, cluster: Cluster, openeo: OpenEOStandIn
) -> None:
    """A worker of another catalog is told by name, and told as the reason when a pass meets it."""
    workspace, other = place("w", openeo, cluster.address), place("other", openeo)

    def checked() -> dict[str, Any]:
        app = open_app(workspace.config)
        try:
            return {line.subject: line for line in app.check() if line.subject.startswith("dask")}
        finally:
            app.close()

    none = checked()["dask"]
    assert (none.ok, none.remedy) == (False, f"start some: dask worker {cluster.address}")
    cluster.work("wrong", config=other.config)
    lines = checked()
    (wrong,) = (line for line in lines.values() if not line.ok and line.subject.endswith("configuration"))
    assert other.store.table()["url"] in wrong.message
    result = workspace.sync(well=False)
    assert "a worker is configured for" in result["providers"]["cdse"]["error"]
    assert not [key for key in published(workspace.store) if key.endswith(".tif")]
    assert list(other.store.keys()) == []
    cluster.kill("wrong")
    cluster.work("right", config=workspace.config)
    (right,) = checked().values()
    assert right.ok
    assert right.message.endswith(
        f"1 worker, 4 transfers at once; each opens its configuration and writes {workspace.store.table()['url']}"
    )


def test_a_scheduler_that_is_not_there_is_told_once_and_soon(
    place: Place, openeo: OpenEOStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many files wait, one attempt to connect is made for all of them; no job counts as failed."""
    monkeypatch.setattr(link, "CONNECT", 1.0)
    workspace = place("w", openeo, "tcp://127.0.0.1:1")
    result = workspace.sync(well=False)["providers"]["cdse"]
    assert result["error"].startswith("the Dask scheduler tcp://127.0.0.1:1 cannot be reached")
    assert (result["failed"], result["published"]) == (0, 0)


def test_waiting_for_workers_has_an_end(tmp_path: Path) -> None:
    """A scheduler without any worker is waited for as long as a cluster needs to start some, then given up."""
    times = [0.0]
    with Cluster(tmp_path / "cluster") as cluster:
        waiting = Link(cluster.address, patience=60, monotonic=lambda: times[0])
        waiting.client()
        times[0] = 59.0
        waiting.ensure()
        times[0] = 70.0
        with pytest.raises(ClusterLost, match="has had no worker for 60 s") as told:
            waiting.ensure()
        waiting.close()
    assert told.value.remedy == f"start some: dask worker {cluster.address}"
