"""GeoJSON geometry as STAC wants it: finite, on the globe, closed, wound, and cut at the antimeridian.

`normalised` repairs what can be repaired and says whether positions were lost or moved for it; closing a ring, turning
it, or cutting it at the antimeridian changes nothing on the ground and is no repair.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stacsync.jobs import JSON
from stacsync.stac import rings
from stacsync.stac.bounds import Bounds, flattened, merged
from stacsync.stac.rings import Position, Ring

_OVERSHOOT = 1e-3
"""Degrees that a latitude may lie beyond a pole and still be meant as the pole."""
_DEPTHS = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}


@dataclass(slots=True)
class _Repairs:
    """Whether anything had to be moved or dropped, and how many numbers a position has."""

    lost: bool = False
    dimensions: int = 2


def normalised(geometry: object) -> tuple[JSON | None, bool]:
    """Return the geometry put right and whether it was repaired; (None, True) when nothing could be saved."""
    repairs = _Repairs()
    found = _geometry(geometry, repairs)
    return found, repairs.lost or (found is None and geometry is not None)


def bbox_of(geometry: Mapping[str, Any]) -> list[float]:
    """Return the bbox of a normalised geometry: four numbers, or six when its positions have heights."""
    lines = list(_lines(geometry))
    total = merged(_span(line) for line in lines)
    if total is None:
        raise ValueError("a normalised geometry has positions")
    flat = total.bbox()
    heights = [position[2] for line in lines for position in line if len(position) > 2]
    if not heights:
        return flat
    return [*flat[:2], min(heights), *flat[2:], max(heights)]


def from_bbox(bbox: Sequence[float]) -> JSON | None:
    """Return the rectangle of a bbox (split in two across the antimeridian), or None when it is no bbox."""
    flat = flattened(bbox)
    if flat is None:
        return None
    west, south, east, north = flat
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return normalised({"type": "Polygon", "coordinates": [ring]})[0]


def _geometry(value: object, repairs: _Repairs) -> JSON | None:
    if not isinstance(value, Mapping):
        return None
    kind = value.get("type")
    if kind == "GeometryCollection":
        members = value.get("geometries")
        parts = [_geometry(part, repairs) for part in members] if isinstance(members, list) else []
        kept = [part for part in parts if part is not None]
        repairs.lost |= len(kept) < len(parts)
        return {"type": kind, "geometries": kept} if kept else None
    if not isinstance(kind, str) or kind not in _DEPTHS:
        return None
    coordinates = value.get("coordinates")
    repairs.dimensions = 3 if _all_have_heights(coordinates, _DEPTHS[kind]) else 2
    return _BUILDERS[kind](coordinates, repairs)


def _all_have_heights(value: object, depth: int) -> bool:
    if not isinstance(value, (list, tuple)) or not value:
        return False
    if depth:
        return all(_all_have_heights(part, depth - 1) for part in value)
    return len(value) > 2 and _is_number(value[2])


def _position(value: object, repairs: _Repairs) -> Position | None:
    numbers = value[: repairs.dimensions] if isinstance(value, (list, tuple)) else ()
    if len(numbers) < repairs.dimensions or not all(_is_number(part) for part in numbers):
        repairs.lost = True
        return None
    longitude, latitude, *height = (float(part) for part in numbers)
    if abs(latitude) > 90.0:
        repairs.lost = True
        latitude = math.copysign(90.0, latitude) if abs(latitude) <= 90.0 + _OVERSHOOT else math.nan
    if abs(longitude) > 540.0 or math.isnan(latitude):
        repairs.lost = True
        return None
    return [longitude, latitude, *height]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _positions(value: object, repairs: _Repairs) -> Ring:
    if not isinstance(value, (list, tuple)):
        repairs.lost = True
        return []
    return [position for part in value if (position := _position(part, repairs)) is not None]


def _wrapped(position: Position) -> Position:
    longitude = position[0]
    if abs(longitude) > 180.0:
        longitude = math.remainder(longitude, 360.0)
    return [longitude, *position[1:]]


def _point(coordinates: object, repairs: _Repairs) -> JSON | None:
    position = _position(coordinates, repairs)
    return None if position is None else {"type": "Point", "coordinates": _wrapped(position)}


def _multi_point(coordinates: object, repairs: _Repairs) -> JSON | None:
    points = [_wrapped(position) for position in _positions(coordinates, repairs)]
    return {"type": "MultiPoint", "coordinates": points} if points else None


def _line_string(coordinates: object, repairs: _Repairs) -> JSON | None:
    return _lines_geometry([coordinates], repairs, "LineString")


def _multi_line_string(coordinates: object, repairs: _Repairs) -> JSON | None:
    return _lines_geometry(coordinates, repairs, "MultiLineString")


def _lines_geometry(coordinates: object, repairs: _Repairs, single: str) -> JSON | None:
    if not isinstance(coordinates, (list, tuple)):
        return None
    pieces = [piece for line in coordinates for piece in rings.cut_line(_positions(line, repairs))]
    if not pieces:
        return None
    if len(pieces) == 1 and single == "LineString":
        return {"type": "LineString", "coordinates": pieces[0]}
    return {"type": "MultiLineString", "coordinates": pieces}


def _polygon(coordinates: object, repairs: _Repairs) -> JSON | None:
    return _polygons_geometry([coordinates], repairs, "Polygon")


def _multi_polygon(coordinates: object, repairs: _Repairs) -> JSON | None:
    return _polygons_geometry(coordinates, repairs, "MultiPolygon")


def _polygons_geometry(coordinates: object, repairs: _Repairs, single: str) -> JSON | None:
    if not isinstance(coordinates, (list, tuple)):
        return None
    parts = [part for polygon in coordinates for part in _cut_polygon(polygon, repairs)]
    if not parts:
        return None
    if len(parts) == 1 and single == "Polygon":
        return {"type": "Polygon", "coordinates": parts[0]}
    return {"type": "MultiPolygon", "coordinates": parts}


def _cut_polygon(polygon: object, repairs: _Repairs) -> list[list[Ring]]:
    """Return a polygon's parts between antimeridians, each an outer ring and its holes."""
    if not isinstance(polygon, (list, tuple)) or not polygon:
        repairs.lost = True
        return []
    whole = [rings.whole(_positions(ring, repairs)) for ring in polygon]
    outer = whole[0]
    repairs.lost |= None in whole
    if outer is None:
        return []
    holes = [hole for hole in whole[1:] if hole is not None]
    parts = []
    for west in (-540.0, -180.0, 180.0):
        cut = rings.within(outer, west, outer=True)
        if cut is not None:
            inner = (rings.within(rings.beside(hole, outer), west, outer=False) for hole in holes)
            parts.append([cut, *(hole for hole in inner if hole is not None)])
    return parts


_BUILDERS = {
    "Point": _point,
    "MultiPoint": _multi_point,
    "LineString": _line_string,
    "MultiLineString": _multi_line_string,
    "Polygon": _polygon,
    "MultiPolygon": _multi_polygon,
}


def _lines(geometry: Mapping[str, Any]) -> Iterator[Ring]:
    """Yield every outline of a normalised geometry that is one stretch of longitudes."""
    kind = geometry["type"]
    if kind == "GeometryCollection":
        for part in geometry["geometries"]:
            yield from _lines(part)
        return
    coordinates = geometry["coordinates"]
    if kind == "Point":
        yield [coordinates]
    elif kind == "MultiPoint":
        yield from ([position] for position in coordinates)
    elif kind == "LineString":
        yield coordinates
    elif kind == "MultiPolygon":
        yield from (polygon[0] for polygon in coordinates)
    else:
        yield from coordinates[:1] if kind == "Polygon" else coordinates


def _span(line: Ring) -> Bounds:
    longitudes = [position[0] for position in line]
    latitudes = [position[1] for position in line]
    return Bounds.of_span(min(longitudes), min(latitudes), max(longitudes), max(latitudes))
