"""The run that is disturbed: two providers with jobs that are new, changed and gone, a package, and a file in parts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stacsync.demo.openeo import OpenEOStandIn, StandInFile, StandInJob
from stacsync.demo.up42 import StandIn, first_job
from tests.kit.workspace import FolderStore, Store, Workspace


def file(name: str, seed: str, size: int = 2_000) -> StandInFile:
    """Return a file whose bytes are made from `seed`."""
    block = hashlib.sha256(seed.encode()).hexdigest().encode()
    data = b"".join(hashlib.sha256(block + str(n).encode()).digest() for n in range(size // 32))
    return StandInFile(name=name, data=b"a,b\n" + data.hex().encode()[:size], media_type="text/csv")


OLD = StandInJob(id="j-old", title="Old", shape="assets", files=(file("a.csv", "a1"), file("b.csv", "b1")))
KEEP = StandInJob(id="j-keep", title="Keep", shape="item", files=(file("k.csv", "k1"),))
CHANGED = StandInJob(
    id="j-old",
    title="Old, run again",
    shape="assets",
    updated="2026-02-01T00:00:00Z",
    files=(file("a.csv", "a2"), file("c.csv", "c1")),
)
NEW = StandInJob(id="j-new", title="New", shape="assets", files=(file("big.csv", "big", 150_000),))


@dataclass
class Scene:
    """Both stand-ins, and the two states that they can be in."""

    openeo: OpenEOStandIn
    up42: StandIn

    def settings(self) -> dict[str, Any]:
        return {"cdse": self.openeo.settings(), "up42": self.up42.first_settings()}

    def before(self) -> None:
        """Two openEO jobs."""
        self.openeo.jobs = (OLD, KEEP)
        self.up42.first.jobs = []

    def after(self) -> None:
        """One of them changed, a new one with a file in parts, and a package at the other provider."""
        self.openeo.jobs = (CHANGED, NEW, KEEP)
        self.up42.first.jobs = [first_job(1, features=2)]

    def workspace(self, root: Path, store: Store | None = None) -> Workspace:
        root.mkdir(parents=True, exist_ok=True)
        return Workspace(
            root,
            store or FolderStore(root / "catalog"),
            providers=self.settings(),
            sections={"mirror": {"concurrency": 1}},
        )


@contextmanager
def scene() -> Iterator[Scene]:
    """Start the stand-ins."""
    with OpenEOStandIn() as openeo, StandIn() as up42:
        yield Scene(openeo, up42)
