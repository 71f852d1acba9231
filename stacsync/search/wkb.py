"""GeoJSON geometries as Well-Known Binary (OGC 06-103r4, section 8), little-endian, two dimensions. Pure."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

_KINDS = {
    "Point": 1,
    "LineString": 2,
    "Polygon": 3,
    "MultiPoint": 4,
    "MultiLineString": 5,
    "MultiPolygon": 6,
    "GeometryCollection": 7,
}
_MEMBERS = {"MultiPoint": "Point", "MultiLineString": "LineString", "MultiPolygon": "Polygon"}
_HEAD = struct.Struct("<BI")
_COUNT = struct.Struct("<I")
_PAIR = struct.Struct("<dd")
_NOWHERE = _PAIR.pack(float("nan"), float("nan"))


def encode(geometry: Any) -> bytes | None:
    """Return a GeoJSON geometry as WKB; None for None and for what is no geometry. Heights are left out."""
    try:
        return _encode(geometry["type"], geometry) if isinstance(geometry, Mapping) else None
    except (KeyError, TypeError, ValueError, IndexError, struct.error):
        return None


def _encode(kind: str, geometry: Mapping[str, Any]) -> bytes:
    head = _HEAD.pack(1, _KINDS[kind])
    if kind == "GeometryCollection":
        parts = [_encode(part["type"], part) for part in geometry["geometries"]]
        return b"".join([head, _COUNT.pack(len(parts)), *parts])
    inner = geometry["coordinates"]
    if kind in _MEMBERS:
        parts = [_encode(_MEMBERS[kind], {"coordinates": part}) for part in inner]
        return b"".join([head, _COUNT.pack(len(parts)), *parts])
    if kind == "Point":
        return head + (_PAIR.pack(inner[0], inner[1]) if inner else _NOWHERE)
    if kind == "LineString":
        return head + _points(inner)
    return b"".join([head, _COUNT.pack(len(inner)), *(_points(ring) for ring in inner)])


def _points(points: Sequence[Sequence[float]]) -> bytes:
    return b"".join([_COUNT.pack(len(points)), *(_PAIR.pack(point[0], point[1]) for point in points)])
