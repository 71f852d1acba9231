"""Sentinel Hub from the service's word to the published document: stores, requests that end in part, very many tiles."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from stacsync.demo.sentinelhub import Account
from stacsync.demo.sentinelhub.files import Outcome, Row, blob, zarr
from stacsync.demo.sentinelhub.scenario import BUCKET, task
from stacsync.demo.sentinelhub.service import TOKEN_PATH
from tests.kit.sentinelhub import HIDDEN, Hub, listening
from tests.kit.workspace import FolderStore, Workspace, crawl, published

METADATA = {".zgroup", ".zattrs", ".zarray", ".zmetadata"}


@pytest.fixture
def hub() -> Iterator[Hub]:
    with listening() as found:
        yield found


def catalog(tmp_path: Path, hub: Hub, **settings: Any) -> Workspace:
    return Workspace(tmp_path, FolderStore(tmp_path / "catalog"), providers={"sh": hub.settings(**settings)})


def read(workspace: Workspace, key: str) -> Any:
    return json.loads(workspace.store.read(key))


def store_task(hub: Hub) -> str:
    """Add a task that made one Zarr store, the service's copy of its request beside it; return its id."""
    job = task(1, "DONE", "NDVI as a data cube", f"s3://{BUCKET}/cubes/<requestId>", type="zarr", cogOutput=False)
    job["request"]["input"] = {"type": "tiling-grid", "id": 6, "resolution": 100.0}
    root = f"cubes/{job['id']}"
    made = Account(service=hub.account.service)
    area = (4_180_000.0, 2_080_000.0, 4_280_000.0, 2_180_000.0)
    rows = [Row(3035, "maxNDVI", "N208E418", f"s3://{BUCKET}/{root}", 1000, 1000, blob(area, 3035))]
    made.add(job, f"{root}/", rows, [Outcome("N208E418")])
    hub.objects.update(made.objects | {f"{root}/{path}": content for path, content in zarr().items()})
    return str(job["id"])


def test_a_store_is_one_folder_of_one_item(hub: Hub, tmp_path: Path) -> None:
    """Every chunk arrives before any metadata, nothing but the store is taken, and the Item says what the cube holds."""
    job = store_task(hub)
    workspace = catalog(tmp_path, hub)
    workspace.sync()
    item = read(workspace, f"sh/sh-{job}/{job}/{job}.json")
    asset = item["assets"]["zarr"]
    assert asset["type"] == "application/vnd.zarr; version=2"
    assert any("/datacube/" in uri for uri in item["stac_extensions"])
    properties = item["properties"]
    assert set(properties["cube:dimensions"]) == {"x", "y", "time"}
    assert properties["cube:dimensions"]["x"] == {
        "type": "spatial", "axis": "x", "extent": [4_180_000, 4_280_000], "reference_system": 3035,
    }  # fmt: skip
    assert properties["cube:variables"]["maxNDVI"]["dimensions"] == ["time", "y", "x"]
    assert (properties["proj:code"], properties["proj:shape"]) == ("EPSG:3035", [4, 4])
    folder = tmp_path / "catalog" / "sh" / f"sh-{job}" / job / asset["href"]
    paths = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    assert {name: path.read_bytes() for name, path in paths.items()} == zarr()
    chunks = [path.stat().st_mtime_ns for path in paths.values() if path.name not in METADATA]
    others = [path.stat().st_mtime_ns for path in paths.values() if path.name in METADATA]
    assert max(chunks) <= min(others)
    everything = b"".join(published(workspace.store).values())
    assert not [secret for secret in HIDDEN if secret.encode() in everything]
    assert workspace.run("verify", "--checksums").code == 0
    assert workspace.sync()["documents"]["written"] == 0


def test_a_store_can_be_pointed_at(hub: Hub, tmp_path: Path) -> None:
    """By reference nothing is copied, and the Item names the store and the bucket."""
    job = store_task(hub)
    workspace = catalog(tmp_path, hub, transfer="reference")
    workspace.sync()
    item = read(workspace, f"sh/sh-{job}/{job}/{job}.json")
    assert item["assets"]["zarr"]["href"] == f"s3://{BUCKET}/cubes/{job}/"
    assert item["assets"]["zarr"]["storage:refs"] == ["source"]
    assert item["properties"]["storage:schemes"]["source"]["bucket"] == BUCKET
    assert not [key for key in published(workspace.store) if ".zarr" in key]


def test_a_partial_request_is_published_once_it_stands_still_and_completed_later(hub: Hub, tmp_path: Path) -> None:
    """Version 1: a pass waits, the next publishes what there is and says what is missing, a restart completes it."""
    request = hub.first_request(
        1, [(8.0, "PROCESSED"), (8.1, "FAILED")], status="PARTIAL", error="Too many failed tiles"
    )
    job, collection = request["id"], f"sh/sh-{request['id']}/collection.json"
    workspace = catalog(tmp_path, hub, api="v1")
    assert workspace.sync()["providers"]["sh"]["waiting"] == 1
    assert "PARTIAL" in workspace.run("status", "--json").stdout
    assert collection not in published(workspace.store)
    assert workspace.sync()["providers"]["sh"]["published"] == 1
    assert read(workspace, collection)["stacsync:complete"] is False
    assert "1 × failed" in re.sub(r"\s+", " ", workspace.run("status").stdout)
    assert workspace.sync()["providers"]["sh"]["unchanged"] == 1
    before = published(workspace.store)
    request |= {"status": "PROCESSING", "userActionUpdated": "2023-05-02T08:00:00.000Z"}
    workspace.sync()
    assert published(workspace.store) == before
    request |= {"status": "PARTIAL"}
    assert workspace.sync()["providers"]["sh"]["waiting"] == 1
    assert published(workspace.store) == before
    hub.first_tile(request, 1, 8.1)
    del request["error"]
    request |= {"status": "DONE"}
    assert workspace.sync()["providers"]["sh"]["published"] == 1
    found = read(workspace, collection)
    assert "stacsync:complete" not in found
    assert sum(link["rel"] == "item" for link in found["links"]) == 2
    assert "failed" not in workspace.run("status").stdout.partition("Published without")[2]
    assert workspace.run("verify").code == 0
    assert job in found["id"]


@dataclass
class Measured:
    """A command that went well."""

    told: Any
    peak_mib: float
    seconds: float


def measured(workspace: Workspace) -> Measured:
    """Make a pass in a process of its own, watching its memory."""
    begun, peak = time.monotonic(), 0.0
    out = workspace.root / "told.json"
    with out.open("w") as sink:
        process = subprocess.Popen(
            workspace.command("sync", "--json"), env=workspace.environment(), cwd=workspace.root, stdout=sink,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        while process.poll() is None:
            peak = max(peak, high_water(process.pid))
            time.sleep(0.01)
    assert process.returncode == 0
    return Measured(json.loads(out.read_text()), peak, time.monotonic() - begun)


def high_water(pid: int) -> float:
    try:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0.0
    return int(found[1]) / 1024 if found else 0.0


def many(hub: Hub, features: int, outputs: int) -> None:
    """Add a task of very many features in two reference systems, each with its files named in the manifest."""
    job = task(1, "DONE", "Many", f"s3://{BUCKET}/many")

    def rows() -> Iterator[Row]:
        for number in range(features):
            epsg, name = 32631 + number % 2, f"tile_{number:06d}"
            west, south = 300_000.0 + 10_000 * (number % 40), 1_000_000.0 + 10_000 * (number // 40 % 700)
            shape = blob((west, south, west + 10_000, south + 10_000), epsg, little=number % 3 > 0)
            for output in range(outputs):
                path = f"s3://{BUCKET}/many/{job['id']}/{name}/band{output}.tif"
                yield Row(epsg, f"band{output}", name, path, 1000, 1000, shape)

    made = Account(service=hub.account.service)
    made.add(job, "many/", rows(), (Outcome(f"tile_{number:06d}") for number in range(features)))
    hub.objects.update(made.objects)


FULL = 100_000


@pytest.mark.parametrize("features", [2_000, pytest.param(FULL, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def test_very_many_tiles_by_reference(hub: Hub, tmp_path: Path, features: int) -> None:
    """All are published in less than 300 MiB, no document lists more than 1,000, and a second pass reads the listing alone."""
    many(hub, features, outputs=3)
    workspace = catalog(tmp_path, hub, transfer="reference")
    first = measured(workspace)
    assert first.peak_mib < 300
    assert not [path for path in hub.bucket.asked if path.endswith(".tif")]
    items, longest = 0, 0
    for _, document in crawl(workspace.store):
        longest = max(longest, len(document["links"]))
        if document["type"] == "Feature":
            items += 1
            assert len(document["assets"]) == 3
    assert items == features
    assert longest <= 1_000
    before = stamps(workspace)
    hub.account.service.asked.clear()
    hub.bucket.asked.clear()
    second = measured(workspace)
    assert set(hub.account.service.asked) == {TOKEN_PATH, "/api/v2/batch/process"}
    assert hub.bucket.asked == []
    assert second.told["documents"]["written"] == 0
    assert stamps(workspace) == before


def stamps(workspace: Workspace) -> dict[str, int]:
    """Return when every published object was written."""
    root = workspace.root / "catalog"
    return {key: (root / key).stat().st_mtime_ns for key in published(workspace.store)}
