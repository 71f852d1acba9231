"""Where Items lie: footprints, bboxes, the antimeridian, the poles, and what is broken."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stacsync.jobs import JSON
from stacsync.stac import geometry, projection
from stacsync.stac.bounds import Bounds, flattened
from stacsync.stac.rings import area
from tests.stac.making import asset, bare, item, made, recording, square

LONGITUDES = st.floats(-180, 180).map(lambda value: round(value, 3))
LATITUDES = st.floats(-89, 89).map(lambda value: round(value, 3))
BOXES = st.tuples(LONGITUDES, LATITUDES, st.floats(0.01, 150), st.floats(0.01, 1)).map(
    lambda box: (box[0], box[1], box[0] + round(box[2], 2), min(box[1] + round(box[3], 2), 90.0))
)
NUMBERS = st.floats(allow_nan=True, allow_infinity=True) | st.integers(-400, 400) | st.none() | st.text(max_size=2)
POSITIONS = st.lists(NUMBERS, max_size=4)
KINDS = ["Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection", "?"]
BROKEN = st.fixed_dictionaries(
    {
        "type": st.sampled_from(KINDS),
        "coordinates": st.recursive(POSITIONS, lambda inner: st.lists(inner, max_size=5), max_leaves=20),
    }
)


def positions(value: Any) -> Iterator[list[float]]:
    if value and isinstance(value[0], (int, float)):
        yield value
    else:
        for part in value:
            yield from positions(part)


@given(BROKEN)
def test_whatever_comes_in_what_goes_out_lies_on_the_globe(found: JSON) -> None:
    """No NaN, nothing out of range, rings closed and wound; normalising again changes nothing."""
    shape, _ = geometry.normalised(found)
    if shape is None:
        return
    for position in positions(shape["coordinates"]):
        assert all(math.isfinite(number) for number in position)
        assert abs(position[0]) <= 180
        assert abs(position[1]) <= 90
    polygons = [shape["coordinates"]] if shape["type"] == "Polygon" else shape["coordinates"]
    for rings in polygons if "Polygon" in shape["type"] else ():
        assert all(ring[0] == ring[-1] and len(ring) >= 4 for ring in rings)
        assert area(rings[0]) > 0
        assert all(area(hole) < 0 for hole in rings[1:])
    assert flattened(geometry.bbox_of(shape)) is not None
    assert geometry.normalised(shape)[0] == shape


@given(BOXES)
def test_a_box_over_the_antimeridian_is_cut_there_and_keeps_its_bbox(box: tuple[float, ...]) -> None:
    """West is greater than east exactly when the box crosses; the area stays what it was."""
    west, south, east, north = box
    shape, repaired = geometry.normalised(square(west, south, east, north))
    assert shape is not None
    assert not repaired
    parts = [shape["coordinates"]] if shape["type"] == "Polygon" else shape["coordinates"]
    assert math.isclose(sum(area(part[0]) for part in parts), (east - west) * (north - south), rel_tol=1e-6)
    bbox = geometry.bbox_of(shape)
    assert (bbox[0] > bbox[2]) is (east > 180 and west < 180)
    assert math.isclose((bbox[2] - bbox[0]) % 360, (east - west) % 360, abs_tol=1e-6)


@given(st.lists(BOXES, min_size=1, max_size=6))
def test_merging_bounds_needs_no_order_and_covers_all(boxes: list[tuple[float, ...]]) -> None:
    """Bounds are a monoid, and every box lies within the whole."""
    parts = [Bounds.of_span(box[0], box[1], box[2] if box[2] <= 180 else box[2] - 360, box[3]) for box in boxes]
    forward = backward = parts[0]
    for part in parts:
        forward = forward.merge(part)
    for part in reversed(parts):
        backward = part.merge(backward)
    assert forward == backward
    west, _, east, _ = forward.bbox()
    for box in boxes:
        for longitude in (box[0], box[2] if box[2] <= 180 else box[2] - 360):
            inside = west - 1e-6 <= longitude <= east + 1e-6
            assert inside if west <= east else longitude >= west - 1e-6 or longitude <= east + 1e-6


@pytest.mark.parametrize(
    "ring",
    [
        [[179, 0], [-179, 0], [-179, 1], [179, 1], [179, 0]],
        [[179, 0], [181, 0], [181, 1], [179, 1]],
        [[-179, 1], [-179, 0], [-181, 0], [-181, 1]],
    ],
)
def test_three_ways_to_write_a_crossing_are_one(ring: list[list[float]]) -> None:
    """Jumping, running past 180 and running past -180 all mean the same two halves."""
    document = made(bare(geometry={"type": "Polygon", "coordinates": [ring]}))
    assert document["bbox"] == [179.0, 0.0, -179.0, 1.0]
    assert document["geometry"]["type"] == "MultiPolygon"
    assert "stacsync:geometry_source" not in document["properties"]


def test_a_ring_around_a_pole_takes_the_pole_in() -> None:
    """A polar footprint reaches 90 degrees and all longitudes."""
    ring = [[0, 80], [90, 80], [180, 80], [-90, 80], [0, 80]]
    shape, _ = geometry.normalised({"type": "Polygon", "coordinates": [ring]})
    assert shape is not None
    assert geometry.bbox_of(shape) == [-180.0, 80.0, 180.0, 90.0]


def test_holes_stay_in_their_half() -> None:
    """A hole of a crossing polygon is cut with it."""
    outer = [[170, -10], [190, -10], [190, 10], [170, 10], [170, -10]]
    hole = [[175, -5], [-175, -5], [-175, 5], [175, 5], [175, -5]]
    shape, _ = geometry.normalised({"type": "Polygon", "coordinates": [outer, hole]})
    assert shape is not None
    assert [len(part) for part in shape["coordinates"]] == [2, 2]
    assert shape["coordinates"][0][1][0][0] >= 175


def test_lines_are_cut_too() -> None:
    """A track over the antimeridian becomes two lines."""
    shape, _ = geometry.normalised({"type": "LineString", "coordinates": [[170, 0], [-170, 10]]})
    assert shape == {
        "type": "MultiLineString",
        "coordinates": [[[170.0, 0.0], [180.0, 5.0]], [[-180.0, 5.0], [-170.0, 10.0]]],
    }


def test_heights_are_kept_if_every_position_has_one() -> None:
    """Three dimensions give six numbers of bbox; mixed ones are flat."""
    ring = [[0, 0, 5], [1, 0, 6], [1, 1, 7], [0, 0, 5]]
    document = made(bare(geometry={"type": "Polygon", "coordinates": [ring]}))
    assert document["bbox"] == [0.0, 0.0, 5.0, 1.0, 1.0, 7.0]
    mixed = [[0, 0], [1, 0, 6], [1, 1, 7], [0, 0]]
    assert made(bare(geometry={"type": "Polygon", "coordinates": [mixed]}))["bbox"] == [0.0, 0.0, 1.0, 1.0]


def test_a_repaired_geometry_says_so() -> None:
    """Positions that had to be dropped are not passed over in silence."""
    ring = [[0, 0], [1, 0], [float("nan"), 3], [1, 1], [0, 0]]
    found = made(bare(geometry={"type": "Polygon", "coordinates": [ring]}))
    assert found["properties"]["stacsync:geometry_source"] == "repaired"
    assert found["bbox"] == [0.0, 0.0, 1.0, 1.0]
    aoi = made(bare(geometry={"type": "Polygon", "coordinates": [ring]}, geometry_source="aoi"))
    assert aoi["properties"]["stacsync:geometry_source"] == "aoi, repaired"


GRID = {"proj:code": "EPSG:32631", "proj:bbox": [500000, 5600000, 501000, 5601000]}
WORLD = square(-180, -90, 180, 90)


@pytest.mark.parametrize(
    ("geometry_", "bbox", "facts", "extra", "source"),
    [
        (square(0, 0, 1, 1), None, {"footprint": square(5, 5, 6, 6)}, GRID, None),
        (None, None, {"footprint": square(5, 5, 6, 6)}, GRID, "raster"),
        (WORLD, None, {"footprint": square(5, 5, 6, 6)}, GRID, "raster"),
        (WORLD, (0, 0, 1, 1), {}, GRID, "projection"),
        (None, (0, 0, 1, 1), {}, {}, "bbox"),
        (None, ("0", "0", "1", "1"), {}, {}, "bbox"),
        (None, (-180, -90, 180, 90), {}, {}, "nowhere"),
        (WORLD, None, {}, {}, "nowhere"),
        ({"type": "Polygon", "coordinates": [[]]}, None, {}, {}, "nowhere"),
        ({"type": "Polygon", "coordinates": [[]]}, (0, 0, 1, 1), {}, {}, "bbox"),
    ],
)
def test_footprints_are_looked_for_in_this_order(
    geometry_: JSON | None, bbox: Any, facts: JSON, extra: JSON, source: str | None
) -> None:
    """Stated, raster header, projection fields, bbox, nothing; the whole world is what a service says for "unknown"."""
    record = bare(geometry=geometry_, bbox=bbox, assets=(asset("a.tif", extra),))
    document = made(record, facts)
    if source == "nowhere":
        assert document["geometry"] is None
        assert "bbox" not in document
    else:
        assert document["geometry"] is not None
        assert document["properties"].get("stacsync:geometry_source") == source


def test_a_raster_that_covers_the_world_is_believed() -> None:
    """Only a stated world is a placeholder: what pixels cover, they cover."""
    facts = {"footprint": WORLD, "proj:code": "EPSG:4326"}
    assert made(bare(assets=(asset("a.tif", {}),)), facts)["bbox"] == [-180.0, -90.0, 180.0, 90.0]


def test_several_rasters_of_one_item_give_the_box_around_them() -> None:
    """Tiles of one Item are located together."""
    document = made(
        bare(assets=(asset("a.tif", {}), asset("b.tif", {}))),
        **{"a.tif": {"footprint": square(0, 0, 1, 1)}, "b.tif": {"footprint": square(2, 2, 3, 3)}},
    )
    assert document["bbox"] == [0.0, 0.0, 3.0, 3.0]


def test_a_model_of_the_whole_world_is_unlocated() -> None:
    """The almost-world of a machine-learning model is no footprint either."""
    assert made(item(recording("vito_mlmodel_item")))["geometry"] is None


@pytest.mark.parametrize(
    ("fields", "points"),
    [
        ({"proj:code": "EPSG:4326", "proj:bbox": [5, 50, 6, 51]}, 5),
        ({"proj:code": "EPSG:32631", "proj:bbox": [500000, 5600000, 501000, 5601000]}, 5),
    ],
)
def test_small_footprints_have_no_more_corners_than_they_need(fields: JSON, points: int) -> None:
    """A square that stays straight on the map has five positions."""
    shape = projection.footprint(fields)
    assert shape is not None
    assert len(shape["coordinates"][0]) == points


def test_large_footprints_follow_the_curve() -> None:
    """The edge of a UTM tile of 800 km bulges by kilometres: it gets points in between."""
    shape = projection.footprint({"proj:code": "EPSG:32631", "proj:bbox": [100000, 6000000, 900000, 6100000]})
    assert shape is not None
    ring = shape["coordinates"][0]
    assert len(ring) == 65
    top = max(position[1] for position in ring)
    corner = max(ring[0][1], ring[16][1], ring[32][1], ring[48][1])
    assert top - corner > 0.02


def test_a_footprint_in_utm_zone_60_crosses_the_antimeridian() -> None:
    """It is split, and its bbox runs from west to a smaller east."""
    shape = projection.footprint({"proj:code": "EPSG:32660", "proj:bbox": [700000, 1700000, 900000, 1900000]})
    assert shape is not None
    west, _, east, _ = geometry.bbox_of(shape)
    assert west > east


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"proj:code": "EPSG:4326"},
        {"proj:code": "EPSG:999999", "proj:bbox": [0, 0, 1, 1]},
        {"proj:code": "EPSG:32631", "proj:bbox": [1e30, 1e30, 2e30, 2e30]},
        {"proj:code": "EPSG:4326", "proj:bbox": [1, 1, 1, 1]},
        {"proj:wkt2": "nonsense", "proj:bbox": [0, 0, 1, 1]},
        {"proj:projjson": {"type": "x", "name": "y"}, "proj:bbox": [0, 0, 1, 1]},
    ],
)
def test_projection_fields_that_say_nothing_give_no_footprint(fields: JSON) -> None:
    """Unknown systems, empty and impossible boxes are no error."""
    assert projection.footprint(fields) is None


@pytest.mark.parametrize(
    ("fields", "upgraded"),
    [
        ({"proj:epsg": 32631}, {"proj:code": "EPSG:32631"}),
        ({"proj:epsg": None}, {}),
        ({"proj:epsg": 4326.0, "proj:code": "epsg:3035"}, {"proj:code": "EPSG:3035"}),
        ({"proj:code": 3857}, {"proj:code": "EPSG:3857"}),
        ({"proj:epsg": "nonsense"}, {}),
        ({"proj:shape": [10.0, 20]}, {"proj:shape": [10, 20]}),
        ({"proj:shape": [0, 20]}, {}),
        ({"proj:bbox": [5, 5, 1, 1]}, {}),
        ({"proj:bbox": ["1", "2", "3", "4"]}, {"proj:bbox": [1.0, 2.0, 3.0, 4.0]}),
        ({"proj:transform": [0, 10, 500000, 0, -10, 1000000]}, {}),
        ({"proj:mine": 1}, {}),
        (
            {
                "proj:transform": [500000, 10, 0, 600000, 0, -10],
                "proj:shape": [2, 3],
                "proj:bbox": [500000, 599980, 500030, 600000],
            },
            {
                "proj:transform": [10, 0, 500000, 0, -10, 600000],
                "proj:shape": [2, 3],
                "proj:bbox": [500000, 599980, 500030, 600000],
            },
        ),
    ],
)
def test_projection_fields_are_brought_to_version_two(fields: JSON, upgraded: JSON) -> None:
    """proj:epsg becomes proj:code; what contradicts itself or is none is dropped; GDAL's order is turned."""
    assert projection.upgraded(fields) == upgraded
