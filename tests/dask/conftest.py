"""A back-end, a store and a cluster for passes whose transfers run on Dask."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event

import pytest
from stacsync.demo.openeo import OpenEOStandIn, StandInFile, StandInJob
from tests.kit.cluster import Cluster
from tests.kit.workspace import BucketStore, Workspace

MIB = 1024 * 1024
LARGE = 48 * MIB
HALT = 20 * MIB

Place = Callable[..., Workspace]


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
            self.go.wait(240)


@pytest.fixture
def openeo() -> Iterator[OpenEOStandIn]:
    with OpenEOStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def halting() -> Iterator[Halting]:
    """A back-end with one file of 48 MiB that stops after 20."""
    block = os.urandom(MIB)
    data = b"".join(n.to_bytes(8, "big") + block[8:] for n in range(LARGE // MIB))
    file = StandInFile(name="large.nc", data=data, media_type="application/x-netcdf")
    with Halting([StandInJob(id="j-large", title="Large", files=(file,), shape="assets")], HALT) as stand_in:
        yield stand_in
        stand_in.go.set()


@pytest.fixture
def place(tmp_path: Path, s3_endpoint: str) -> Place:
    """Make a workspace with a bucket of its own; with an address, its transfers run on the cluster there."""

    def make(name: str, openeo: OpenEOStandIn, scheduler: str | None = None) -> Workspace:
        (tmp_path / name).mkdir()
        workspace = Workspace(tmp_path / name, BucketStore(s3_endpoint), providers={"cdse": openeo.settings()})
        if scheduler:
            workspace.sections["mirror"] = {"executor": "dask", "dask_scheduler": scheduler}
        return workspace

    return make


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path / "cluster") as running:
        yield running
