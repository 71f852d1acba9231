"""Recorded openEO documents, through the pure half of the provider."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stacsync.errors import JobNotReady, JobSkipped, JobUnusable
from stacsync.http import HttpError
from stacsync.jobs import JobRecord
from stacsync.providers.openeo import assets, items, jobs, leaks, links, related, results
from stacsync.providers.openeo.place import Place

RECORDINGS = Path(__file__).parent.parent / "recordings" / "openeo"
REQUESTED = "https://openeo.example/openeo/1.2/jobs/j-1/results"
DOCUMENTS = sorted(
    file.stem
    for file in RECORDINGS.glob("*.json")
    if "stac_version" in json.loads(file.read_text()) and "capabilities" not in file.stem
)


def load(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RECORDINGS / f"{name}.json").read_text())
    return found


def place(
    by: Literal["job", "title"] = "job", collection: str | None = None, title: str | None = "NDVI of June"
) -> Place:
    created = datetime(2026, 1, 5, 4, tzinfo=UTC)
    job = JobRecord(id="j-1", fingerprint="f", title=title, created=created, updated=created)
    return Place(provider="cdse", origin="https://openeo.example:443", job=job, collection_by=by, collection=collection)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_recordings_become_the_records_on_file(name: str, golden: Callable[[str, bytes], None]) -> None:
    """Each recorded document becomes exactly the records that somebody has looked at."""
    document = load(name)
    told: dict[str, Any] = {"collection": asdict(results.collection_record(document, REQUESTED, place()))}
    if results.shape(document) is results.Shape.ITEM:
        record = items.item_record(document, REQUESTED, place(), name="items/x", results={})
        told["item"] = asdict(record)
    else:
        leftover = items.leftover_record(document, REQUESTED, place(), set())
        told["item"] = asdict(leftover) if leftover else None
    told = json.loads(orjson.dumps(told, default=str))
    golden(f"openeo/{name}.json", orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_records_hold_nothing_that_signs_or_names_a_user(name: str) -> None:
    """Neither signature, token, user nor process graph of a recording is in any record."""
    document = load(name)
    found = [repr(results.collection_record(document, REQUESTED, place()))]
    found.append(repr(items.item_record(document, REQUESTED, place(), name=None, results=document)))
    found.append(repr(items.leftover_record(document, REQUESTED, place(), set())))
    for text in found:
        for leak in (
            "X-Amz",
            "expires=",
            "YWxpY2U",
            "MDAwMDAw",
            "eyJhbGci",
            "load_collection",
            "process_id",
            "6e518c936a7e",
        ):
            assert leak not in text


def test_a_file_is_the_same_in_collection_and_item() -> None:
    """The Collection's asset and the Item's asset of one file have one name and one identity, whatever their addresses."""
    whole = assets.named(load("20_captured_driver0.136_j-assets10_results"), REQUESTED)
    item = assets.named(load("20_captured_driver0.136_j-assets10_item0"), REQUESTED)
    assert item[0].name in {file.name for file in whole}
    known = {asset.identity for asset in assets.records(whole, place())}
    assert {asset.identity for asset in assets.records(item, place())} < known


def test_the_rest_becomes_one_item_of_the_job() -> None:
    """Files that no Item names are published in one Item, placed and dated by the whole job, and it says so."""
    document = load("20_captured_driver0.136_j-assets10_results")
    claimed = {file.name for file in assets.named(document, REQUESTED) if file.key.endswith(".tif")}
    record = items.leftover_record(document, REQUESTED, place(), claimed)
    assert record is not None
    assert record.id == "j-1"
    assert [asset.key for asset in record.assets] == ["nested/timeseries.csv"]
    assert (record.geometry_source, record.datetime_source) == ("collection", "collection")


def test_dated_file_names_are_more_exact_than_the_job() -> None:
    """When all remaining files state their dates themselves, the job's interval is not put in their place."""
    document = load("20_captured_driver0.136_j-assets10_results")
    record = items.leftover_record(document, REQUESTED, place(), {"assets/nested/timeseries.csv"})
    assert record is not None
    assert record.start_datetime is None
    assert record.datetime_source is None


def test_a_world_placeholder_is_no_footprint() -> None:
    """A back-end that does not know where the data is says "the whole world"; that is not repeated."""
    record = items.leftover_record(load("21_captured_driver0.136_results_no_extent"), REQUESTED, place(), set())
    assert record is not None
    assert record.geometry is None
    assert record.bbox is None
    assert record.start_datetime is None
    model = items.item_record(load("07_vito_2025_mlmodel_item"), REQUESTED, place(), name="m", results={})
    assert (model.geometry, model.bbox) == (None, None)


def test_a_box_across_the_antimeridian_becomes_two_polygons() -> None:
    """West greater than east means across 180 degrees, which GeoJSON writes in two parts."""
    found = items.polygon((170.0, -10.0, -170.0, 10.0))
    assert found["type"] == "MultiPolygon"
    assert [ring[0][0][0] for ring in found["coordinates"]] == [170.0, -180.0]


def test_grouped_jobs_share_a_collection() -> None:
    """Jobs of one title share a Collection that belongs to no job, and each Item tells its own sources."""
    document = load("02_cdse_2025-11_collection_netcdf")
    collection = results.collection_record(document, REQUESTED, place("title"))
    assert (collection.id, collection.job_id, collection.title) == ("cdse-ndvi-of-june", None, "NDVI of June")
    assert "openeo:derived_from" not in collection.extra
    record = items.leftover_record(document, REQUESTED, place("title"), set())
    assert record is not None
    assert record.collection == collection.id
    assert record.properties["openeo:derived_from"][0].startswith("/eodata/")
    assert results.collection_record(document, REQUESTED, place(collection="all")).id == "all"


def test_a_job_without_title_shares_with_nobody() -> None:
    """Grouping by title leaves a job without one in a Collection of its own; titles in other scripts have theirs."""
    assert place("title", title=None).collection_id == "cdse-j-1"
    other = place("title", title="植生指数")
    assert not other.per_job
    assert other.collection_id != place("title", title="雪").collection_id


def test_sources_that_are_no_address_become_a_property() -> None:
    """`derived_from` of a product path is kept as text, one with an address as a link; each once."""
    collection = results.collection_record(load("02_cdse_2025-11_collection_netcdf"), REQUESTED, place())
    sources = collection.extra["openeo:derived_from"]
    assert len(sources) == len(set(sources)) == 15
    driver = results.collection_record(load("20_captured_driver0.136_j-assets10_results"), REQUESTED, place())
    assert [(link.rel, link.href) for link in driver.links] == [("derived_from", "https://stac.example/S2A_1")]


def test_links_into_the_back_end_and_signed_ones_are_dropped() -> None:
    """A public catalog links neither to what needs a token nor to what expires."""
    document = {
        "links": [
            {"rel": "about", "href": "https://openeo.example/somewhere"},
            {"rel": "about", "href": "https://s3.example/x?X-Amz-Signature=1"},
            {"rel": "about", "href": "https://user:pw@docs.example/x"},
            {"rel": "license", "href": "https://docs.example/licence", "title": "Licence"},
            {"rel": "license", "href": "https://docs.example/licence"},
            {"rel": "canonical", "href": "https://docs.example/canonical"},
            {"rel": "odd"},
            "odd",
        ]
    }
    assert [link.href for link in related.kept(document, REQUESTED)] == ["https://docs.example/licence"]


def test_process_graphs_are_found_and_unsigned() -> None:
    """The graph is found in each place that back-ends put it, and the addresses in it lose their signatures."""
    cdse = leaks.process_graph(load("02_cdse_2025-11_collection_netcdf"))
    assert cdse is not None
    assert any(node["process_id"] == "save_result" for node in cdse.values() if isinstance(node, dict))
    card4l = leaks.process_graph(load("21_captured_driver0.139dev_results_api10_item_form"))
    assert card4l is not None
    udf = {"process_graph": {"run": {"udf": "open('https://s3.example/m?X-Amz-Signature=abc').key=1"}}}
    assert leaks.process_graph({"process": udf}) == {"run": {"udf": "open('https://s3.example/m').key=1"}}


def test_unknown_fields_are_kept() -> None:
    """What we do not know is passed on; what means nothing outside the back-end is not."""
    document = {
        "type": "Feature",
        "id": "a",
        "epsg": 32631,
        "openeo:note": "kept",
        "openeo:status": "finished",
        "properties": {
            "custom": 1,
            "expires": "2026-01-01T00:00:00Z",
            "unpublished": "2026-04-01T00:00:00Z",
            "user_id": "x",
        },
        "assets": {"x": {"href": "https://h.example/x", "custom": {"deep": [1]}, "file:size": True}},
    }
    record = items.item_record(document, REQUESTED, place(), name="n", results={})
    assert record.properties == {
        "custom": 1,
        "openeo:unpublished": "2026-04-01T00:00:00Z",
        "proj:epsg": 32631,
        "openeo:note": "kept",
    }
    assert record.assets[0].extra == {"custom": {"deep": [1]}}
    assert record.assets[0].size is None


def test_item_ids_name_the_job() -> None:
    """Source ids repeat in every job, so the job's id comes first; an Item that is the job keeps its id."""
    assert place().item_id("openEO.tif") == "j-1-openEO.tif"
    assert place().item_id("j-1") == "j-1"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"openeo:status": "running"}, JobNotReady),
        ({"openeo:status": "$openeo_status"}, JobNotReady),
        ({"properties": {"openeo:status": "canceled"}}, JobSkipped),
        ({"openeo:status": "error"}, JobSkipped),
    ],
)
def test_unfinished_results_are_not_published(document: dict[str, Any], expected: type[Exception]) -> None:
    """Results that say of themselves that they are not complete are waited for or skipped."""
    with pytest.raises(expected):
        results.require_finished(document)


def test_results_without_status_are_finished() -> None:
    """Most back-ends say nothing, which means finished."""
    results.require_finished({})
    results.require_finished({"properties": {"openeo:status": "finished"}})


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (404, "JobNotFound", JobSkipped),
        (404, None, JobUnusable),
        (410, "ResultLinkExpired", JobSkipped),
        (410, None, JobSkipped),
        (424, "Internal", JobSkipped),
        (424, None, JobSkipped),
        (400, "JobNotFinished", JobSkipped),
        (400, "Whatever", JobUnusable),
        (401, "AuthenticationRequired", JobUnusable),
        (403, "Forbidden", JobUnusable),
        (500, "Internal", JobUnusable),
        (501, "FeatureUnsupported", JobUnusable),
        (200, None, JobUnusable),
        (503, None, type(None)),
        (429, "TooMany", type(None)),
    ],
)
def test_what_refused_results_mean(status: int, code: str | None, expected: type) -> None:
    """Gone, forbidden and down are three different things."""
    assert type(results.refusal(HttpError("x", status=status, code=code))) is expected


@pytest.mark.parametrize("document", [None, [], {}, {"type": "FeatureCollection"}, {"type": 3}])
def test_odd_results_are_refused(document: Any) -> None:
    """What is neither Item nor Collection fails that job alone."""
    with pytest.raises(JobUnusable):
        results.shape(document)


def test_shapes_without_type_are_known_by_their_fields() -> None:
    """The API's own example Collection has no `type`."""
    assert results.shape(load("12_spec_collection_example_no_type")) is results.Shape.COLLECTION
    assert results.shape({"properties": {}, "assets": {}}) is results.Shape.ITEM


def test_listing_takes_finished_jobs_only() -> None:
    """Jobs in any other state, and entries that make no sense, are passed over."""
    found = list(jobs.finished(load("23_captured_testapi13_jobs")))
    assert len(found) == 7
    assert [job.id for job in jobs.finished({"jobs": ["odd", {}, {"id": 3, "status": "finished"}]})] == []
    page = load("21_captured_driver0.136_jobs_page1")
    assert jobs.next_link(page) == page["links"][0]["href"]
    assert jobs.next_link({"jobs": [], "links": page["links"]}) is None


def test_a_restarted_job_has_another_fingerprint() -> None:
    """The same id with a later `updated` may hold other results; progress and costs say nothing of that."""
    entry = {"id": "j", "status": "finished", "created": "2026-01-01T00:00:00Z", "updated": "2026-01-02T00:00:00Z"}
    before = jobs.record(entry)
    assert before.fingerprint == jobs.record({**entry, "costs": 3, "progress": 99}).fingerprint
    assert before.fingerprint != jobs.record({**entry, "updated": "2026-01-03T00:00:00Z"}).fingerprint
    assert before.expires == datetime(2026, 4, 2, tzinfo=UTC)


DRIVER = "https://openeo.example/openeo/1.2/jobs/j-1/results/assets/YWxpY2U=/6e518c936a7e039665069da57b44a459"


@pytest.mark.parametrize(
    ("url", "name", "signed"),
    [
        (f"{DRIVER}/nested/x.csv?expires=1795306320", "assets/nested/x.csv", True),
        ("https://openeo.example/openeo/1.3/jobs/j-1/results/assets/nested/x.csv", "assets/nested/x.csv", False),
        (
            "https://s3.example/b/batch_jobs/j-1/openEO.nc?X-Amz-Signature=0&X-Amz-Expires=9",
            "/b/batch_jobs/j-1/openEO.nc",
            True,
        ),
        (f"https://gee.example/storage/{'a1' * 32}/out.tif", "/storage/out.tif", True),
        ("https://h.example/download?file=a.tif&sig=abc", "/download?file=a.tif", True),
        (
            "https://h.example/jobs/0123456789abcdef0123456789abcdef/a%20b.tif",
            "/jobs/0123456789abcdef0123456789abcdef/a b.tif",
            False,
        ),
    ],
)
def test_names_are_addresses_without_what_signs(url: str, name: str, signed: bool) -> None:
    """User, digest, capability and signature are no part of what a file is called."""
    assert links.name_of(url) == name
    assert links.is_signed(url) is signed
    assert not links.is_signed(links.unsigned(url))


def test_files_with_one_name_and_two_addresses_stay_apart() -> None:
    """Two capability paths that end alike are two files."""
    document = {
        "assets": {
            "a": {"href": f"https://gee.example/storage/{'a' * 64}/out.tif"},
            "b": {"href": f"https://gee.example/storage/{'b' * 64}/out.tif"},
        }
    }
    found = assets.records(assets.named(document, REQUESTED), place())
    assert len({asset.identity for asset in found}) == 2
    assert [(asset.key, asset.filename) for asset in found] == [("a", "out.tif"), ("b", "out.tif")]


def test_files_out_of_reach_are_told() -> None:
    """An href that is no web address makes its asset missing, unless an alternate is one."""
    document = {
        "assets": {
            "bucket": {"href": "s3://bucket/x.tif"},
            "both": {"href": "s3://bucket/y.tif", "alternate": {"https": {"href": "https://h.example/y.tif"}}},
            "empty": {},
        }
    }
    assert assets.unreachable(document, REQUESTED) == ("bucket", "empty")
    assert [file.url for file in assets.named(document, REQUESTED)] == ["https://h.example/y.tif"]


def test_relative_addresses_are_resolved() -> None:
    """Relative hrefs are relative to the canonical address, else to where the document came from."""
    relative = {"assets": {"x": {"href": "./x.tif"}}}
    assert assets.named(relative, REQUESTED)[0].url == "https://openeo.example/openeo/1.2/jobs/j-1/x.tif"
    canonical = {**relative, "links": [{"rel": "canonical", "href": "https://cdn.example/r/collection.json"}]}
    assert assets.named(canonical, REQUESTED)[0].url == "https://cdn.example/r/x.tif"


def test_plain_http_links_to_the_own_host_are_taken_at_https() -> None:
    """Back-ends behind a TLS proxy often write http; nothing is asked in the clear because of that."""
    assert links.absolute("http://openeo.example/x", REQUESTED, REQUESTED) == "https://openeo.example/x"


KEYS = (
    *(
        "type",
        "id",
        "properties",
        "assets",
        "links",
        "extent",
        "spatial",
        "temporal",
        "bbox",
        "interval",
        "href",
        "rel",
    ),
    *("geometry", "coordinates", "providers", "license", "datetime", "roles", "alternate", "title", "keywords", "a"),
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(
        ("Feature", "item", "x.tif", "http://[", "http://h:x/", "https://h.example/x?sig=1", "2025-13-01", "s3://b/k")
    )
)
JSON = st.recursive(
    LEAVES | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=30,
)


@settings(max_examples=80)
@given(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=12), st.sampled_from(("Feature", "Collection", None)))
def test_no_document_breaks_the_converter(document: dict[str, Any], kind: str | None) -> None:
    """Whatever JSON a back-end answers, there is a record or a `JobUnusable`, never anything else."""
    if kind is not None:
        document["type"] = kind
    with suppress(JobUnusable):
        shape = results.shape(document)
        collection = results.collection_record(document, REQUESTED, place())
        assert collection.id
        if shape is results.Shape.ITEM:
            item = items.item_record(document, REQUESTED, place(), name=None, results=document)
            assert item.collection == collection.id
        else:
            items.leftover_record(document, REQUESTED, place(), set())
