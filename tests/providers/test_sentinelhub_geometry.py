"""Geometry of feature manifests: blobs in, footprints in WGS84 out."""

from __future__ import annotations

import math
import struct
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer
from stacsync.providers.sentinelhub import gpkg
from stacsync.providers.sentinelhub.footprint import (
    authority_code,
    box,
    crs_code,
    footprint,
    from_geojson,
    projection,
)
from stacsync.providers.sentinelhub.wkb import GeometryError, Polygon, polygons

COORDINATE = st.floats(-2e7, 2e7, allow_nan=False)
POINT = st.tuples(COORDINATE, COORDINATE)
RING = st.lists(POINT, min_size=3, max_size=8).map(lambda points: (*points, points[0]))
POLYGON = st.lists(RING, min_size=1, max_size=3).map(tuple)
ENVELOPE_DOUBLES = (0, 4, 6, 6, 8)


def written(shape: Polygon, order: str, dimensions: str, form: str) -> bytes:
    """WKB of a polygon, written independently of the reader under test."""
    extra = {"": 0, "z": 1, "m": 1, "zm": 2}[dimensions]
    code = 3
    srid = b""
    if form == "iso":
        code += {"": 0, "z": 1000, "m": 2000, "zm": 3000}[dimensions]
    else:
        code |= (0x80000000 if "z" in dimensions else 0) | (0x40000000 if "m" in dimensions else 0) | 0x20000000
        srid = struct.pack(f"{order}I", 4326)
    data = struct.pack(f"{order}BI", order == "<", code) + srid + struct.pack(f"{order}I", len(shape))
    for ring in shape:
        data += struct.pack(f"{order}I", len(ring))
        for x, y in ring:
            data += struct.pack(f"{order}{2 + extra}d", x, y, *[7.0] * extra)
    return data


def blob(body: bytes, *, order: str = "<", envelope: int = 0, extended: bool = False, srs_id: int = 32632) -> bytes:
    flags = (order == "<") | (envelope << 1) | (0x20 if extended else 0)
    header = b"GP\0" + bytes([flags]) + struct.pack(f"{order}i", srs_id)
    return header + b"\0" * 8 * ENVELOPE_DOUBLES[envelope] + (b"EXTN" if extended else b"") + body


@given(
    shape=POLYGON,
    header=st.sampled_from("<>"),
    inner=st.sampled_from("<>"),
    dimensions=st.sampled_from(["", "z", "m", "zm"]),
    form=st.sampled_from(["iso", "flags"]),
    envelope=st.integers(0, 4),
    extended=st.booleans(),
)
def test_every_header_is_read(
    shape: Polygon, header: str, inner: str, dimensions: str, form: str, envelope: int, extended: bool
) -> None:
    """Byte orders, envelopes, the extended form, heights, measures and an SRID change nothing of a polygon."""
    read = gpkg.read(blob(written(shape, inner, dimensions, form), order=header, envelope=envelope, extended=extended))
    assert read.srs_id == 32632
    assert read.polygons == (shape,)


@given(shapes=st.lists(POLYGON, min_size=1, max_size=3), order=st.sampled_from("<>"), collection=st.booleans())
def test_many_polygons_are_read(shapes: list[Polygon], order: str, collection: bool) -> None:
    """A multipolygon, and a collection of polygons, is all of its polygons, each with its own byte order."""
    members = b"".join(written(shape, "<" if place % 2 else ">", "", "iso") for place, shape in enumerate(shapes))
    body = struct.pack(f"{order}BII", order == "<", 7 if collection else 6, len(shapes)) + members
    assert polygons(body) == tuple(shapes)


def test_an_empty_geometry_has_no_polygons() -> None:
    """The empty flag means no geometry, whatever follows it."""
    assert gpkg.read(b"GP\0\x11" + struct.pack("<i", 4326) + b"junk").polygons == ()


@given(data=st.binary(max_size=200))
def test_nonsense_is_refused_or_read(data: bytes) -> None:
    """No bytes make the reader fail in any other way than by saying so, or ask for memory that is not there."""
    for candidate in (data, b"GP\0\x01" + data, b"GP\0\x03" + data):
        try:
            found = gpkg.read(candidate).polygons
        except GeometryError:
            continue
        assert all(len(polygon[0]) >= 4 for polygon in found)


@given(cut=st.integers(0, 92))
def test_a_cut_geometry_is_refused(cut: int) -> None:
    """A geometry that ends early is no geometry."""
    whole = written(box(0, 0, 1, 1), "<", "", "iso")
    with pytest.raises(GeometryError):
        polygons(whole[:cut])


@pytest.mark.parametrize("kind", [1, 2, 4, 10, 1001, 9999])
def test_other_geometries_are_refused(kind: int) -> None:
    """Points, lines and curves are no footprint."""
    with pytest.raises(GeometryError):
        polygons(struct.pack("<BIdddd", 1, kind, 0, 0, 0, 0))


def corners(found: dict[str, Any]) -> list[list[float]]:
    ring: list[list[float]] = found["coordinates"][0]
    return ring


@pytest.mark.parametrize(
    ("code", "area"),
    [
        ("EPSG:32632", (400_000, 4_680_000, 410_000, 4_690_000)),
        ("EPSG:32631", (790_000, 4_780_000, 800_000, 4_790_000)),
        ("EPSG:32733", (300_000, 6_900_000, 400_080, 7_000_080)),
        ("EPSG:3035", (4_180_000, 2_080_000, 4_280_000, 2_180_000)),
        ("EPSG:3857", (1_000_000, 5_000_000, 1_020_000, 5_020_000)),
    ],
)
def test_footprints_agree_with_another_reprojection(code: str, area: tuple[float, float, float, float]) -> None:
    """Each corner lies within a centimetre of where a plain reprojection of it lies; every other point on its edge."""
    found = footprint((box(*area),), projection(code))
    assert found is not None
    back = Transformer.from_crs("EPSG:4326", code, always_xy=True)
    west, south, east, north = area
    seen = [back.transform(x, y) for x, y in corners(found.geometry)]
    for x, y in product((west, east), (south, north)):
        assert min(math.hypot(x - u, y - v) for u, v in seen) < 0.01
    for u, v in seen:
        assert min(abs(u - west), abs(u - east), abs(v - south), abs(v - north)) < 0.01


def test_large_tiles_get_points_in_between() -> None:
    """A 10 km tile needs its corners alone; the edges of a 100 km tile follow their curve within 10 m."""
    small = footprint((box(400_000, 4_680_000, 410_000, 4_690_000),), projection("EPSG:32632"))
    large = footprint((box(300_000, 5_500_000, 400_080, 5_600_080),), projection("EPSG:32632"))
    assert small is not None
    assert large is not None
    assert len(corners(small.geometry)) == 5
    ring = corners(large.geometry)
    back = Transformer.from_crs("EPSG:4326", "EPSG:32632", always_xy=True)
    for (x0, y0), (x1, y1) in pairwise(ring):
        u, v = back.transform((x0 + x1) / 2, (y0 + y1) / 2)
        assert min(abs(u - 300_000), abs(u - 400_080), abs(v - 5_500_000), abs(v - 5_600_080)) < 10


def test_what_crosses_the_antimeridian_is_split_there() -> None:
    """A tile of zone 60 that reaches over 180° is two polygons, and its bbox runs from west to east over it."""
    area = (740_000, 1_000_000, 900_000, 1_100_000)
    found = footprint((box(*area),), projection("EPSG:32660"))
    assert found is not None
    assert found.geometry["type"] == "MultiPolygon"
    west, south, east, north = found.bbox
    assert (round(west, 1), round(east, 1)) == (179.2, -179.4)
    assert south < north
    longitudes = [[x for x, _ in polygon[0]] for polygon in found.geometry["coordinates"]]
    assert sorted(max(one) == 180 for one in longitudes) == [False, True]
    assert sorted(min(one) == -180 for one in longitudes) == [False, True]
    assert all(-180 <= x <= 180 for one in longitudes for x in one)


@pytest.mark.parametrize(("code", "pole"), [("EPSG:3031", -90.0), ("EPSG:3413", 90.0)])
def test_what_holds_a_pole_reaches_up_to_it(code: str, pole: float) -> None:
    """A square around a pole covers every longitude and ends at the pole."""
    found = footprint((box(-1e6, -1e6, 1e6, 1e6),), projection(code))
    assert found is not None
    latitudes = (found.bbox[1], found.bbox[3])
    assert pole in latitudes
    assert (found.bbox[0], found.bbox[2]) == (-180, 180)


@given(west=st.floats(-179, 178), south=st.floats(-80, 79), width=st.floats(0.01, 1), height=st.floats(0.01, 1))
def test_outer_rings_run_counter_clockwise(west: float, south: float, width: float, height: float) -> None:
    """Whichever way a ring ran, RFC 7946 has it counter-clockwise, and the bbox is that of its points."""
    ring = box(west, south, west + width, south + height)[0]
    for shape in ((ring,), (ring[::-1],)):
        found = footprint((shape,), projection("EPSG:4326"))
        assert found is not None
        points = corners(found.geometry)
        assert sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(points)) > 0
        assert found.bbox == (
            min(x for x, _ in points),
            min(y for _, y in points),
            max(x for x, _ in points),
            max(y for _, y in points),
        )


def test_a_legacy_crs_member_is_honoured() -> None:
    """GeoJSON with the old crs member is read in that system, and published in WGS84 without the member."""
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32628"}}
    ring = [[300000.0, 7100040.0], [600120.0, 7100040.0], [600120.0, 6899880.0], [300000.0, 6899880.0]]
    geometry = {"type": "Polygon", "crs": crs, "coordinates": [[*ring, ring[0]]]}
    found = from_geojson(geometry)
    assert crs_code(geometry) == "EPSG:32628"
    assert found is not None
    assert "crs" not in found.geometry
    assert -20 < found.bbox[0] < found.bbox[2] < -12


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("urn:ogc:def:crs:EPSG::32631", "EPSG:32631"),
        ("http://www.opengis.net/def/crs/OGC/1.3/CRS84", "EPSG:4326"),
        ("http://www.opengis.net/def/crs/EPSG/0/3035", "EPSG:3035"),
        ("EPSG:3857", "EPSG:3857"),
    ],
)
def test_reference_systems_have_short_names(name: str, code: str) -> None:
    """URNs, addresses and plain codes mean the same system."""
    assert authority_code(name) == code


def test_an_unknown_system_is_refused() -> None:
    """A code that nobody knows is refused by name."""
    with pytest.raises(GeometryError, match="EPSG:999999"):
        projection("EPSG:999999")
