"""Footprints: polygons in any reference system made GeoJSON in WGS84 degrees. Pure (PROJ computes, nothing is fetched).

Long edges get points in between, because a straight line of a projected system is curved in degrees. What crosses the
antimeridian is split there (RFC 7946, section 3.1.9), its bbox has west > east; a ring around a pole reaches up to it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from pyproj import CRS, Transformer
from pyproj.enums import TransformDirection
from pyproj.exceptions import ProjError

from stacsync.jobs import JSON, BBox
from stacsync.providers.sentinelhub.wkb import GeometryError, Point, Polygon, Ring

WGS84 = "EPSG:4326"
EDGE = 12_500.0
"""Metres: the longest edge without a point in between. Up to 60° latitude a chord of it stays within 6 m of its curve."""
_DECIMALS = 9
_MOST_POINTS = 200


@dataclass(frozen=True, slots=True)
class Footprint:
    """A geometry in WGS84 degrees and the box around it (west > east across the antimeridian)."""

    geometry: JSON
    bbox: BBox


class Projection:
    """The way from one reference system to WGS84. Safe to share between threads."""

    def __init__(self, crs: CRS) -> None:
        self.crs = crs
        self._transformer = Transformer.from_crs(crs, WGS84, always_xy=True)
        unit = crs.axis_info[0].unit_conversion_factor if crs.axis_info else 1.0
        self.is_geographic = bool(crs.is_geographic)
        self._edge = math.inf if self.is_geographic else EDGE / (unit or 1.0)

    def degrees(self, points: Sequence[Point]) -> list[Point]:
        """Return `points` in longitude and latitude. Raises `GeometryError` where PROJ knows no answer."""
        return self._moved(points, TransformDirection.FORWARD)

    def from_degrees(self, points: Sequence[Point]) -> list[Point]:
        """Return points given in longitude and latitude in this system. Raises `GeometryError` as `degrees` does."""
        return self._moved(points, TransformDirection.INVERSE)

    def ring(self, ring: Ring) -> list[Point]:
        """Return a closed ring in degrees, its long edges divided and its longitudes free of jumps."""
        return _around_pole(_unwrapped(self.degrees(_divided(ring, self._edge))))

    def _moved(self, points: Sequence[Point], direction: TransformDirection) -> list[Point]:
        if not points:
            return []
        try:
            xs, ys = self._transformer.transform(
                [x for x, _ in points], [y for _, y in points], errcheck=True, direction=direction
            )
        except ProjError as problem:
            raise GeometryError(f"a point lies outside the reference system {self.crs.name}") from problem
        if not all(map(math.isfinite, xs)) or not all(map(math.isfinite, ys)):
            raise GeometryError(f"a point lies outside the reference system {self.crs.name}")
        return list(zip(xs, ys, strict=True))


@lru_cache(maxsize=256)
def projection(code: str) -> Projection:
    """Return the way from `code` (an authority code, a URN or WKT) to WGS84. Raises `GeometryError` if unknown."""
    try:
        return Projection(CRS.from_user_input(code))
    except ProjError as problem:
        raise GeometryError(f"the reference system {code[:60]!r} is unknown") from problem


def footprint(polygons: Sequence[Polygon], source: Projection) -> Footprint | None:
    """Return the footprint of `polygons` given in `source`; None when there is none. Raises `GeometryError`."""
    pieces: list[list[list[Point]]] = []
    for polygon in polygons:
        pieces.extend(_split([source.ring(ring) for ring in polygon if len(ring) >= 4]))
    if not pieces:
        return None
    ready = [[_oriented(ring, outer=not place) for place, ring in enumerate(piece)] for piece in pieces]
    box = _bbox(ready)
    if len(ready) == 1:
        return Footprint({"type": "Polygon", "coordinates": ready[0]}, box)
    return Footprint({"type": "MultiPolygon", "coordinates": ready}, box)


def from_geojson(geometry: Any, default: str = WGS84) -> Footprint | None:
    """Return the footprint of a GeoJSON polygon, honouring the old `crs` member; None when it holds no polygon.

    Raises `GeometryError` for a reference system or coordinates that make no sense.
    """
    if not isinstance(geometry, dict):
        return None
    parts = geometry.get("coordinates")
    if geometry.get("type") == "Polygon":
        parts = [parts]
    elif geometry.get("type") != "MultiPolygon":
        return None
    return footprint(_numbers(parts), projection(crs_code(geometry) or default))


def crs_code(geometry: Any) -> str | None:
    """Return the authority code that the old `crs` member of a GeoJSON object names, as "EPSG:32628"."""
    crs = geometry.get("crs") if isinstance(geometry, dict) else None
    name = crs.get("properties", {}).get("name") if isinstance(crs, dict) else crs
    return authority_code(name) if isinstance(name, str) else None


def authority_code(name: str) -> str:
    """Return the short form of a reference system's URN or URL: "EPSG:32631"; CRS84 in any form is EPSG:4326.

    >>> authority_code("urn:ogc:def:crs:EPSG::32631"), authority_code("http://www.opengis.net/def/crs/OGC/1.3/CRS84")
    ('EPSG:32631', 'EPSG:4326')
    """
    last = name.replace("/", ":").rstrip(":").rpartition(":")[2]
    if last.upper() == "CRS84":
        return WGS84
    return f"EPSG:{last}" if last.isdigit() else name


def box(west: float, south: float, east: float, north: float) -> Polygon:
    """Return a rectangle as a polygon, counter-clockwise."""
    return (((west, south), (east, south), (east, north), (west, north), (west, south)),)


def _numbers(parts: Any) -> list[Polygon]:
    try:
        return [
            tuple(tuple((float(point[0]), float(point[1])) for point in ring) for ring in polygon) for polygon in parts
        ]
    except (TypeError, ValueError, IndexError) as problem:
        raise GeometryError("the coordinates are not nested as a polygon's are") from problem


def _divided(ring: Ring, edge: float) -> list[Point]:
    """Return the ring's points and as many evenly spaced ones on each edge as keep every piece within `edge`."""
    points = [ring[0]]
    for (x0, y0), (x1, y1) in pairwise(ring):
        pieces = min(_MOST_POINTS, max(1, math.ceil(math.hypot(x1 - x0, y1 - y0) / edge)))
        points.extend((x0 + (x1 - x0) * i / pieces, y0 + (y1 - y0) * i / pieces) for i in range(1, pieces))
        points.append((x1, y1))
    return points


def _unwrapped(points: Sequence[Point]) -> list[Point]:
    """Return the points with whole turns added, so that no step is longer than half a turn."""
    result = [points[0]]
    for x, y in points[1:]:
        turns = round((result[-1][0] - x) / 360)
        result.append((x + 360 * turns, y))
    return result


def _around_pole(points: list[Point]) -> list[Point]:
    """Return a ring that goes once around the earth closed over the pole that it encloses; others as they are."""
    if abs(points[-1][0] - points[0][0]) < 180:
        return points
    pole = 90.0 if sum(y for _, y in points) > 0 else -90.0
    return [*points, (points[-1][0], pole), (points[0][0], pole), points[0]]


def _split(rings: list[list[Point]]) -> Iterable[list[list[Point]]]:
    """Yield the parts of a polygon that lie in one turn each, moved to [-180, 180]."""
    if not rings:
        return
    longitudes = [x for x, _ in rings[0]]
    west, east = min(longitudes), max(longitudes)
    for turn in range(math.floor((west + 180) / 360), math.ceil((east - 180) / 360) + 1):
        left, right = 360.0 * turn - 180, 360.0 * turn + 180
        inside = rings if left <= west and east <= right else [_between(ring, left, right) for ring in rings]
        moved = [[(round(x - 360 * turn, _DECIMALS), round(y, _DECIMALS)) for x, y in ring] for ring in inside]
        kept = [ring for ring in moved if len(ring) >= 4 and _area(ring)]
        if kept and _area(moved[0]):
            yield kept


def _between(ring: list[Point], left: float, right: float) -> list[Point]:
    return _clipped(_clipped(ring, left, 1), right, -1)


def _clipped(ring: list[Point], limit: float, side: int) -> list[Point]:
    """Return the part of a closed ring where `side * (x - limit) >= 0`, closed again."""
    kept: list[Point] = []
    for (x0, y0), (x1, y1) in pairwise(ring):
        inside0, inside1 = side * (x0 - limit) >= 0, side * (x1 - limit) >= 0
        if inside0:
            kept.append((x0, y0))
        if inside0 != inside1:
            kept.append((limit, y0 + (y1 - y0) * (limit - x0) / (x1 - x0)))
    return [*kept, kept[0]] if kept else []


def _area(ring: Sequence[Point]) -> float:
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise(ring)) / 2


def _oriented(ring: list[Point], *, outer: bool) -> list[list[float]]:
    points = ring if (_area(ring) > 0) is outer else ring[::-1]
    return [[x, y] for x, y in points]


def _bbox(polygons: Sequence[Sequence[Sequence[Sequence[float]]]]) -> BBox:
    spans = [(min(p[0] for p in polygon[0]), max(p[0] for p in polygon[0])) for polygon in polygons]
    lats = [p[1] for polygon in polygons for p in polygon[0]]
    west, east = _longitudes(spans)
    return (west, min(lats), east, max(lats))


def _longitudes(spans: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the span around all; it runs over the antimeridian only where the parts touch it from both sides."""
    west, east = min(s[0] for s in spans), max(s[1] for s in spans)
    if west > -180 or east < 180:
        return west, east
    gap, reached = (0.0, west, east), west
    for start, end in sorted(spans):
        if start - reached > gap[0]:
            gap = (start - reached, start, reached)
        reached = max(reached, end)
    return gap[1], gap[2]
