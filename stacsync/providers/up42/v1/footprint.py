"""Where a feature lies: its geometry made sound, its bounding box computed. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import isfinite
from typing import Any

from stacsync.jobs import JSON, BBox

_TYPES = frozenset(
    {"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection"}
)
Position = tuple[float, float]


def geometry(value: Any) -> JSON | None:
    """Return `value` when it is a GeoJSON geometry with positions in degrees, its rings closed; else None."""
    if not isinstance(value, dict) or not isinstance(value.get("type"), str) or value["type"] not in _TYPES:
        return None
    try:
        positions = [position for path in _paths(value) for position in path]
        closed = _closed(value)
    except (TypeError, ValueError, KeyError, IndexError, RecursionError):
        return None
    return closed if positions and all(map(_sound, positions)) else None


def bounds(shape: JSON) -> BBox:
    """Return west, south, east, north of a geometry that `geometry` let pass; west > east when it crosses the date line."""
    paths = list(_paths(shape))
    longitudes = [x for path in paths for x, _ in path]
    latitudes = [y for path in paths for _, y in path]
    west, east = min(longitudes), max(longitudes)
    if any(map(_leaps, paths)) and not (west == -180 and east == 180):
        west = min(x for x in longitudes if x >= 0)
        east = max(x for x in longitudes if x < 0)
    return (west, min(latitudes), east, max(latitudes))


def _leaps(path: list[Position]) -> bool:
    """Tell whether a path goes from one side of the map to the other between two of its positions."""
    return any(abs(here[0] - there[0]) > 180 for here, there in pairwise(path))


def _sound(position: Position) -> bool:
    x, y = position
    return isfinite(x) and isfinite(y) and -180 <= x <= 180 and -90 <= y <= 90


def _closed(shape: JSON) -> JSON:
    """Return the geometry with every ring ending where it began: some sources leave the last position out."""
    if shape["type"] == "GeometryCollection":
        return {**shape, "geometries": [_closed(part) for part in shape["geometries"]]}
    if shape["type"] == "Polygon":
        return {**shape, "coordinates": [_ring(ring) for ring in shape["coordinates"]]}
    if shape["type"] == "MultiPolygon":
        return {**shape, "coordinates": [[_ring(ring) for ring in part] for part in shape["coordinates"]]}
    return shape


def _ring(ring: list[Any]) -> list[Any]:
    return ring if ring[0] == ring[-1] else [*ring, ring[0]]


def _paths(shape: JSON) -> Iterator[list[Position]]:
    """Yield every line of positions in a geometry: a ring, a line, or points one by one."""
    if shape["type"] == "GeometryCollection":
        for part in shape["geometries"]:
            yield from _paths(part)
    elif shape["type"] == "MultiPoint":
        for point in shape["coordinates"]:
            yield [_position(point)]
    else:
        yield from _lines(shape["coordinates"])


def _lines(coordinates: Any) -> Iterator[list[Position]]:
    if not isinstance(coordinates, list):
        raise TypeError
    if coordinates and not isinstance(coordinates[0], list):
        yield [_position(coordinates)]
    elif coordinates and coordinates[0] and not isinstance(coordinates[0][0], list):
        yield [_position(pair) for pair in coordinates]
    else:
        for inner in coordinates:
            yield from _lines(inner)


def _position(pair: Any) -> Position:
    return (float(pair[0]), float(pair[1]))
