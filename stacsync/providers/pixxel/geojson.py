"""Where a GeoJSON document lies. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from stacsync.jobs import JSON, BBox

_KINDS = frozenset({"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"})
_DEEPEST = 8
_DEGREES = ("4326", "crs84")


def bounds(document: Mapping[str, Any]) -> BBox | None:
    """Return west, south, east, north in degrees; west > east across the antimeridian.

    None when the document has no position, or one that cannot be in degrees.
    """
    if not _in_degrees(document):
        return None
    points = [point for one in _geometries(document) for point in _positions(one.get("coordinates"))]
    if not points or any(abs(x) > 180 or abs(y) > 90 for x, y in points):
        return None
    west, east = _span([x for x, _ in points])
    return west, min(y for _, y in points), east, max(y for _, y in points)


def outline(document: Mapping[str, Any]) -> JSON | None:
    """Return the polygons of a document as one geometry; None when it has none, or none in degrees."""
    if bounds(document) is None:
        return None
    polygons: list[Any] = []
    for one in _geometries(document):
        coordinates = one.get("coordinates")
        if not isinstance(coordinates, list) or not any(True for _ in _positions(coordinates)):
            continue
        if one["type"] == "Polygon":
            polygons.append(coordinates)
        elif one["type"] == "MultiPolygon":
            polygons += coordinates
    if len(polygons) < 2:
        return {"type": "Polygon", "coordinates": polygons[0]} if polygons else None
    return {"type": "MultiPolygon", "coordinates": polygons}


def united(boxes: list[BBox]) -> BBox | None:
    """Return the box around several; None for none."""
    if not boxes:
        return None
    corners = [corner for west, _, east, _ in boxes for corner in (west, east)]
    west, east = _span(corners)
    return west, min(box[1] for box in boxes), east, max(box[3] for box in boxes)


def _span(longitudes: list[float]) -> tuple[float, float]:
    """Return the first and last longitude of the narrower way around the globe."""
    west, east = min(longitudes), max(longitudes)
    turned = [x % 360 for x in longitudes]
    if not 180 < east - west < 360 or max(turned) - min(turned) >= east - west:
        return west, east
    return min(x for x in longitudes if x >= 0), max(x for x in longitudes if x < 0)


def _in_degrees(document: Mapping[str, Any]) -> bool:
    """Return False for a document that names another reference system (as GeoJSON of 2008 could)."""
    crs = document.get("crs")
    named = crs.get("properties") if isinstance(crs, Mapping) else None
    name = named.get("name") if isinstance(named, Mapping) else None
    return not isinstance(name, str) or name.lower().endswith(_DEGREES)


def _geometries(document: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    kind = document.get("type")
    inner = {"FeatureCollection": "features", "Feature": "geometry", "GeometryCollection": "geometries"}
    if depth < _DEEPEST and isinstance(kind, str) and kind in inner:
        held = document.get(inner[kind])
        for one in held if isinstance(held, list) else [held]:
            if isinstance(one, Mapping):
                yield from _geometries(one, depth + 1)
    elif isinstance(kind, str) and kind in _KINDS:
        yield document


def _positions(value: object, depth: int = 0) -> Iterator[tuple[float, float]]:
    if not isinstance(value, list) or depth > _DEEPEST:
        return
    if len(value) >= 2 and all(isinstance(one, int | float) and not isinstance(one, bool) for one in value[:2]):
        x, y = float(value[0]), float(value[1])
        if math.isfinite(x) and math.isfinite(y):
            yield x, y
        return
    for one in value:
        yield from _positions(one, depth + 1)
