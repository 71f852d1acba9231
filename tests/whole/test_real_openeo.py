"""The main job against a back-end that nobody here wrote: the openEO driver, over a real socket, into both stores."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kit.openeo_backend import RealBackend, real_backend
from tests.kit.workspace import Store, Workspace, crawl, published

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealBackend]:
    with real_backend(tmp_path_factory.mktemp("driver")) as found:
        yield found


@pytest.fixture
def workspace(tmp_path: Path, store: Store, backend: RealBackend) -> Workspace:
    auth = {"method": "basic", "username": "alice", "password": "alice-password"}
    return Workspace(tmp_path, store, providers={"driver": {"kind": "openeo", "url": backend.url, "auth": auth}})


def checksums(workspace: Workspace) -> set[str]:
    found: set[str] = set()

    def look(key: str, asset: dict[str, Any]) -> None:
        data = workspace.store.read(key)
        assert asset["file:size"] == len(data)
        found.add(hashlib.sha256(data).hexdigest())

    list(crawl(workspace.store, assets=look))
    return found


def test_all_finished_jobs_of_the_driver_are_published(workspace: Workspace, backend: RealBackend) -> None:
    """Every finished job, byte for byte; the second pass does nothing; status and verify are clean; a lost ledger costs nothing."""
    first = workspace.sync()
    counts = first["providers"]["driver"]
    assert counts["published"] + counts["skipped"] == counts["seen"] >= 15
    files = {hashlib.sha256(path.read_bytes()).hexdigest() for path in backend.files.glob("t-*/**/*") if path.is_file()}
    assert files <= checksums(workspace)
    before = published(workspace.store)

    second = workspace.sync()
    assert (second["documents"]["written"], second["assets"]["bytes"]) == (0, 0)
    assert second["providers"]["driver"]["unchanged"] == counts["published"]

    told = workspace.run("status", "--json")
    assert (told.code, told.json["failures"]) == (0, [])
    audit = workspace.run("verify", "--checksums", "--json")
    assert (audit.code, audit.json["findings"]) == (0, [])

    workspace.forget_ledger()
    third = workspace.sync()
    assert (third["assets"]["transferred"], third["assets"]["bytes"]) == (0, 0)
    assert published(workspace.store) == before
