"""A bucket whose listings lag behind: what was written is not listed yet, what was deleted still is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import pytest
from stacsync.demo.openeo import StandInJob
from tests.drill import behind
from tests.drill.behind import Target
from tests.drill.conftest import few
from tests.drill.passes import impatient, settled
from tests.drill.proxy import FOREVER, Answer, Proxy, Trouble
from tests.drill.reader import Crawler
from tests.drill.scene import CHANGED, KEEP, NEW, OLD
from tests.drill.test_store_trouble import ProxiedStore
from tests.kit.workspace import FolderStore, Store, Workspace, crawl, published

HISTORY = (OLD, KEEP), (CHANGED, NEW, KEEP)


class Lagging:
    """Listings as they were when `look` was called last."""

    def __init__(self, store: ProxiedStore) -> None:
        self._store = store
        self._objects: list[dict[str, Any]] = []

    def look(self) -> None:
        pages = self._store.client.get_paginator("list_objects_v2").paginate(Bucket=self._store.bucket)
        self._objects = [entry for page in pages for entry in page.get("Contents", ())]

    def answer(self, real: Answer) -> Answer:
        """Return the listing that was asked for, in one page."""
        (prefix,) = parse_qs(urlsplit(real.asked).query).get("prefix", [""])
        entries = "".join(
            f"<Contents><Key>{escape(one['Key'])}</Key><Size>{one['Size']}</Size><ETag>{escape(one['ETag'])}</ETag>"
            f"<LastModified>{one['LastModified']:%Y-%m-%dT%H:%M:%S.000Z}</LastModified></Contents>"
            for one in self._objects
            if one["Key"].startswith(prefix)
        )
        told = f"<Name>{self._store.bucket}</Name><Prefix>{escape(prefix)}</Prefix><IsTruncated>false</IsTruncated>"
        body = f"<ListBucketResult>{told}{entries}</ListBucketResult>"
        return replace(real, status=200, body=body.encode(), headers={"Content-Type": "application/xml"})


@pytest.fixture
def targets(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Target]]:
    """Files, packages and folders: what each kind of mirroring takes a listing for."""
    impatient(monkeypatch)
    with behind.openeo() as files, behind.up42_today() as packages, behind.sentinelhub() as folders:
        yield {"files": files, "packages": packages, "folders": folders}


@pytest.fixture
def scene(tmp_path: Path, targets: dict[str, Target], s3_endpoint: str) -> Iterator[tuple[Workspace, Lagging]]:
    with Proxy(s3_endpoint) as front:
        store = ProxiedStore(s3_endpoint)
        store.through = front.url
        lagging = Lagging(store)
        front.troubles = [Trouble("GET", r"[?&]list-type=2", times=FOREVER, change=lagging.answer)]
        yield Workspace(tmp_path, store, providers={name: one.table for name, one in targets.items()}), lagging


def calm(root: Path, targets: dict[str, Target], *history: tuple[StandInJob, ...]) -> dict[str, bytes]:
    """Return what a history publishes in a folder, which lists at once what is there; the last jobs stay."""
    root.mkdir()
    quiet = Workspace(root, FolderStore(root / "catalog"), providers={name: one.table for name, one in targets.items()})
    for jobs in history:
        targets["files"].stand_in.jobs = jobs
        settled(quiet)
    return published(quiet.store)


@pytest.mark.promise(
    "listings of the store that lag behind lose nothing, transfer nothing again and raise no false alarm"
)
@pytest.mark.timeout(900)
@pytest.mark.parametrize("looks", few(["never", "before each step"], "before each step"))
def test_listings_that_lag(
    scene: tuple[Workspace, Lagging],
    targets: dict[str, Target],
    looks: str,
    tried: Callable[[int], None],
    tmp_path: Path,
) -> None:
    """From first pass to retirement and back the store holds what it should, and each command believes what is there."""
    workspace, lagging = scene
    store, openeo = workspace.store, targets["files"].stand_in

    def step() -> None:
        if looks == "before each step":
            lagging.look()

    wanted, anew = calm(tmp_path / "calm", targets, *HISTORY), calm(tmp_path / "anew", targets, HISTORY[-1])
    with Crawler(store) as reader:
        assert workspace.run("check").code == 0
        for jobs in HISTORY:
            openeo.jobs = jobs
            settled(workspace)
            assert workspace.run("verify", "--checksums", "--json").json["findings"] == []
            step()
        assert published(store) == wanted
        assert workspace.sync(force=True)["assets"]["transferred"] == 0
        workspace.forget_ledger()
        settled(workspace)
        assert published(store) == wanted
        step()
        there = everything(store)
        for name, job in there:
            assert workspace.run("retire", "--provider", name, "--job", job, "--delete-assets").code == 0
        assert everything(store) == []
        workspace.sync(*(job for _, job in there), force=True)
        settled(workspace)
        assert published(store) == anew
        step()
        assert workspace.run("verify", "--checksums", "--json").json["findings"] == []
    assert reader.gaps == []
    tried(1)


def everything(store: Store) -> list[tuple[str, str]]:
    """Return every job that is published, with its provider."""
    told = ((key, document.get("properties", {}).get("stacsync:job_id")) for key, document in crawl(store))
    return sorted({(key.partition("/")[0], job) for key, job in told if job})
