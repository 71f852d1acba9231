"""`verify` finds what a reader would stumble over, and nothing in a sound catalog."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import orjson
import pytest
from stacsync.catalog import Report
from stacsync.catalog.verify import audit
from stacsync.errors import StorageError
from stacsync.storage import Storage, StoredObject
from tests.catalog.bench import MemoryStore, a_bench, row

ITEM = "hub/fields/j1-3/j1-3.json"
MONTH = "hub/fields/by-month/2025-07/catalog.json"
COLLECTION = "hub/fields/collection.json"
ASSET = "hub/fields/j1-3/data.tif"


def verify(store: MemoryStore, *, checksums: bool = False) -> Report:
    return audit(cast("Storage", store), checksums=checksums)


@pytest.fixture
def published() -> MemoryStore:
    with a_bench(limit=4) as bench:
        rows = [row(f"j1-{n}", f"2025-{6 + n % 2:02d}-01T00:00:00Z", job="j1") for n in range(8)]
        bench.job("hub", "j1", *rows)
        bench.job("eo", "k1", row("k1-a", provider="eo", collection="k1", job="k1"))
        bench.publish()
        return bench.store


def test_a_sound_catalog_has_no_findings(published: MemoryStore) -> None:
    """What the publisher wrote is sound in every respect, checksums included; nothing is written by looking."""
    before = dict(published.objects)
    report = verify(published, checksums=True)
    assert report.findings == ()
    assert report.ok
    assert (report.documents, report.assets) == (len([key for key in before if key.endswith(".json")]), 9)
    assert published.objects == before


def edit(key: str, change: Callable[[dict[str, Any]], Any]) -> Callable[[MemoryStore], None]:
    def damage(store: MemoryStore) -> None:
        document = orjson.loads(store.objects[key])
        change(document)
        store.objects[key] = orjson.dumps(document)

    return damage


def remove(key: str) -> Callable[[MemoryStore], None]:
    def damage(store: MemoryStore) -> None:
        del store.objects[key]

    return damage


def replace(key: str, data: bytes) -> Callable[[MemoryStore], None]:
    return lambda store: store.objects.update({key: data})


def link(document: dict[str, Any], rel: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in document["links"] if one["rel"] == rel)
    return found


FAULTS = {
    "missing root": (remove("catalog.json"), "catalog.json", "is missing"),
    "missing item": (remove(ITEM), ITEM, "is missing"),
    "half an item": (replace(ITEM, b'{"type": "Feat'), ITEM, "no JSON"),
    "missing sub-catalog": (remove(MONTH), MONTH, "is missing"),
    "missing asset": (remove(ASSET), ASSET, "is missing"),
    "cut asset": (replace(ASSET, b"by"), ASSET, "2 bytes instead of"),
    "stray item": (replace("hub/fields/x/x.json", b"{}"), "hub/fields/x/x.json", "nothing links"),
    "missing list": (remove("collections.json"), "collections.json", "is missing"),
    "odd list": (replace("collections.json", b"{}"), "collections.json", "is no list"),
    "stale list": (replace("collections.json", b"[]"), "collections.json", "lists other"),
    "invalid item": (edit(ITEM, lambda d: d.pop("geometry")), ITEM, "not valid STAC"),
    "old version": (edit(COLLECTION, lambda d: d.update(stac_version="1.0.0")), COLLECTION, "STAC version '1.0.0'"),
    "other title": (edit(ITEM, lambda d: d["properties"].update(title="2025-06 x")), MONTH, "the title is '2025-06 x'"),
    "untitled link": (edit(MONTH, lambda d: link(d, "item").pop("title")), MONTH, "has no title"),
    "dangling parent": (edit(ITEM, lambda d: link(d, "parent").update(href="../c.json")), ITEM, "not above it"),
    "no root": (edit(ITEM, lambda d: d["links"].remove(link(d, "root"))), ITEM, "0 root links"),
    "absolute child": (
        edit(COLLECTION, lambda d: link(d, "child").update(href="https://x.org/a")),
        COLLECTION,
        "out of",
    ),
    "self link": (edit(ITEM, lambda d: d["links"].append({"rel": "self", "href": "https://x.org"})), ITEM, "self link"),
    "other collection": (edit(ITEM, lambda d: d.update(collection="x")), ITEM, "another Collection"),
    "signed href": (
        edit(ITEM, lambda d: d["assets"]["data"].update(href="https://x.org/a.tif?X-Amz-Signature=0f")),
        ITEM,
        "secret",
    ),
    "no checksum": (edit(ITEM, lambda d: d["assets"]["data"].pop("file:checksum")), ITEM, "only one of file:size"),
    "same collection twice": (edit("eo/k1/collection.json", lambda d: d.update(id="fields")), "fields", "too"),
    "too many links": (
        edit(MONTH, lambda d: d["links"].extend([{"rel": "via", "href": "https://x.org"}] * 1000)),
        MONTH,
        "more than 1000",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found_and_a_way_out_is_named(published: MemoryStore, fault: str) -> None:
    """Every kind of fault is told with the place, the problem and the remedy."""
    damage, key, problem = FAULTS[fault]
    damage(published)
    report = verify(published)
    told = [
        finding for finding in report.findings if key in finding.key + finding.problem and problem in finding.problem
    ]
    assert told, report.findings
    assert not report.ok
    assert all(finding.remedy for finding in report.findings)


def test_an_emptied_place_is_told_with_what_helps(published: MemoryStore) -> None:
    """Where nothing is left, a rebuild would not help: the finding says so, and no score is given."""
    published.objects.clear()
    report = audit(cast("Storage", published))
    (finding,) = report.findings
    assert "stacsync sync" in finding.remedy
    assert "storage.url" in finding.remedy
    assert (report.documents, report.score) == (0, 0)


def test_changed_content_of_the_same_size_is_found_with_checksums_only(published: MemoryStore) -> None:
    """Without checksums content is not read; with them a changed byte is found."""
    published.objects[ASSET] = published.objects[ASSET][::-1]
    assert verify(published).ok
    (finding,) = verify(published, checksums=True).findings
    assert (finding.key, "--job j1" in finding.remedy) == (ASSET, True)


def test_the_store_is_listed_once_and_no_asset_is_asked_for(published: MemoryStore) -> None:
    """An audit costs one request a document and one listing, however many assets there are."""
    before = published.requests
    report = verify(published)
    assert published.requests - before == report.documents + 1


def test_rebuild_puts_documents_right() -> None:
    """Whatever was done to the documents, `rebuild` makes the catalog sound again."""
    with a_bench(limit=4) as bench:
        bench.job("hub", "j1", *[row(f"j1-{n}", job="j1") for n in range(8)])
        bench.publish()
        published = dict(bench.store.objects)
        for key in list(bench.tree())[::2]:
            bench.store.objects[key] = b"{}"
        for key in list(bench.tree())[1::3]:
            del bench.store.objects[key]
        assert not verify(bench.store).ok
        bench.publisher.rebuild(bench.providers)
        assert verify(bench.store).ok
        assert bench.store.objects == published


def test_a_folder_asset_is_there_when_anything_is_below_it(published: MemoryStore) -> None:
    """A folder (Zarr) has neither size nor checksum; its files must be there."""

    def folder(document: dict[str, Any]) -> None:
        document["assets"]["cube"] = {"href": "cube.zarr", "type": "application/vnd.zarr", "roles": ["data"]}

    edit(ITEM, folder)(published)
    assert [finding.key for finding in verify(published).findings] == ["hub/fields/j1-3/cube.zarr"]
    published.objects["hub/fields/j1-3/cube.zarr/zarr.json"] = b"{}"
    assert verify(published).findings == ()


def test_a_store_out_of_reach_is_no_finding(published: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the store cannot be asked, that is said, rather than every document called missing."""

    def refuse(_key: str) -> StoredObject:
        raise StorageError("the store is out of reach")

    monkeypatch.setattr(published, "get", refuse)
    with pytest.raises(StorageError):
        verify(published)
