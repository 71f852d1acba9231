"""From payloads to records to STAC, without any network."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from stacsync import layout, stac
from stacsync.errors import JobUnusable
from stacsync.jobs import (
    CollectionRecord,
    Inline,
    ItemRecord,
    JobRecord,
    Mirrored,
    SourceFolder,
    SourceObject,
    Standing,
)
from stacsync.providers.sentinelhub import (
    bands,
    byoc,
    contributions,
    layout_v1,
    records,
    redaction,
    requests_v1,
    tasks_v2,
    tiling,
    zarr,
)
from stacsync.providers.sentinelhub.deliveries import Delivery, Seen
from stacsync.providers.sentinelhub.footprint import box, footprint, projection
from stacsync.providers.sentinelhub.locations import address, own_folders, store_folders, template
from stacsync.providers.sentinelhub.manifest import Manifest

RECORDINGS = Path(__file__).parents[1] / "recordings" / "sentinelhub"
SECRETS = (
    "EXAMPLE-ACCESS-KEY",
    "EXAMPLE-SECRET",
    "arn:aws",
    "000000000000:role",
    *(f"{n}{n}{n}{n}{n}{n}{n}{n}-" for n in (1, 3, 4, 5)),
)
TASKS = [
    "v2_task_raster_done",
    "v2_task_zarr_done",
    "v2_task_stopped_out_of_pu",
    "v2_task_geopackage_byoc_done",
]
COPY = Delivery(provider="sh", version="v")
REFERENCE = Delivery(provider="sh", version="v", reference=True, endpoint_url="https://s3.example:9000", region="eu")


def recorded(name: str) -> Any:
    return json.loads(next(RECORDINGS.glob(f"{name}.*.json")).read_text())


def job_of(task: Any) -> JobRecord:
    job = tasks_v2.job_record(task, "publish")
    assert job is not None
    return job


def published(item: ItemRecord, collection: CollectionRecord) -> dict[str, Any]:
    """The item as the catalog would hold it; whatever is mirrored counts as mirrored."""
    key = layout.item_key("sh", item.collection, layout.segment(item.id))
    place = stac.Place(
        provider="sh",
        kind="sentinelhub",
        provider_title="SH",
        catalog_title="Root",
        collection=item.collection,
        collection_title=collection.title or "",
        item_id=item.id,
        key=key,
    )
    mirrored = {
        asset.key: Mirrored(key=f"{key}-{asset.key}", size=3, sha256="0" * 64, identity=asset.identity)
        for asset in item.assets
        if asset.mirrored
    }
    return stac.item_document(item, mirrored, place)


def sound(items: Iterable[ItemRecord], collections: Iterable[CollectionRecord]) -> list[dict[str, Any]]:
    """The documents of items and collections, each valid and without a secret."""
    known = {one.id: one for one in collections}
    items = list(items)
    documents = [published(item, known[item.collection]) for item in items]
    summary = stac.Summary.of(documents)
    for one in known.values():
        place = stac.CollectionPlace(
            provider="sh",
            kind="sentinelhub",
            provider_title="SH",
            catalog_title="Root",
            collection=one.id,
            key=layout.collection_key("sh", one.id),
        )
        documents.append(stac.collection_document([one], summary, place, []))
    for document in documents:
        assert stac.validate(document) == []
        assert not [secret for secret in SECRETS if secret in json.dumps(document)]
    return documents


def features(
    delivery: Delivery = COPY, shared: Mapping[str, Any] | None = None
) -> tuple[records.Results, list[ItemRecord]]:
    """The features of the recorded task, through its recorded files."""
    task = recorded("v2_task_raster_done")
    job = job_of(task)
    facts = tasks_v2.request_facts(job.details["task"])
    results = records.Results(job=job, version="v2", facts=facts, shared=shared)
    manifest = Manifest(
        RECORDINGS / f"featureManifest-{job.id}.reconstructed.gpkg",
        RECORDINGS / f"execution-{job.id}.reconstructed.sqlite",
    )
    try:
        return results, [tasks_v2.feature_item(results, one, delivery) for one in manifest.delivered()]
    finally:
        manifest.close()


def test_recorded_features_become_valid_items() -> None:
    """The delivered features of two UTM zones are valid Items with times, projection and both files."""
    results, items = features()
    documents = sound(items, [contributions.collection(results, results.job.details["task"])])
    first = documents[0]
    assert first["properties"]["datetime"] is None
    assert first["properties"]["start_datetime"] == "2019-04-01T00:00:00Z"
    assert first["properties"]["end_datetime"] == "2019-06-30T00:00:00Z"
    assert first["properties"]["proj:code"] == "EPSG:32631"
    assert first["properties"]["gsd"] == 10
    assert first["assets"]["default"]["type"] == "image/tiff; application=geotiff; profile=cloud-optimized"
    assert first["assets"]["userdata"]["roles"] == ["metadata"]
    assert items[0].properties["proj:transform"] == [10, 0, 790_000, 0, -10, 4_790_000]
    assert items[0].properties["proj:shape"] == [1000, 1000]


def test_two_reference_systems_are_right_to_a_centimetre() -> None:
    """Every corner of the published geometry lies within a centimetre of the manifest's, in the manifest's own system."""
    results, items = features()
    sound(items, [contributions.collection(results, results.job.details["task"])])
    areas = {"31TGH_9_1": (32631, 790_000, 4_780_000), "32TMN_0_1": (32632, 400_000, 4_680_000)}
    for document, item in zip(sound(items, [contributions.collection(results, {})]), items, strict=False):
        epsg, west, south = areas[item.title or ""]
        back = Transformer.from_crs("EPSG:4326", f"EPSG:{epsg}", always_xy=True)
        seen = [back.transform(x, y) for x, y in document["geometry"]["coordinates"][0]]
        for x, y in [(west, south), (west + 10_000, south), (west, south + 10_000), (west + 10_000, south + 10_000)]:
            assert min(((x - u) ** 2 + (y - v) ** 2) ** 0.5 for u, v in seen) <= 0.01


def test_references_say_where_files_lie() -> None:
    """By reference, hrefs are plain s3:// addresses and the storage extension says at which service."""
    results, items = features(REFERENCE)
    document = sound(items, [contributions.collection(results, results.job.details["task"])])[0]
    asset = document["assets"]["default"]
    assert asset["href"].startswith("s3://example-results/ndvi/")
    assert asset["storage:refs"] == ["source"]
    scheme = document["properties"]["storage:schemes"]["source"]
    assert scheme == {
        "type": "custom-s3",
        "platform": "https://s3.example:9000",
        "bucket": "example-results",
        "region": "eu",
    }
    aws = replace(REFERENCE, endpoint_url=None)
    results, items = features(aws)
    document = sound(items, [contributions.collection(results, {})])[0]
    assert document["properties"]["storage:schemes"]["source"]["type"] == "aws-s3"


def test_the_evalscript_is_told_once() -> None:
    """The Collection holds the evalscript, no Item does; the request goes along as an asset, with every field."""
    results, items = features()
    collection = contributions.collection(results, {**results.job.details["task"], "novelty": {"x": 1}})
    expression = collection.extra["processing:expression"]
    assert expression["format"] == "evalscript"
    assert expression["expression"].startswith("//VERSION=3")
    assert all("VERSION=3" not in repr(item) for item in items)
    assert collection.extra["sh:novelty"] == {"x": 1}
    assert isinstance(collection.assets[0].source, Inline)
    assert orjson.loads(collection.assets[0].source.data)["novelty"] == {"x": 1}
    sound(items, [collection])


def test_a_collection_names_the_processing_extension() -> None:
    """Whoever carries an evalscript names the extension that says what it is, and says so rightly."""
    results, items = features()
    document = sound(items, [contributions.collection(results, {})])[-1]
    assert document["processing:expression"]["format"] == "evalscript"
    assert any("/processing/" in uri for uri in document["stac_extensions"])
    assert document["providers"][0]["processing:software"] == {"Sentinel Hub Batch Processing API": results.version}


def test_without_its_asset_a_request_is_told_in_the_collection() -> None:
    """By reference no file goes along: what was asked for, known or not, stands in the Collection, the script once."""
    results, items = features()
    task = deepcopy(results.job.details["task"])
    task["request"]["processRequest"]["novelty"] = {"x": 1}
    collection = contributions.collection(results, task, attached=False)
    document = sound(items, [collection])[-1]
    assert not collection.assets
    assert document["sh:process_request"]["novelty"] == {"x": 1}
    assert document["sh:output"]["delivery"]["s3"]["url"].startswith("s3://")
    assert json.dumps(document).count("VERSION=3") == 1


@pytest.mark.parametrize("name", TASKS)
def test_recorded_tasks_become_jobs_without_secrets(name: str) -> None:
    """Every recorded task is a job; nothing of its record shows a key, a role, an account or a user."""
    task = recorded(name)
    job = job_of(task)
    assert job.id == task["id"]
    assert job.standing is Standing.READY
    assert job.created == datetime(2025, 2, 11, 8, 59, 40, 10000, tzinfo=UTC)
    assert not [secret for secret in SECRETS if secret in repr(job)]
    results = records.Results(job=job, version="v2", facts=tasks_v2.request_facts(job.details["task"]))
    assert not [secret for secret in SECRETS if secret in repr(contributions.collection(results, job.details["task"]))]
    assert tasks_v2.delivery_url(job.details["task"]).startswith("s3://example-results/")
    assert tasks_v2.is_zarr(job.details["task"]) is ("zarr" in name)


def test_listings_tell_the_same_as_single_tasks() -> None:
    """A task has the same fingerprint in the listing and alone; another time of update changes it."""
    listed = [*recorded("v2_list_page1")["data"], *recorded("v2_list_page2")["data"]]
    for task, name in zip(listed, TASKS, strict=True):
        alone = job_of(recorded(name))
        assert job_of(task).fingerprint == alone.fingerprint
        assert job_of({**task, "lastUpdated": "2026-01-01T00:00:00Z"}).fingerprint != alone.fingerprint


@pytest.mark.parametrize(
    ("task", "partial", "standing"),
    [
        ({"id": "a", "status": "DONE"}, "publish", Standing.READY),
        ({"id": "a", "status": "STOPPED", "stoppedStatusReason": "OUT_OF_PU"}, "publish", Standing.READY),
        ({"id": "a", "status": "STOPPED"}, "skip", Standing.SKIPPED),
        ({"id": "a", "status": "FAILED", "completionPercentage": 12}, "publish", Standing.READY),
        ({"id": "a", "status": "FAILED", "completionPercentage": 0}, "publish", None),
        ({"id": "a", "status": "FAILED"}, "publish", None),
        ({"id": "a", "status": "PROCESSING"}, "publish", None),
        ({"id": "a", "status": "SOMETHING_NEW"}, "publish", None),
        ({"id": "a", "status": 7}, "publish", None),
        ({"id": "a"}, "publish", None),
        ("no task", "publish", None),
        (None, "publish", None),
        ([], "publish", None),
    ],
)
def test_only_what_is_over_is_a_job(task: Any, partial: str, standing: Standing | None) -> None:
    """Running, unknown and nonsensical tasks are passed over; ended ones stand as `partial` says."""
    job = tasks_v2.job_record(task, partial)
    assert (job.standing if job else None) == standing
    assert job is None or (job.standing is Standing.READY) == (not job.reason)


JSONISH = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(odd=st.dictionaries(st.sampled_from(sorted(recorded("v2_task_raster_done"))), JSONISH), inner=JSONISH)
def test_odd_tasks_never_stop_a_listing(odd: dict[str, Any], inner: Any) -> None:
    """Whatever a field of a task holds, listing it raises nothing; describing it raises what says so."""
    task = {**recorded("v2_task_raster_done"), **odd}
    for candidate in (task, {**task, "request": {"processRequest": inner, "input": inner, "output": inner}}):
        job = tasks_v2.job_record(candidate, "publish")
        if job is None:
            continue
        try:
            facts = tasks_v2.request_facts(job.details["task"])
            tasks_v2.delivery_url(job.details["task"])
        except JobUnusable:
            continue
        results = records.Results(job=job, version="v2", facts=facts)
        assert contributions.collection(results, job.details["task"]).id == f"sh-{job.id}"


@settings(max_examples=60, deadline=None)
@given(odd=st.dictionaries(st.sampled_from(sorted(recorded("v1_request_partial_with_collection"))), JSONISH))
def test_odd_requests_never_stop_a_listing(odd: dict[str, Any]) -> None:
    """The same for requests of version 1."""
    request = {**recorded("v1_request_partial_with_collection"), **odd}
    job = requests_v1.job_record(request, "publish", lambda *_: True)
    if job is not None:
        facts = requests_v1.request_facts(job.details["request"])
        results = records.Results(job=job, version="v1", facts=facts)
        assert contributions.collection(results, job.details["request"]).assets


def test_secrets_are_dropped_wherever_they_stand() -> None:
    """Keys, roles, ids of accounts and users go, at any depth; projects go out of bucket names; programs stay."""
    told = {
        "output": {"delivery": {"s3": {"url": "s3://1234-project:bucket/a", "accessKey": "K1", "other": "K2"}}},
        "deep": [{"secretAccessKey": "K3", "note": "arn:aws:iam::123456789012:role/x", "userId": "K4"}],
        "gs": {"url": "gs://b/x", "credentials": "K5"},
        "iamRoleARN": "K6",
        "evalscript": "key=B04; token=1",
        "tokenCount": "K7",
    }
    kept = redaction.cleaned(told)
    assert kept["output"]["delivery"]["s3"] == {"url": "s3://bucket/a"}
    assert kept["evalscript"] == "key=B04; token=1"
    assert not [n for n in ("K1", "K2", "K3", "K4", "K5", "K6", "K7", "123456789012") if n in json.dumps(kept)]


@pytest.mark.parametrize(
    ("url", "folders"),
    [
        ("s3://b/ndvi", ("ndvi/", "ndvi/ID/")),
        ("s3://b/ndvi/", ("ndvi/", "ndvi/ID/")),
        ("s3://b", ("", "ID/")),
        ("s3://b/f/<tileName>/<outputId>.<format>", ("f/", "f/ID/")),
        ("s3://b/<requestId>", ("", "ID/")),
        ("s3://b/x/<requestId>/<tileName>/a.<format>", ("x/", "x/ID/")),
        ("s3://b/run-<requestId>/<tileName>.tif", ("", "ID/", "run-ID/")),
        ("s3://proj:b/ndvi", ("ndvi/", "ndvi/ID/")),
    ],
)
def test_manifests_are_looked_for_in_both_places(url: str, folders: tuple[str, ...]) -> None:
    """Beside the request's folder or inside it, whatever form the delivery address has."""
    assert own_folders(url, "ID") == folders


def test_addresses_and_templates() -> None:
    """Plain addresses mean the customary folders; projects are no part of a bucket; other stores are refused."""
    assert address("s3://7f3-project:bucket/a/b.tif").uri() == "s3://bucket/a/b.tif"
    assert template("s3://b/f").path == "f/<requestId>/<tileName>/<outputId>.<format>"
    assert template("s3://b").prefix("ID") == "ID/"
    assert template("s3://b/f-<tileName>.tif").prefix("ID") == ""
    assert store_folders("s3://b/<requestId>", "ID") == ("ID/", "ID/ID/")
    assert store_folders("s3://b", "ID") == ("ID/",)
    for odd in ("gs://b/x", "https://host/x?X-Amz-Signature=abc", None, 7):
        with pytest.raises(JobUnusable) as refusal:
            address(odd)
        assert "Signature" not in str(refusal.value)


def test_identities_follow_the_object_where_it_is_known() -> None:
    """With a listing, the same bytes keep their identity over an update of the task; without, a new version is assumed."""
    place = SourceObject("b", "k.tif")
    seen = replace(COPY, lookup=lambda *_: Seen(5, "etag"))
    other = replace(seen, version="later")
    assert seen.asset("a", place, media_type=None).identity == other.asset("a", place, media_type=None).identity
    assert seen.asset("a", place, media_type=None).size == 5
    blind, later = (
        COPY.asset("a", place, media_type=None),
        replace(COPY, version="w").asset("a", place, media_type=None),
    )
    assert blind.identity != later.identity


def v1_results(shared: Mapping[str, Any] | None = None) -> tuple[records.Results, dict[str, Any]]:
    request = recorded("v1_request_partial_with_collection")
    job = requests_v1.job_record(request, "publish", lambda *_: True)
    assert job is not None
    facts = requests_v1.request_facts(job.details["request"])
    return records.Results(job=job, version="v1", facts=facts, shared=shared), dict(job.details["request"])


def v1_items(delivery: Delivery, *, listed: bool, shared: Mapping[str, Any] | None = None) -> list[ItemRecord]:
    results, request = v1_results(shared)
    tile = recorded("v1_tiles_page")["data"][0]
    where = layout_v1.layout(request)
    found = requests_v1.find(where, requests_v1.outputs(results.facts), results.job.id, tile, delivery, listed=listed)
    return [requests_v1.tile_item(results, tile, found, delivery, request)]


def test_a_recorded_tile_becomes_a_valid_item() -> None:
    """A processed tile of version 1 has its own geometry, both bands, and a transform because its origin fits."""
    results, request = v1_results()
    items = v1_items(COPY, listed=False)
    document = sound(items, [contributions.collection(results, request)])[0]
    assert document["id"] == f"{request['id']}-31UDS_7_2"
    assert items[0].properties["proj:transform"] == pytest.approx([10, 0, 470_000, 0, -10, 5_680_000])
    assert items[0].properties["proj:shape"] == [1000, 1000]
    assert document["properties"]["sh:tile_cost"] == pytest.approx(22.88)
    sources = {asset.key: asset.source for asset in items[0].assets}
    base = f"folder/{request['id']}/31UDS_7_2"
    assert sources == {name: SourceObject("example-results", f"{base}/{name}.tif") for name in ("B04", "B08")}


def test_the_listing_settles_names_and_absence() -> None:
    """`.tif` or `.tiff` is what lies there; an output that does not lie there is named as missing."""
    base = "folder/b330c22b-0000-4000-8000-000000000001/31UDS_7_2"
    held = {f"{base}/B04.tiff"}
    delivery = replace(COPY, lookup=lambda _, key: Seen(1, "e") if key in held else None)
    item = v1_items(delivery, listed=True)[0]
    assert [asset.source for asset in item.assets] == [SourceObject("example-results", f"{base}/B04.tiff")]
    assert item.missing == ("B08",)


def test_a_batch_collection_describes_its_bands() -> None:
    """Name, bands, data types and sensing times come from the batch collection; the request feeds it and nothing else."""
    shared = redaction.cleaned(byoc.unwrapped(recorded("v1_batch_collection")))
    results, request = v1_results(shared)
    items = v1_items(COPY, listed=False, shared=shared)
    collection = contributions.collection(results, request)
    assert collection.job_id is None
    assert collection.id == items[0].collection == "sh-66666666-6666-4666-8666-666666666666"
    assert collection.title == "Two bands near the Belgian coast"
    assert collection.item_assets["B04"]["bands"] == [{"name": "B04", "data_type": "float32"}]
    document = sound(items, [collection])[0]
    asset = document["assets"]["B08"]
    assert {**asset, **asset["bands"][0]}["data_type"] == "float32"


def test_partial_requests_have_to_be_seen_twice() -> None:
    """A PARTIAL request waits for the listing to say the same again; it is skipped where so configured."""
    request = recorded("v1_request_partial_with_collection")
    seen: dict[str, str] = {}

    def stable(job: str, fingerprint: str) -> bool:
        return seen.setdefault(job, fingerprint) == fingerprint and bool(seen.pop(job, None)) and job in again

    again: set[str] = set()
    first = requests_v1.job_record(request, "publish", stable)
    again.add(request["id"])
    second = requests_v1.job_record(request, "publish", stable)
    skipped = requests_v1.job_record(request, "skip", stable)
    assert [one.standing for one in (first, second, skipped) if one] == [
        Standing.WAITING,
        Standing.READY,
        Standing.SKIPPED,
    ]
    for status in ("FAILED", "CANCELED", "PROCESSING", "CREATED", "ANALYSIS_DONE", "", None, 3):
        assert requests_v1.job_record({**request, "status": status}, "publish", stable) is None


def test_the_smallest_recorded_request_is_listed_and_refused() -> None:
    """A DONE request that does not say where it delivered to is a job, and is refused with words when described."""
    job = requests_v1.job_record(recorded("v1_request_done_minimal"), "publish", lambda *_: True)
    assert job is not None
    with pytest.raises(JobUnusable, match="where"):
        layout_v1.layout(job.details["request"])


def test_recorded_byoc_tiles_become_valid_items() -> None:
    """A BYOC tile in UTM is published in WGS84 with one asset per file; one still waiting is left for later."""
    collection = {**recorded("byoc_collection"), "additionalData": recorded("byoc_additional_data_bands")}
    tile = recorded("byoc_tile_ingested")
    item = byoc.tile_item(collection, "c1", tile, COPY)
    document = sound([item], [byoc.collection_record(collection, "c1")])[0]
    assert document["properties"]["datetime"] == "2019-11-27T00:00:00Z"
    assert document["properties"]["proj:code"] == "EPSG:32628"
    assert sorted(document["assets"]) == sorted(tile["additionalData"]["filesMetadata"])
    assert {asset.source.key for asset in item.assets if isinstance(asset.source, SourceObject)} >= {
        "2019/11/27/28V/B02.tif"
    }
    assert document["geometry"]["type"] == "Polygon"
    assert -20 < document["bbox"][0] < document["bbox"][2] < -12
    counts = byoc.left_out([tile, recorded("byoc_tile_waiting"), {"status": "FAILED"}, {"status": "ODD"}])
    assert counts == {"not ingested yet": 1, "failed": 1, "status odd": 1}


def test_bands_share_files_by_their_source() -> None:
    """Three bands of one file are one asset with three bands in the file's order."""
    collection = {"additionalData": recorded("byoc_additional_data_bands"), "noData": 0}
    known = bands.by_source(collection)
    assert [band["name"] for band in known["RGB"]] == ["RGB_1", "RGB_2", "RGB_3"]
    assert known["RGB"][0] == {"name": "RGB_1", "data_type": "uint8", "nodata": 0}
    assert list(byoc.keys({"additionalData": recorded("byoc_additional_data_bands")}, {"path": "a/(BAND).tif"})) == [
        ("RGB", "a/RGB.tif")
    ]


def test_a_collection_is_told_apart_by_its_tiles() -> None:
    """The fingerprint of a collection does not depend on the order of its tiles, and changes with any of them."""
    tiles = [recorded("byoc_tile_ingested"), {**recorded("byoc_tile_waiting"), "id": "other"}]
    one, other = byoc.job_record("c", tiles), byoc.job_record("c", tiles[::-1])
    assert one.fingerprint == other.fingerprint
    assert byoc.job_record("c", [tiles[0], {**tiles[1], "status": "INGESTED"}]).fingerprint != one.fingerprint
    assert byoc.job_record("c", []).fingerprint != one.fingerprint


def test_a_store_tells_its_dimensions() -> None:
    """Dimensions, variables and types come from .zmetadata, extents from the manifest."""
    array = {"shape": [3, 40, 50], "chunks": [1, 40, 50], "dtype": "<u2", "fill_value": 0}
    metadata = {"ndvi/.zarray": array, "ndvi/.zattrs": {"units": "1"}, "time/.zarray": {"shape": [3], "dtype": "<i8"}}
    found = zarr.arrays(json.dumps({"metadata": metadata}).encode())
    span = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 2, 1, tzinfo=UTC))
    told = zarr.properties(found, (0, 0, 500, 400), "EPSG:3035", span)
    assert told["cube:dimensions"]["time"]["extent"] == ["2020-01-01T00:00:00Z", "2020-02-01T00:00:00Z"]
    assert told["cube:dimensions"]["x"] == {
        "type": "spatial",
        "axis": "x",
        "extent": [0, 500],
        "reference_system": 3035,
    }
    assert told["cube:variables"]["ndvi"]["dimensions"] == ["time", "y", "x"]
    assert told["cube:variables"]["ndvi"]["data_type"] == "uint16"
    assert told["cube:variables"]["time"]["type"] == "auxiliary"
    assert told["proj:transform"] == [10, 0, 0, 0, -10, 400]
    ancient = (datetime(1, 1, 1, tzinfo=UTC), None)
    told = zarr.properties(found, (0, 0, 500, 400), "EPSG:3035", ancient)
    assert told["cube:dimensions"]["time"]["extent"] == ["0001-01-01T00:00:00Z", None]
    assert zarr.properties(found, None, None, span) == {}
    assert zarr.arrays(b"rubbish") == {}


def test_what_lies_beside_a_store_is_no_part_of_it() -> None:
    """Metadata and chunks of every recorded key belong to a store; the service's own files, with keys in them, never do."""
    listing = recorded("s3_listing_zarr")
    folder = SourceFolder("b", listing["Prefix"], zarr.FILES)
    assert all(folder.takes(key.removeprefix(listing["Prefix"])) for key in listing["Keys"])
    assert folder.takes("ndvi/0/1/12")
    assert folder.takes("deep/group/ndvi/0.1.12")
    for name in (
        "request-1.json",
        "1",
        "featureManifest-1.gpkg",
        "execution-1.sqlite",
        "ndvi/request.json",
        "copy.txt",
    ):
        assert not folder.takes(name)


def test_pixels_are_placed_only_without_doubt() -> None:
    """A buffer is recognised by the numbers; where they disagree no transform is told."""
    grid = tiling.Grid(1, 10.0, 50, 20)
    area = (0.0, 0.0, 10_000.0, 10_000.0)
    assert tiling.transform(area, 1000, 1000, grid) == [10, 0, 0, 0, -10, 10_000]
    assert tiling.transform(area, 1100, 1040, grid) == [10, 0, -500, 0, -10, 10_200]
    assert tiling.transform(area, 900, 1000, grid) is None
    assert tiling.transform(area, 500, 250, None) == [20, 0, 0, 0, -40, 10_000]
    assert tiling.transform(area, 0, 0, None) is None
    assert tiling.Grid(3, 0.0001).gsd is None


@pytest.mark.parametrize(("origin", "expected"), [((0, 100), True), ((0, 0), True), ((5, 50), False)])
def test_either_corner_may_be_the_origin(origin: tuple[float, float], expected: bool) -> None:
    """Upper or lower left: the corner that fits the stated geometry is taken; neither is told when none does."""
    area = tiling.tile_area(origin, (100, 100), (0, 0, 100, 100))
    assert (area == (0, 0, 100, 100)) is expected


@pytest.mark.parametrize("grid", recorded("v1_tilinggrids")["data"])
def test_recorded_grids_are_in_metres(grid: dict[str, Any]) -> None:
    """The recorded grids count metres, so that their resolution is a ground sampling distance."""
    assert grid["properties"]["unit"] == "METRE"
    read = tiling.grid({"id": grid["id"], "resolution": grid["properties"]["resolutions"][0]})
    assert read is not None
    assert read.gsd == grid["properties"]["resolutions"][0]


def test_times_are_never_invented() -> None:
    """Sensed in a span: both; an instant span: an instant; nothing known: nothing told."""
    results, _ = features()
    sensed = datetime(2019, 5, 1, tzinfo=UTC)
    when = records.moment(results, sensed)
    assert (when.datetime, when.start_datetime) == (sensed, datetime(2019, 4, 1, tzinfo=UTC))
    instant = replace(results, facts=replace(results.facts, interval=(sensed, sensed)))
    assert records.moment(instant).datetime == sensed
    unknown = replace(results, facts=replace(results.facts, interval=None))
    assert records.moment(unknown) == records.Moment()
    stated = {"additionalData": {"fromSensingTime": "2019-01-01T00:00:00", "toSensingTime": "2020-01-01T00:00:00Z"}}
    assert records.moment(replace(unknown, shared=stated)).datetime_source == "collection"


def test_an_output_that_is_told_twice_is_one_asset() -> None:
    """A key is there once; of files that share it the first is taken."""
    assets = [COPY.asset(name, SourceObject("b", f"{name}/t.tif"), media_type=None) for name in ("a", "b", "a")]
    assert records.distinct(assets) == tuple(assets[:2])


def test_footprints_of_recorded_tiles_match_their_grid() -> None:
    """The recorded tile 31UDS_7_2 is the square that its name says."""
    tile = recorded("v1_tiles_page")["data"][0]
    square = footprint((box(470_000, 5_670_000, 480_000, 5_680_000),), projection("EPSG:32631"))
    assert square is not None
    for x, y in tile["geometry"]["coordinates"][0]:
        assert min(abs(x - u) + abs(y - v) for u, v in square.geometry["coordinates"][0]) < 1e-7
