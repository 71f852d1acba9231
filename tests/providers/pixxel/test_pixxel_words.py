"""The words of the API in every plausible form: statuses, times, raw JSON, paging, dates in file names."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stacsync.demo.pixxel.account import Encoding, encoded
from stacsync.providers.pixxel import area, dates, geojson, repair, tasks
from stacsync.providers.pixxel.wanted import EXCLUDED, Wanted
from stacsync.providers.pixxel.words import Progress, Vocabulary, key_of, moment, objects, plain, raw_json
from structlog.testing import capture_logs
from tests.providers.pixxel.conftest import recorded

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
VALUES = (
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=20) | st.lists(st.text(), max_size=2)
)
RESULTS = st.lists(st.dictionaries(st.text(max_size=8), VALUES, min_size=1, max_size=3), min_size=1, max_size=3)
ENCODINGS: tuple[Encoding, ...] = ("json", "text", "base64", "bytes")


@given(RESULTS, st.sampled_from(ENCODINGS))
def test_all_four_encodings_of_a_raw_field_say_the_same(value: list[dict[str, Any]], encoding: Encoding) -> None:
    """Real JSON, a JSON text, base64 and an array of bytes are read alike."""
    assert objects(encoded(value, encoding)) == value


def test_recorded_encodings_say_the_same() -> None:
    """Each form of the recorded result gives the two outputs; null and an empty list give none."""
    forms = recorded("job_result_encodings")
    told = [objects(forms[name]) for name in ("as_json", "as_int_array", "as_base64", "as_json_string")]
    assert all([one["name"] for one in listed] == ["classified", "fields"] for listed in told)
    assert objects(forms["as_null"]) == objects(forms["as_empty"]) == []


@given(JSON)
def test_no_field_is_odd_enough_to_break_a_reader(value: Any) -> None:
    """Whatever JSON stands where something else was due is read as nothing, never as a crash."""
    raw_json(value)
    moment(value)
    key_of(value)
    Vocabulary().means(value)
    detail = {"tasks": value, "spec": value}
    wrapped = {"tasks": [{"id": "t", "inputs": value, "result": value, "block_info": value, "name": value}]}
    for page in (detail, wrapped):
        tasks.outputs(page)
        tasks.software(page)
        tasks.finished(page, Vocabulary())
        area.inputs(page)
    for document in ({"type": "Feature", "geometry": value}, {"type": value, "coordinates": value}):
        geojson.bounds(document)
        geojson.outline(document)
    area.of_aoi({"geometry": value, "aoi": value, "data": value})
    area.of_scenes([{"type": "Feature", "geometry": value, "properties": value}])
    repair.bbox(value)
    repair.is_item(value)
    repair.properties({"properties": value})
    repair.assets({"assets": value})


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("completed", Progress.DONE),
        ("SUCCESS", Progress.DONE),
        ("Partially-Completed", Progress.PARTLY),
        ("partial_success", Progress.PARTLY),
        ("timed out", Progress.FAILED),
        ("canceled", Progress.FAILED),
        ("in_progress", Progress.RUNNING),
        ("SOMETHING_NEW", Progress.UNKNOWN),
        ("", Progress.UNKNOWN),
        (None, Progress.UNKNOWN),
        (7, Progress.UNKNOWN),
    ],
)
def test_statuses_are_read_in_any_writing(word: object, meaning: Progress) -> None:
    """Case, hyphens, underscores and spaces do not matter; what is unknown is never taken for finished."""
    assert Vocabulary().means(word) is meaning


def test_an_unknown_status_is_warned_of_once() -> None:
    """A new word is named in one warning, however often it comes and however it is written."""
    vocabulary = Vocabulary()
    with capture_logs() as logs:
        for word in ("SOMETHING_NEW", "something new", "Something-New", "other", "completed", ""):
            vocabulary.means(word)
    assert [log["status"] for log in logs if log["event"] == "pixxel.unknown_status"] == ["somethingnew", "other"]


def test_further_words_can_mean_finished() -> None:
    """`done_statuses` adds to the known words, in any writing."""
    assert Vocabulary(["Something-New"]).means("SOMETHING_NEW") is Progress.DONE


@given(st.text(max_size=20))
def test_plain_words_stay_plain(word: str) -> None:
    """Bringing a word to its plain form twice changes nothing more."""
    assert plain(plain(word)) == plain(word)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2025-05-01T10:05:01Z", datetime(2025, 5, 1, 10, 5, 1, tzinfo=UTC)),
        ("2022-11-14 12:55:49.125928+00:00", datetime(2022, 11, 14, 12, 55, 49, 125928, tzinfo=UTC)),
        ("2025-05-01T12:05:01+02:00", datetime(2025, 5, 1, 10, 5, 1, tzinfo=UTC)),
        ("2025-05-01", datetime(2025, 5, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("", None),
        (None, None),
        ("soon", None),
        (1714557901, None),
    ],
)
def test_times_are_read_in_every_form(value: object, expected: datetime | None) -> None:
    """RFC 3339, a blank instead of the T, plain dates; an unset time is none."""
    assert moment(value) == expected


def test_names_of_delivered_files_tell_the_acquisition_first() -> None:
    """Of the two dates of a delivered file's name the first is meant; of any other name with two nobody can tell."""
    first, last = dates.of_names(
        ["out/TD22_x1_20250611_L2A_20250612_a1b2c3d4.tif", "TD22_x2_20250613_L1C_20250620_ff.tif"]
    )
    assert (first, last) == (datetime(2025, 6, 11, tzinfo=UTC), datetime(2025, 6, 13, tzinfo=UTC))
    assert dates.of_names(["ndvi_2025-06-01.tif", "ndvi_2025-06-09.tif"])[1] == datetime(2025, 6, 9, tzinfo=UTC)
    assert dates.of_names(["change_20250601_20250701.tif", "99999999.tif", "plain.tif"]) == (None, None)


@given(st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=1, max_size=12))
def test_bounds_hold_every_position(points: list[tuple[float, float]]) -> None:
    """Each position lies in the box, on whichever side of the antimeridian."""
    box = geojson.bounds({"type": "MultiPoint", "coordinates": [list(point) for point in points]})
    assert box is not None
    west, south, east, north = box
    for x, y in points:
        assert south <= y <= north
        assert west <= x <= east if west <= east else x >= west or x <= east


def test_bounds_take_the_short_way_around() -> None:
    """Fields on both sides of the antimeridian have a narrow box; the whole world stays the whole world."""
    fiji = {"type": "MultiPoint", "coordinates": [[179.0, -17.0], [-179.5, -18.0]]}
    assert geojson.bounds(fiji) == (179.0, -18.0, -179.5, -17.0)
    world = {"type": "Polygon", "coordinates": [[[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]]}
    assert geojson.bounds(world) == (-180, -90, 180, 90)


def test_positions_in_metres_have_no_bounds() -> None:
    """Coordinates of a projected system are not taken for degrees, whether they are out of range or named as such."""
    assert geojson.bounds({"type": "Point", "coordinates": [500000.0, 5538640.0]}) is None
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32631"}}
    assert geojson.bounds({"type": "Point", "coordinates": [5.0, 5.0], "crs": crs}) is None
    degrees = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    assert geojson.bounds({"type": "Point", "coordinates": [5.0, 6.0], "crs": degrees}) == (5.0, 6.0, 5.0, 6.0)


def test_inputs_are_left_out_with_and_without_a_folder_around_everything() -> None:
    """The default leaves the folder of inputs, also below the one folder that wraps a package, and counts it once."""
    wanted = Wanted((), ("input/*", "inputs/*"))
    paths = ["input/a.tif", "Inputs/b.tif", "job-1/input/c.tif", "output/d.tif", "input.tif", "a/b/input/e.tif"]
    assert [path for path in paths * 2 if wanted(path)] == ["output/d.tif", "input.tif", "a/b/input/e.tif"] * 2
    assert wanted.left_out == {EXCLUDED: 3}


def test_globs_choose_files_of_a_package() -> None:
    """`package_include` names what to take, `package_exclude` what of it to leave."""
    wanted = Wanted(("*.TIF", "*.json"), ("*_mask.tif",))
    assert [path for path in ("a.tif", "a_mask.tif", "b/c.json", "d.hdr") if wanted(path)] == ["a.tif", "b/c.json"]


def test_inputs_tell_where_and_when() -> None:
    """Scenes, areas of interest by id and drawn, and dates are found in whatever depth and encoding."""
    square = {"type": "Polygon", "coordinates": [[[1, 1], [2, 1], [2, 2], [1, 1]]]}
    listed = [
        {"name": "scene", "stac_url": "https://stac.pixxel.space/collections/c/items/i"},
        {"name": "aoi", "value": "a-1"},
        {"name": "aoi_geometry", "value": json.dumps(square)},
        {"name": "block", "inputs": [{"name": "start_date", "value": "2025-06-01"}]},
        {"name": "end_date", "value": "2025-06-30"},
        {"name": "update_rate", "value": "2025-01-01"},
        {"name": "endmembers", "value": "5"},
    ]
    text = base64.b64encode(json.dumps(listed).encode()).decode()
    told = area.inputs(
        {"tasks": [{"id": "t", "inputs": text}], "spec": [{"asset_source": {"id": "a-2", "type": "AOI"}}]}
    )
    assert told.scenes == ("https://stac.pixxel.space/collections/c/items/i",)
    assert set(told.areas) == {"a-1", "a-2"}
    assert told.drawn == square
    assert told.start == datetime(2025, 6, 1, tzinfo=UTC)
    assert told.end == datetime(2025, 6, 30, 23, 59, 59, tzinfo=UTC)


def test_a_scene_is_looked_up_in_the_archive_alone() -> None:
    """The key is never taken to the host that a scene's address names."""
    assert area.archive_path("https://evil.example/x/collections/c%20d/items/../i") is None
    assert area.archive_path("https://h/collections/c/items/i?x=1") == "/v0/archives/collections/c/items/i"
    assert area.archive_path("https://[broken/collections/c/items/i") is None
