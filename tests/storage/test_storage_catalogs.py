"""A whole catalog on every store: the same documents and files, whatever lies below."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from stacsync.app import open_app
from stacsync.demo.openeo import OpenEOStandIn
from tests.drill.scene import CHANGED, KEEP, NEW, OLD
from tests.kit.workspace import FolderStore, Store, Workspace, published
from tests.storage.conftest import KINDS, Options, boto_client


@dataclass
class ServedStore:
    """A place on a real server, looked at with a neighbour's client."""

    options: Options
    client: Any

    @property
    def place(self) -> tuple[str, str]:
        bucket, _, prefix = self.options.url.removeprefix("s3://").partition("/")
        return bucket, f"{prefix}/"

    def table(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self.options).items() if value is not None}

    def keys(self) -> list[str]:
        bucket, prefix = self.place
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return sorted(one["Key"].removeprefix(prefix) for page in pages for one in page.get("Contents", ()))

    def read(self, key: str) -> bytes:
        bucket, prefix = self.place
        return bytes(self.client.get_object(Bucket=bucket, Key=f"{prefix}{key}")["Body"].read())


@pytest.fixture
def openeo() -> Iterator[OpenEOStandIn]:
    with OpenEOStandIn((OLD, KEEP)) as found:
        yield found


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, options_of: Callable[[str], Options]) -> Iterator[Store]:
    options = options_of(request.param)
    if options.url.startswith("file://"):
        yield FolderStore(Path(options.url.removeprefix("file://")))
        return
    client = boto_client(options)
    yield ServedStore(options, client)
    client.close()


def live(root: Path, store: Store, openeo: OpenEOStandIn) -> Workspace:
    """Two passes, between which a job is run again and another one finishes."""
    root.mkdir()
    workspace = Workspace(root, store, providers={"cdse": openeo.settings()})
    openeo.jobs = (OLD, KEEP)
    workspace.sync()
    openeo.jobs = (CHANGED, NEW, KEEP)
    workspace.sync()
    return workspace


def test_a_catalog_is_the_same_on_every_store(place: Store, tmp_path: Path, openeo: OpenEOStandIn) -> None:
    """Published, changed, audited and adopted by a new ledger, a catalog has the bytes that it has in a folder."""
    wanted = published(live(tmp_path / "plain", FolderStore(tmp_path / "wanted"), openeo).store)
    workspace = live(tmp_path / "work", place, openeo)
    assert published(place) == wanted
    with closing(open_app(workspace.config)) as app:
        assert app.verify(checksums=True)["ok"]
    workspace.forget_ledger()
    again = workspace.sync()
    assert again["assets"]["transferred"] == 0
    assert published(place) == wanted
