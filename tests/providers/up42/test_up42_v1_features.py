"""`data.json` in all its shapes, without any socket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stacsync.errors import JobSkipped, JobUnusable
from stacsync.jobs import ItemRecord, JobRecord, Member, MemberFact, PackageRecord
from stacsync.providers.up42.v1.features import clean_path, parse, scenes
from stacsync.providers.up42.v1.footprint import bounds, geometry
from stacsync.providers.up42.v1.items import Output, Surroundings, item_records, publishable
from stacsync.providers.up42.v1.jobs import job_record
from stacsync.providers.up42.v1.members import Members, wanted
from stacsync.providers.up42.v1.tasks import last, tasks

Recording = Callable[[str], Any]
SQUARE = {"type": "Polygon", "coordinates": [[[13.3, 52.4], [13.4, 52.4], [13.4, 52.5], [13.3, 52.5], [13.3, 52.4]]]}
BOX = (13.3, 52.4, 13.4, 52.5)
RAN = (datetime(2021, 1, 1, 12, tzinfo=UTC), datetime(2021, 1, 1, 13, tzinfo=UTC))


def a_record(**changed: Any) -> JobRecord:
    payload = {
        "id": "job",
        "status": "SUCCEEDED",
        "createdAt": "2021-01-01T11:59:00Z",
        "startedAt": "2021-01-01T12:00:00Z",
        "finishedAt": "2021-01-01T13:00:00Z",
    }
    record = job_record({**payload, **changed})
    assert record is not None
    return record


def facts(*paths: str, top: str = "output/") -> tuple[MemberFact, ...]:
    return tuple(
        MemberFact(path=f"{top}{path}", key=f"packages/{path}", size=1, sha256="00", media_type=None)
        for path in sorted(paths)
    )


def told(document: Any, files: Sequence[MemberFact], job: JobRecord | None = None) -> dict[str, ItemRecord]:
    """Return the items that a data.json and the files of an archive give, by their id without the job's."""
    left_out: Counter[str] = Counter()
    found = publishable(document, None, left_out)
    package = PackageRecord(id="results", identity="i", wants=lambda _: True)
    around = Surroundings(collection="c", software={}, pictures=())
    records = item_records(
        job or a_record(), [Output(package=package, scenes=found)], {"results": tuple(files)}, around, left_out
    )
    return {record.id.removeprefix("job-"): record for record in records}


def a_feature(path: str = "a.tif", shape: Any = SQUARE, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": shape, "properties": {"up42.data_path": path, **properties}}


def a_document(*features: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


@pytest.fixture
def edge(recording: Recording) -> dict[str, ItemRecord]:
    """The items of the file of edge cases, but for the one whose file is missing."""
    document = recording("data_json_edge_cases.json")
    document["features"] = [one for one in document["features"] if one.get("id") != "case-missing-member"]
    return told(document, facts(*EDGE_FILES))


EDGE_FILES = (
    "a/scene.tif",
    "LC08_SCENE_DIR/B1.TIF",
    "LC08_SCENE_DIR/sub/MTL.txt",
    "b/day.tif",
    "c/epoch-ms.tif",
    "d/t_2m_C.nc",
    "e/legacy_key.tif",
    "f/legacy.nc",
    "h/table.csv",
    "i/mollweide.tif",
    "j/output/k_output/nested-output.tif",
    "k/datum.tif",
    "l/bbox-smaller-than-geometry.tif",
)


def test_edge_cases_that_become_items(edge: dict[str, ItemRecord]) -> None:
    """Each feature with a usable path is an Item, named by its id wherever that is, else by its file."""
    assert sorted(edge) == [
        "case-antimeridian",
        "case-bbox-mismatch",
        "case-iso-z",
        "case-legacy-netcdf-key",
        "case-legacy-path-key",
        "case-naive-time-and-directory-path",
        "case-null-geometry",
        "case-proj",
        "case-yyyymmdd",
        "id-in-properties",
        "t_2m_C",
        "u-1",
    ]


def test_edge_cases_that_are_left_out(recording: Recording) -> None:
    """Paths out of the results and features without a path are left out, and counted by reason."""
    left_out: Counter[str] = Counter()
    publishable(recording("data_json_edge_cases.json"), None, left_out)
    assert left_out == {"feature whose path leads out of the results": 2, "feature that names no file": 1}


def test_edge_case_of_a_missing_file(recording: Recording) -> None:
    """A file that is not in the archive fails the job as a whole, by its name."""
    with pytest.raises(JobUnusable, match=r"g/missing-in-tar\.tif"):
        told(recording("data_json_edge_cases.json"), facts(*EDGE_FILES))


def test_times(edge: dict[str, ItemRecord]) -> None:
    """ISO with and without a zone, a bare day and epoch milliseconds are understood."""
    assert edge["case-iso-z"].datetime == datetime(2018, 9, 21, 22, 29, 50, 555000, tzinfo=UTC)
    assert edge["case-naive-time-and-directory-path"].datetime == datetime(2017, 4, 2, 5, 42, 20, 704644, tzinfo=UTC)
    assert edge["u-1"].datetime == datetime(2019, 12, 20, 10, 14, 31, 24000, tzinfo=UTC)
    assert edge["u-1"].end_datetime == datetime(2019, 12, 20, 10, 14, 40, 24000, tzinfo=UTC)
    day = edge["case-yyyymmdd"]
    assert (day.datetime, day.datetime_source) == (datetime(2020, 8, 20, tzinfo=UTC), "date")
    guessed = edge["t_2m_C"]
    assert (guessed.datetime, guessed.start_datetime, guessed.end_datetime) == (None, *RAN)
    assert guessed.datetime_source == "job"


@pytest.mark.parametrize(
    ("properties", "moment", "period", "source"),
    [
        (
            {"datetime": "2021-05-31T09:51:52.123456789Z"},
            datetime(2021, 5, 31, 9, 51, 52, 123456, tzinfo=UTC),
            None,
            None,
        ),
        ({"timestamp": 1622454712000}, datetime(2021, 5, 31, 9, 51, 52, tzinfo=UTC), None, None),
        ({"osm_timestamp": "2021-05-31T11:51:52+02:00"}, datetime(2021, 5, 31, 9, 51, 52, tzinfo=UTC), None, None),
        ({"acquisition_time": "2021-05-31 09:51:52"}, datetime(2021, 5, 31, 9, 51, 52, tzinfo=UTC), None, None),
        (
            {"acquisition_date": "2021-05-31", "acquisition_time": "09:51:52"},
            datetime(2021, 5, 31, 9, 51, 52, tzinfo=UTC),
            None,
            None,
        ),
        (
            {"acquisition": {"beginViewingDate": 1622454712000, "endViewingDate": 1622454713000}},
            None,
            (datetime(2021, 5, 31, 9, 51, 52, tzinfo=UTC), datetime(2021, 5, 31, 9, 51, 53, tzinfo=UTC)),
            None,
        ),
        (
            {"acquisition": {"beginViewingDate": 1622454712000, "endViewingDate": 1622454712000}},
            datetime(2021, 5, 31, 9, 51, 52, tzinfo=UTC),
            None,
            None,
        ),
        ({"processingDate": "2021-05-31T09:51:52Z", "publicationDate": "2021-05-31"}, None, RAN, "job"),
        ({"datetime": "soon", "timestamp": True, "timeStamp": 0}, None, RAN, "job"),
        ({"acquisition_date": 20210531}, datetime(2021, 5, 31, tzinfo=UTC), None, "date"),
        ({"timestamp": "1622454712000"}, datetime(2021, 5, 31, 9, 51, 52, tzinfo=UTC), None, None),
    ],
)
def test_spellings_of_time(
    properties: dict[str, Any], moment: datetime | None, period: tuple[datetime, datetime] | None, source: str | None
) -> None:
    """Acquisition times count in every spelling; dates of processing and the like never do."""
    (item,) = told(a_document(a_feature(**properties)), facts("a.tif")).values()
    assert item.datetime == moment
    assert (item.start_datetime, item.end_datetime) == (period or (None, None))
    assert item.datetime_source == source


@pytest.mark.parametrize(
    "inputs",
    [
        {"block:1": {"time": "2019-01-01T00:00:00+00:00/2020-12-31T23:59:59+00:00"}, "tiling:1": {"tile_width": 768}},
        {"block:1": {"time_series": ["2019-01-01T00:00:00Z/2019-02-01T00:00:00Z", "2020-01-01/2020-12-31T23:59:59Z"]}},
    ],
)
def test_period_that_the_job_asked_for(inputs: dict[str, Any]) -> None:
    """A feature without a time is of the period that its job asked for, and says so."""
    (item,) = told(a_document(a_feature()), facts("a.tif"), a_record(inputs=inputs)).values()
    assert (item.datetime, item.datetime_source) == (None, "inputs")
    assert item.start_datetime == datetime(2019, 1, 1, tzinfo=UTC)
    assert item.end_datetime == datetime(2020, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_folders(edge: dict[str, ItemRecord]) -> None:
    """A path to a folder means every file below it, keyed by where it lies."""
    assets = edge["case-naive-time-and-directory-path"].assets
    assert [(asset.key, asset.filename, asset.roles) for asset in assets] == [
        ("B1.TIF", "B1.TIF", ("data",)),
        ("sub_MTL.txt", "MTL.txt", ("metadata",)),
    ]


def test_safe_folder() -> None:
    """The manifest of a SAFE product has its role; equal names in different folders stay apart."""
    files = facts("S2A.SAFE/manifest.safe", "S2A.SAFE/a/B02.jp2", "S2A.SAFE/a_B02.jp2")
    (item,) = told(a_document(a_feature("S2A.SAFE")), files).values()
    assert {asset.key: asset.roles for asset in item.assets} == {
        "a_B02.jp2": ("data",),
        "a_B02.jp2-2": ("data",),
        "manifest.safe": ("metadata", "manifest"),
    }


def test_geometry_is_kept_and_its_box_computed(edge: dict[str, ItemRecord]) -> None:
    """The box is the geometry's, over the date line too; a feature without geometry has none."""
    assert edge["case-bbox-mismatch"].bbox == BOX
    assert edge["case-antimeridian"].bbox == (179.5, -17.0, -179.5, -16.0)
    nowhere = edge["case-null-geometry"]
    assert nowhere.geometry is None
    assert nowhere.bbox is None


def test_stated_projection(edge: dict[str, ItemRecord]) -> None:
    """`crs`, `transform`, `width` and `height` become `proj:*`; of nine numbers the first six."""
    properties = edge["case-proj"].properties
    assert properties["proj:code"] == "EPSG:32633"
    assert properties["proj:transform"] == [10.0, 0.0, 399960.0, 0.0, -10.0, 5900040.0]
    assert properties["proj:shape"] == [563, 711]


def test_features_that_share_id_and_place_are_one_item() -> None:
    """One feature per band file, all of one id: one Item with an asset per band, each with its own grid."""
    bands = [f"B{number:02d}" for number in range(1, 14)]
    features = [
        {**a_feature(f"s/{band}.tif", crs="EPSG:32633", width=10 + index, height=10), "id": "scene"}
        for index, band in enumerate(bands)
    ]
    (item,) = told(a_document(*features), facts(*(f"s/{band}.tif" for band in bands))).values()
    assert [asset.key for asset in item.assets] == bands
    assert [asset.extra["proj:shape"] for asset in item.assets] == [[10, 10 + index] for index in range(13)]


def test_same_id_elsewhere_is_another_item() -> None:
    """The same id over another place is another Item."""
    moved = {"type": "Point", "coordinates": [1.0, 2.0]}
    features = [
        {**a_feature("a.tif"), "id": "x"},
        {**a_feature("b.tif", moved), "id": "x"},
        {**a_feature("c.tif"), "id": "x-2"},
    ]
    assert list(told(a_document(*features), facts("a.tif", "b.tif", "c.tif"))) == ["x", "x-2", "x-2-2"]


def test_names_are_safe_and_stay_apart() -> None:
    """Ids with colons and slashes become safe names that stay different."""
    features = [{**a_feature(f"{number}.tif"), "id": name} for number, name in enumerate(("a:b", "a/b", "a b", 7))]
    names = list(told(a_document(*features), facts("0.tif", "1.tif", "2.tif", "3.tif")))
    assert len(set(names)) == 4
    assert names[3] == "7"
    assert all(name.replace("-", "").isalnum() for name in names)


def test_nested_features_are_flattened() -> None:
    """A list of features inside the list of features counts as its features; what is no feature is left out."""
    left_out: Counter[str] = Counter()
    assert len(scenes(a_document([a_feature("a.tif"), a_feature("b.tif")], a_feature("c.tif"), 7), left_out)) == 3
    assert left_out == {"entry that is no feature": 1}


def test_nothing_to_publish(recording: Recording) -> None:
    """No features, or none with a file, is a job to skip; only hostile paths make it unusable."""
    with pytest.raises(JobSkipped, match="no features"):
        told(recording("data_json_empty.json"), ())
    with pytest.raises(JobSkipped, match="names a file"):
        told(a_document({"type": "Feature", "geometry": SQUARE, "properties": {}}), ())
    with pytest.raises(JobUnusable, match="no file inside"):
        told(a_document(a_feature("../x")), ())
    broken: Any
    for broken in (None, [], {}, {"features": None}):
        with pytest.raises(JobUnusable, match="FeatureCollection"):
            told(broken, ())
    with pytest.raises(JobUnusable, match="JSON"):
        parse(b"{nope")


@pytest.mark.parametrize(
    "path", ["../etc/passwd", "/etc/passwd", "a/../../b", "a\\..\\b", "", ".", "~/x", "C:/x", "a\0b", ".."]
)
def test_hostile_paths(path: str) -> None:
    """A path that is absolute, leads upwards or names nothing means no file at all."""
    assert clean_path(path) is None


@given(st.text(alphabet="ab./\\~: \0", max_size=12))
def test_clean_paths_stay_inside(path: str) -> None:
    """Whatever the path, what is left of it lies below the results, and cleaning it again changes nothing."""
    clean = clean_path(path)
    if clean is not None:
        assert not clean.startswith("/")
        assert not {"", ".", ".."} & set(clean.split("/"))
        assert clean_path(clean) == clean


def test_archives_without_a_top_folder() -> None:
    """Paths are found with and without `output/` around them, and only that folder is taken off."""
    for top in ("output/", "", "delivery/"):
        (item,) = told(a_document(a_feature("foo_output/bar.tif")), facts("foo_output/bar.tif", top=top)).values()
        assert item.assets[0].source == Member("results", f"{top}foo_output/bar.tif")


def test_wanted_members() -> None:
    """Wanted are the named files, all below named folders and data.json; the rest is remembered as left."""
    unwanted: set[str] = set()
    wants = wanted(["a/x.tif", "dir"], unwanted)
    taken = ["output/a/x.tif", "a/x.tif", "output/dir/y/z.xml", "output/data.json", "data.json"]
    left = ["output/a/x.tif.aux", "output/dire/z", "output/b/data.json", "log.txt"]
    assert [wants(path) for path in taken + left] == [True] * len(taken) + [False] * len(left)
    assert unwanted == set(left)


def test_file_before_namesake() -> None:
    """A file in `output/` is meant before one that only looks alike with its folder taken off."""
    members = Members((*facts("x.tif", top="extra/"), *facts("x.tif")))
    assert next(iter(members.find("x.tif").values())).path == "output/x.tif"


def test_large_properties_are_not_repeated() -> None:
    """A scene's own words are kept under `up42:source` up to 32 KiB, without account or user ids."""
    (small,) = told(a_document(a_feature(note="x", order={"accountId": "secret"}, userId="u")), facts("a.tif")).values()
    assert small.properties["up42:source"] == {"note": "x", "order": {}}
    (large,) = told(a_document(a_feature(note="x" * 40_000)), facts("a.tif")).values()
    assert "up42:source" not in large.properties


@pytest.mark.parametrize(
    ("properties", "field", "value"),
    [
        ({"cloudCover": 4}, "eo:cloud_cover", 4),
        ({"cloudCoverPercentage": 4.5}, "eo:cloud_cover", 4.5),
        ({"contentDescription": {"cloudCoverPercentage": 1.0068}}, "eo:cloud_cover", 1.0068),
        ({"eo:cloud_cover": 0}, "eo:cloud_cover", 0),
        ({"cloudCover": 101}, "eo:cloud_cover", None),
        ({"cloudCover": "4"}, "eo:cloud_cover", None),
        ({"resolution": 0.5}, "gsd", 0.5),
        ({"incidenceAngle": 12.5}, "view:incidence_angle", 12.5),
        ({"illuminationAzimuthAngle": 170.1}, "view:sun_azimuth", 170.1),
        ({"illuminationElevationAngle": 40}, "view:sun_elevation", 40),
        ({"platform": "SPOT-7"}, "platform", "SPOT-7"),
        ({"crs": "moon"}, "proj:code", None),
        ({"transform": [1, 2]}, "proj:transform", None),
        ({"width": 0, "height": 5}, "proj:shape", None),
    ],
)
def test_stated_fields(properties: dict[str, Any], field: str, value: object) -> None:
    """What a scene states gets its STAC name; what cannot be right is not repeated under it."""
    (item,) = told(a_document(a_feature(**properties)), facts("a.tif")).values()
    assert item.properties.get(field) == value


@pytest.mark.parametrize(
    ("shape", "box"),
    [
        ({"type": "Point", "coordinates": [1, 2]}, (1, 2, 1, 2)),
        ({"type": "MultiPoint", "coordinates": [[-100, 2], [100, 3]]}, (-100, 2, 100, 3)),
        ({"type": "LineString", "coordinates": [[170, 0], [-170, 1]]}, (170, 0, -170, 1)),
        ({"type": "MultiPolygon", "coordinates": [[[[1, 2], [3, 2], [3, 4]]]]}, (1, 2, 3, 4)),
        ({"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2, 9]}]}, (1, 2, 1, 2)),
        (
            {"type": "Polygon", "coordinates": [[[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]]},
            (-180, -90, 180, 90),
        ),
    ],
)
def test_bounds(shape: dict[str, Any], box: tuple[float, ...]) -> None:
    """Every kind of geometry has its box, the whole world included."""
    sound = geometry(shape)
    assert sound is not None
    assert bounds(sound) == box


@pytest.mark.parametrize(
    "shape",
    [
        None,
        "x",
        {},
        {"type": "Polygon"},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[]]},
        {"type": "Point", "coordinates": [500, 0]},
        {"type": "Point", "coordinates": ["a", "b"]},
        {"type": "Point", "coordinates": {}},
        {"type": "Circle", "coordinates": [0, 0]},
    ],
)
def test_broken_geometries(shape: Any) -> None:
    """What is no geometry in degrees is none."""
    assert geometry(shape) is None


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**14), 10**14)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(
    ["id", "uid", "datetime", "acquisition", "cloudCover", "transform", "crs", "width", "height", "orbit", "timestamp"]
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"geometry": JSON_VALUES, "properties": st.dictionaries(KEYS, JSON_VALUES, max_size=5)},
            optional={"id": JSON_VALUES},
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_feature_is_survived(features: list[dict[str, Any]]) -> None:
    """Whatever stands in a feature, it becomes an Item of a unique id and with JSON properties, and the same twice."""
    for feature in features:
        feature["properties"]["up42.data_path"] = "a.tif"
    document = orjson.loads(orjson.dumps(a_document(*features)))
    items = told(document, facts("a.tif"))
    assert len(items) <= len(features)
    assert items
    assert items == told(document, facts("a.tif"))
    for item in items.values():
        orjson.dumps(dict(item.properties))


def test_last_task() -> None:
    """The last task is the one that feeds no other, in whatever order they are listed."""
    listed = [
        {"id": "b", "parentsIds": ["a"], "block": {"name": "tiling", "type": "PROCESSING", "version": "2"}},
        {"id": "a", "parentsIds": [], "block": {"name": "data", "type": "DATA"}},
        {"name": "no id"},
        7,
    ]
    found = tasks(listed)
    assert [task.id for task in found] == ["b", "a"]
    assert [task.is_data for task in found] == [False, True]
    ended = last(found)
    assert ended is not None
    assert ended.id == "b"
    assert last(()) is None
    assert tasks(None) == ()


def test_recorded_tasks(recording: Recording) -> None:
    """The tasks of a recorded workflow: a data block, then tiling."""
    found = tasks(recording("legacy_workflow_tasks.json")["data"])
    assert [(task.name, task.is_data, task.version) for task in found] == [
        ("esa-s2-l2a-gtiff-visual:1", True, "1.0.1"),
        ("tiling:1", False, "2.2.3"),
    ]
    ended = last(found)
    assert ended is not None
    assert ended.name == "tiling:1"
