"""What packages hold: Items from STAC documents, from files, from what the provider tells of imagery."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stacsync import stac
from stacsync.demo import pictures
from stacsync.demo.pixxel import PixxelStandIn, StandInJob
from stacsync.demo.pixxel.account import task
from stacsync.demo.pixxel.packing import tarred, zipped
from stacsync.errors import JobUnusable
from stacsync.jobs import ItemRecord, JobRecord, MemberFact, Mirrored
from stacsync.provider import JobProvider
from stacsync.providers.pixxel import inside, members, tasks
from stacsync.providers.pixxel.area import Area
from tests.providers.pixxel.conftest import fact, listed, recorded, take

Connect = Callable[..., JobProvider]
DAY = datetime(2025, 5, 1, tzinfo=UTC)
SQUARE = {"type": "Polygon", "coordinates": [[[1.0, 2.0], [3.0, 2.0], [3.0, 4.0], [1.0, 4.0], [1.0, 2.0]]]}
PLACE = stac.Place(
    provider="sky",
    kind="pixxel",
    provider_title="Sky",
    catalog_title="Catalog",
    collection="sky-w",
    collection_title="W",
    item_id="i",
    key="sky/sky-w/i/i.json",
)
TIFF = "image/tiff; application=geotiff"


def setting(**more: Any) -> inside.Setting:
    job = JobRecord(id="j", fingerprint="f", title="Crop map", created=DAY, finished=datetime(2025, 5, 2, tzinfo=UTC))
    known: dict[str, Any] = {"job": job, "collection": "c", "item": "j", "title": "Crop map", "package": "job"}
    return inside.Setting(**known | {"source": "s", "job_id": "j"} | more)


def told(*facts: MemberFact, **more: Any) -> list[ItemRecord]:
    return list(inside.items(setting(**more), facts))


def document(path: str, body: Any) -> MemberFact:
    return fact(path, orjson.dumps(body), "application/json")


def stac_item(number: str, asset: str, **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"type": "Feature", "stac_version": "0.1.0", "id": number, "geometry": SQUARE}
    return body | {"properties": {"datetime": "2025-05-01T10:00:00Z"}, "assets": {"data": {"href": asset}}} | more


def published(record: ItemRecord) -> dict[str, Any]:
    """Return the Item as it would be published, valid or not."""
    mirrored = {
        asset.key: Mirrored(key=f"k/{asset.key}", size=1, sha256="0" * 64, identity=asset.identity)
        for asset in record.assets
    }
    found = stac.item_document(record, mirrored, PLACE)
    assert stac.validate(found) == []
    return found


def test_stac_items_of_a_package_become_items_of_their_own() -> None:
    """Each has the job's id before its own, its own assets, place and time; what is left is the job's Item."""
    found = told(
        document("a/item.json", stac_item("x", "./data.tif")),
        document("b/item.json", stac_item("y", "https://h.example/b/other.tif?sig=secret")),
        fact("a/data.tif"),
        fact("b/other.tif"),
        fact("left.csv"),
    )
    assert [record.id for record in found] == ["j-x", "j-y", "j"]
    assert [asset.filename for record in found for asset in record.assets] == ["a/data.tif", "b/other.tif", "left.csv"]
    assert [record.geometry_source for record in found[:2]] == [None, None]
    assert all(record.job_id == "j" for record in found)
    assert "secret" not in repr(found)


def test_one_id_twice_is_told_apart() -> None:
    """Two STAC documents with one id give two Items; which is which depends on their paths alone."""
    found = told(document("a.json", stac_item("x", "")), document("b.json", stac_item("x", "")))
    assert found[0].id == "j-x"
    assert found[1].id.startswith("j-x-")


def test_a_file_of_two_places_is_not_guessed() -> None:
    """An address whose file name two members have means neither; the asset counts as missing."""
    found = told(
        document("item.json", stac_item("x", "https://h.example/data.tif")), fact("a/data.tif"), fact("b/data.tif")
    )
    assert found[0].missing == ("data",)
    assert {asset.filename for asset in found[1].assets} == {"a/data.tif", "b/data.tif"}


def test_recorded_archive_item_is_repaired() -> None:
    """Bbox of strings, STAC's names for times, wavelengths in nanometres, license: what is published is valid."""
    body = recorded("archive_items")["features"][0] | {"stac_version": "0.1.0"}
    body["assets"]["B091"]["href"] = "./B091.tif"
    (record,) = told(document("item.json", body), fact("B091.tif", media_type=TIFF))
    found = published(record)
    properties = found["properties"]
    assert found["stac_version"] == "1.1.0"
    assert found["bbox"] == [172.9117, 1.3438, 172.9547, 1.369]
    assert properties["license"] == "CC-BY-4.0"
    assert properties["datetime"] == "2022-06-15T12:00:00Z"
    assert not {"start_datetime", "startdatetime"} & set(properties)  # half a period is none
    assert properties["rd:product_level"] == "L2A"
    (band,) = found["assets"]["B091"]["bands"]
    assert band["eo:center_wavelength"] == pytest.approx(0.49)
    assert "stacsync:geometry_source" not in properties
    assert "stacsync:datetime_source" not in properties


def test_a_stac_item_without_place_and_time_gets_the_jobs() -> None:
    """What the document does not state is taken from the job, and says so."""
    body = stac_item("x", "data.csv", geometry=None, properties={})
    area = Area(geometry=SQUARE, geometry_source="aoi")
    (record,) = told(document("item.json", body), fact("data.csv"), area=area)
    properties = published(record)["properties"]
    assert properties["stacsync:geometry_source"] == "aoi"
    assert properties["stacsync:datetime_source"] == "job"


@pytest.mark.parametrize(
    ("files", "area", "source", "bbox"),
    [
        (["data.tif", "x_footprint.geojson", "fields.geojson"], True, "footprint file", [1, 2, 3, 4]),
        (["data.csv", "fields.geojson"], True, "vector results", [1, 2, 3, 4]),
        (["data.csv"], True, "aoi", [1, 2, 3, 4]),
        (["data.tif"], True, "aoi", [1, 2, 3, 4]),
        (["data.tif"], False, None, None),
    ],
)
def test_the_place_comes_from_the_best_source_and_says_so(
    files: list[str], *, area: bool, source: str | None, bbox: list[float] | None
) -> None:
    """Footprint, vector results, area of interest, nothing: in that order, with the source in the Item."""
    drawn = {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": SQUARE, "properties": {}}]}
    facts = [document(path, drawn) if path.endswith("json") else fact(path, media_type=_kind(path)) for path in files]
    (record,) = told(*facts, area=Area(geometry=SQUARE, geometry_source="aoi") if area else Area())
    found = published(record)
    assert found["properties"].get("stacsync:geometry_source") == source
    assert found.get("bbox") == bbox


def test_a_raster_that_tells_its_place_wins_over_vectors_and_areas() -> None:
    """The header's footprint is more than the box around results or the area that was asked for."""
    drawn = {"type": "Feature", "geometry": SQUARE, "properties": {}}
    facts = [document("fields.geojson", drawn), fact("data.tif", media_type=TIFF)]
    (record,) = told(*facts, area=Area(geometry=SQUARE, geometry_source="aoi"))
    footprint = pictures.Place.around(10.0, 45.0).polygon()
    mirrored = {
        asset.key: Mirrored(
            key=f"k/{asset.key}", size=1, sha256="0" * 64, identity=asset.identity,
            facts={"footprint": footprint} if asset.key == "data.tif" else {},
        )
        for asset in record.assets
    }  # fmt: skip
    found = stac.item_document(record, mirrored, PLACE)
    assert found["properties"]["stacsync:geometry_source"] == "raster"


@pytest.mark.parametrize(
    ("files", "area", "source", "instant"),
    [
        (["T_1_20250611_L2A_20250612_ab.tif"], True, "filename", "2025-06-11T00:00:00Z"),
        (["T_1_20250611_L2A_20250612_ab.xml", "data.tif"], True, "inputs", None),
        (["data.tif"], True, "inputs", None),
        (["data.tif"], False, "job", None),
    ],
)
def test_the_time_comes_from_the_best_source_and_says_so(
    files: list[str], *, area: bool, source: str, instant: str | None
) -> None:
    """File names of data, the inputs, the job's own run: in that order, a period where it is one."""
    looked = Area(start=DAY, end=datetime(2025, 5, 9, tzinfo=UTC), datetime_source="inputs") if area else Area()
    (record,) = told(*(fact(path) for path in files), area=looked)
    properties = published(record)["properties"]
    assert properties["stacsync:datetime_source"] == source
    assert properties["datetime"] == instant
    assert properties["start_datetime"] <= properties["end_datetime"]


def test_files_are_for_what_their_names_and_bytes_say() -> None:
    """Pictures, descriptions, footprints and data are told apart."""
    kinds = {
        "a_rgb.png": ("image/png", "thumbnail"),
        "a_thumb.jpg": ("image/jpeg", "thumbnail"),
        "scene.jpg": ("image/jpeg", "overview"),
        "classes.png": ("image/png", "data"),
        "a.hdr": ("text/plain", "metadata"),
        "a.xml": ("application/xml", "metadata"),
        "stats.json": ("application/json", "metadata"),
        "fields.json": ("application/geo+json", "data"),
        "fields.geojson": ("application/geo+json", "data"),
        "a_footprint.geojson": ("application/geo+json", "metadata"),
        "bounding_box.json": ("application/geo+json", "metadata"),
        "a_rgb.tif": (TIFF, "data"),
    }
    assert {path: members.roles(fact(path, media_type=kind)) for path, (kind, _) in kinds.items()} == {
        path: (role,) for path, (_, role) in kinds.items()
    }


def test_tasks_name_their_outputs() -> None:
    """A file that a task's result names gets the task's words; its signed address is nowhere."""
    outputs = tasks.outputs(recorded("job"))
    (record,) = told(fact("out/classified.tif", media_type=TIFF), fact("other.tif", media_type=TIFF), outputs=outputs)
    named = {asset.key: asset for asset in record.assets}
    assert set(named) == {"cropclassification-classified", "other.tif"}
    asset = named["cropclassification-classified"]
    assert asset.title == "classified"
    assert asset.extra == {"bands": [{"name": "B1"}]}
    assert "sig=" not in repr(record)


def test_an_output_that_two_files_could_be_names_neither() -> None:
    """With one file name in two folders both keep their paths as keys."""
    outputs = tasks.outputs(recorded("job"))
    (record,) = told(fact("a/classified.tif"), fact("b/classified.tif"), outputs=outputs)
    assert {asset.key for asset in record.assets} == {"a/classified.tif", "b/classified.tif"}


def test_nothing_but_descriptions_beside_stac_items_makes_no_item() -> None:
    """What is left of a package that tells of itself is an Item only if it holds data."""
    assert len(told(document("item.json", stac_item("x", "")), fact("readme.txt"), fact("a.xml"))) == 1
    assert len(told(fact("readme.txt"))) == 1
    assert told() == []


ODD = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["href", "type", "roles", "a"]), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(["id", "geometry", "bbox", "properties", "assets", "links"], ODD))
)
def test_no_stac_document_is_odd_enough_to_break_a_job(body: dict[str, Any]) -> None:
    """Whatever stands in a STAC document of a package, there are Items, each publishable."""
    odd = {**body, "type": "Feature", "stac_version": ODD_VERSION}
    for record in told(document("item.json", odd), fact("data.tif", media_type=TIFF), stac=None):
        published(record)
    for record in told(fact("data.tif", media_type=TIFF), stac=odd, job_id=None):
        published(record)


ODD_VERSION = "0.1.0"


def test_all_demo_packages_are_told(pixxel: PixxelStandIn, connect: Connect) -> None:
    """ZIP, tar.gz, TAR and a single file, each with its own sources of place and time."""
    provider = connect(pixxel)
    found = {item.id: item for job in listed(provider).values() for item in take(provider, job)}
    assert set(found) == {"crops-vercelli-vercelli_rice", "crops-cremona", "fields-ferrara", "carbon-mantua"}
    assert not any("input/" in asset.filename for item in found.values() for asset in item.assets)
    sources = {key: (item.geometry_source, item.datetime_source) for key, item in found.items()}
    assert sources == {
        "crops-vercelli-vercelli_rice": (None, None),
        "crops-cremona": ("footprint file", "filename"),
        "fields-ferrara": ("vector results", "inputs"),
        "carbon-mantua": ("input scene", "input scene"),
    }
    assert found["carbon-mantua"].links[0].rel == "derived_from"
    assert found["crops-vercelli-vercelli_rice"].properties["pixxel:workflow_id"] == "w-crop-map"


def test_an_area_of_interest_places_what_nothing_else_does(pixxel: PixxelStandIn, connect: Connect) -> None:
    """The area's geometry is looked up by its id; one that is gone costs only the geometry."""
    job = pixxel.workflows[0].jobs[2]
    job.package = zipped({"table.csv": b"a,b\n"})
    provider = connect(pixxel)
    (item,) = take(provider, listed(provider)["fields-ferrara"])
    assert item.geometry == pixxel.areas["aoi-ferrara"]["geometry"]
    assert item.geometry_source == "aoi"
    pixxel.areas.clear()
    (item,) = take(provider, listed(provider)["fields-ferrara"])
    assert (item.geometry, item.geometry_source) == (None, None)


def test_delivered_imagery_is_told_by_its_entry(pixxel: PixxelStandIn, connect: Connect) -> None:
    """The catalog's own STAC Item tells place, time and bands; no job is named, because none is known."""
    provider = connect(pixxel, imagery=True)
    job = next(job for key, job in listed(provider).items() if key.startswith("imagery-"))
    (item,) = take(provider, job)
    assert {asset.key for asset in item.assets} == {"B091", "thumbnail.png"}
    assert item.job_id is None
    found = published(item)
    assert found["properties"]["start_datetime"] == "2025-06-11T10:22:00Z"
    assert found["properties"]["end_datetime"] == "2025-06-11T10:22:04Z"
    assert "stacsync:datetime_source" not in found["properties"]
    assert provider.describe(job).collections[0].license == "CC-BY-4.0"
    assert provider.describe(job).collections[0].id == "sky-pixxel-td2"


def test_tasks_can_be_taken_one_by_one(pixxel: PixxelStandIn, connect: Connect) -> None:
    """`granularity = "task"` makes a package and an Item of each finished task and counts the others."""
    listed_tasks = [task("t-1", "mask", results=[], inputs=[]), task("t-2", "map", results=[], inputs=[])]
    listed_tasks.append(task("t-3", "late", results=[], inputs=[], status="running"))
    packages = {"t-1": tarred({"mask.csv": b"1"}), "t-2": tarred({"map.csv": b"2"})}
    pixxel.workflows[0].jobs = [StandInJob(id="j", tasks=listed_tasks, task_packages=packages)]
    provider = connect(pixxel, granularity="task")
    job = listed(provider)["j"]
    result = provider.describe(job)
    assert [package.id for package in result.packages] == ["t-1", "t-2"]
    assert result.left_out == {"tasks without results": 1}
    assert [(item.id, item.title) for item in take(provider, job)] == [
        ("j-t-1", "Crop map mask"),
        ("j-t-2", "Crop map map"),
    ]
    pixxel.workflows[0].jobs[0].tasks = []
    with pytest.raises(JobUnusable, match="none of its tasks"):
        provider.describe(job)


def _kind(path: str) -> str | None:
    return TIFF if path.endswith(".tif") else None
