"""Whole runs: the command line as a user types it, against stand-ins and real stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from stacsync.demo.openeo import OpenEOStandIn
from tests.kit.workspace import BucketStore, FolderStore, Store, Workspace


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, s3_endpoint: str) -> Store:
    return FolderStore(tmp_path / "catalog") if request.param == "folder" else BucketStore(s3_endpoint)


@pytest.fixture
def openeo() -> Iterator[OpenEOStandIn]:
    with OpenEOStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def workspace(tmp_path: Path, store: Store, openeo: OpenEOStandIn) -> Workspace:
    return Workspace(tmp_path, store, providers={"cdse": openeo.settings()})
