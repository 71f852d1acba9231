"""Passes whose transfers run on a real Dask scheduler and real workers."""

from __future__ import annotations

import base64
import os
import re
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from moto.server import ThreadedMotoServer
from stacsync.demo.openeo import OpenEOStandIn, StandInFile, StandInJob
from tests.kit.cluster import Cluster, Tap, until
from tests.kit.workspace import BucketStore, FolderStore, Workspace, published

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path / "cluster") as running:
        yield running


@pytest.fixture
def openeo() -> Iterator[OpenEOStandIn]:
    with OpenEOStandIn() as stand_in:
        yield stand_in


def on(workspace: Workspace, address: str) -> Workspace:
    """Let the transfers of a workspace run on the cluster at `address`."""
    workspace.sections["mirror"] = {"executor": "dask", "dask_scheduler": address}
    return workspace


def place(root: Path, store: BucketStore | FolderStore, openeo: OpenEOStandIn) -> Workspace:
    root.mkdir()
    return Workspace(root, store, providers={"cdse": openeo.settings()})


def secrets(openeo: OpenEOStandIn) -> set[bytes]:
    """Return what nobody but a provider, the store and ourselves may see."""
    signed = {match[1] for one in openeo.seen if (match := re.search(r"/([0-9a-f]{32})(?:/|$)", one.path))}
    assert signed, "no signed address was used"
    user = base64.b64encode(openeo.user.encode()).decode()
    words = {openeo.password, f"/{user}/", "stand-in-access-", "expires=", "Bearer", "Basic", "made-up-store-secret"}
    return {word.encode() for word in {*signed, *words, "AKIDLOOPBACK"}}


def test_what_workers_mirror_is_what_one_process_mirrors_and_no_secret_meets_the_scheduler(
    tmp_path: Path, cluster: Cluster, openeo: OpenEOStandIn, s3_endpoint: str
) -> None:
    """Byte by byte the same catalog; on all lines of the scheduler there is no password, no token and no signed address."""
    alone = place(tmp_path / "alone", BucketStore(s3_endpoint), openeo)
    expected = alone.sync()
    openeo.seen.clear()
    with Tap(cluster.address) as tap:
        shared = on(place(tmp_path / "shared", BucketStore(s3_endpoint), openeo), tap.address)
        for name in ("one", "two"):
            cluster.work(name, shared.config, scheduler=tap.address)
        found = shared.sync()
    assert found["assets"] == expected["assets"]
    assert found["assets"]["transferred"] > 0
    assert published(shared.store) == published(alone.store)
    heard = bytes(tap.heard)
    assert b"openEO_2025-06" in heard, "the line was not listened to"
    assert not {word for word in secrets(openeo) if word in heard}


class Halting(OpenEOStandIn):
    """Stops in the middle of a body once it has sent `at` bytes, until `go`."""

    def __init__(self, jobs: Sequence[StandInJob], at: int) -> None:
        self.at = at
        self.reached, self.go = Event(), Event()
        self._sent = 0
        super().__init__(jobs)

    @property
    def sent(self) -> int:
        return self._sent

    @sent.setter
    def sent(self, count: int) -> None:
        self._sent = count
        if count >= self.at and not self.go.is_set():
            self.reached.set()
            self.go.wait(60)


@pytest.fixture
def halting() -> Iterator[Halting]:
    """A back-end with one file of 48 MiB that stops after 20."""
    block = os.urandom(MIB)
    data = b"".join(n.to_bytes(8, "big") + block[8:] for n in range(48))
    file = StandInFile(name="large.nc", data=data, media_type="application/x-netcdf")
    with Halting([StandInJob(id="j-large", title="Large", files=(file,), shape="assets")], 20 * MIB) as stand_in:
        yield stand_in
        stand_in.go.set()


@contextmanager
def under_way(workspace: Workspace, halting: Halting) -> Iterator[Future[Any]]:
    """Make a pass in another thread, and stand in the middle of its transfer."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(workspace.sync, well=False)
        assert halting.reached.wait(60), future.exception(0) if future.done() else "not reached"
        yield future
        halting.go.set()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
def test_a_worker_that_dies_in_the_middle_of_a_transfer_is_survived(
    tmp_path: Path, cluster: Cluster, halting: Halting, s3_endpoint: str, number: int
) -> None:
    """The other worker goes on where the dead one ended; the pass does not fail."""
    workspace = on(place(tmp_path / "w", BucketStore(s3_endpoint), halting), cluster.address)
    for name in ("one", "two"):
        cluster.work(name, workspace.config, threads=1)
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(workspace.sync)
        assert halting.reached.wait(60)
        busy = until(lambda: [name for name, tasks in cluster.known().items() if tasks])
        cluster.kill(busy[0], number)
        halting.go.set()
        found = future.result(90)
    assert found["providers"]["cdse"]["published"] == 1
    key = next(key for key in list(workspace.store.keys()) if key.endswith("large.nc"))
    assert workspace.store.read(key) == halting.jobs[0].files[0].data
    # what lay in the store in whole parts was not read again; some of what was sent never arrived
    assert halting.sent < (48 + 20) * MIB
    assert not [key for key in list(workspace.store.keys()) if "upload-notes" in key]
