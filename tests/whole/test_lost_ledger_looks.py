"""Pictures, statistics and colours outlive the ledger: nothing is fetched, and no picture is written a second time."""

from __future__ import annotations

from pathlib import Path

from stacsync.demo.openeo import OpenEOStandIn
from tests.kit.workspace import FolderStore, Workspace, crawl, published

FILES = r"^(?!.*/results/items/).*\.tif"
"""Requests for rasters, and not for the records of them."""


def pictures(store: FolderStore) -> dict[str, int]:
    """Thumbnails that were made of rasters, and when each was written."""
    return {key: (store.root / key).stat().st_mtime_ns for key in store.keys() if ".thumbnail." in key}  # noqa: SIM118 - a store is no mapping


def test_looks_are_the_same_without_the_ledger(tmp_path: Path) -> None:
    """Every byte that is published, with raster facts, thumbnails, previews and tables, is as before; thumbnails stay as they lie."""
    with OpenEOStandIn() as openeo:
        store = FolderStore(tmp_path / "catalog")
        workspace = Workspace(tmp_path, store, providers={"cdse": openeo.settings()})
        workspace.sync()
        items = [document for _, document in crawl(store, assets=lambda *_: None) if document["type"] == "Feature"]
        assert [item for item in items if "renders" in item["properties"]]
        before, hung, fetched = published(store), pictures(store), openeo.count(FILES)
        assert hung
        assert [key for key in before if key.endswith("preview.webp")]
        assert [key for key in before if key.endswith("items.parquet")]
        workspace.forget_ledger()
        again = workspace.sync()
        assert (again["assets"]["transferred"], again["assets"]["bytes"]) == (0, 0)
        assert openeo.count(FILES) == fetched
    assert published(store) == before
    assert pictures(store) == hung
