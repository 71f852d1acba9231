"""Polygons out of Well-Known Binary: OGC, ISO (Z, M, ZM) and the extended form with flags and an SRID. Pure.

Only what a footprint can be is read: POLYGON, MULTIPOLYGON and a GEOMETRYCOLLECTION of these. Heights and measures are
dropped. Sources: OGC 06-103r4 (Simple Features, part 1), section 8; ISO 13249-3.
"""

from __future__ import annotations

import math
import struct

Point = tuple[float, float]
Ring = tuple[Point, ...]
Polygon = tuple[Ring, ...]
"""The outer ring first, holes after it; every ring closed as its source closed it."""

_POLYGON, _MULTIPOLYGON, _COLLECTION = 3, 6, 7
_HAS_Z, _HAS_M, _HAS_SRID = 0x80000000, 0x40000000, 0x20000000
_DEPTH = 4


class GeometryError(ValueError):
    """A geometry that is cut short, of a type that is no footprint, or not made of numbers."""


def polygons(data: bytes | memoryview) -> tuple[Polygon, ...]:
    """Return the polygons that `data` holds; empty ones are left out. Raises `GeometryError`."""
    reader = _Reader(memoryview(data))
    found = reader.geometry(0)
    return tuple(polygon for polygon in found if polygon and len(polygon[0]) >= 4)


class _Reader:
    """A place in the bytes; every count is checked against what is left before anything is allocated."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def geometry(self, depth: int) -> list[Polygon]:
        if depth > _DEPTH:
            raise GeometryError("geometry collections nested too deeply")
        order = self._byte_order()
        kind, width = self._kind(order)
        if kind == _POLYGON:
            return [self._polygon(order, width)]
        if kind not in (_MULTIPOLYGON, _COLLECTION):
            raise GeometryError(f"geometry type {kind} is no polygon")
        members = self._count(order, smallest=9)
        return [polygon for _ in range(members) for polygon in self.geometry(depth + 1)]

    def _polygon(self, order: str, width: int) -> Polygon:
        rings = self._count(order, smallest=4)
        return tuple(self._ring(order, width) for _ in range(rings))

    def _ring(self, order: str, width: int) -> Ring:
        points = self._count(order, smallest=8 * width)
        values = struct.unpack(f"{order}{points * width}d", self._take(points * width * 8))
        xs, ys = values[0::width], values[1::width]
        if not math.isfinite(sum(xs) + sum(ys)):
            raise GeometryError("a coordinate is not a finite number")
        return tuple(zip(xs, ys, strict=True))

    def _byte_order(self) -> str:
        mark = self._take(1)[0]
        if mark not in (0, 1):
            raise GeometryError(f"byte order mark {mark} is neither 0 nor 1")
        return "<" if mark else ">"

    def _kind(self, order: str) -> tuple[int, int]:
        """Return the plain geometry type and the number of ordinates of a point."""
        code = self._number(order)
        if code & _HAS_SRID:
            self._take(4)
        has_z, has_m = bool(code & _HAS_Z), bool(code & _HAS_M)
        dimension, kind = divmod(code & 0x0FFFFFFF, 1000)
        if dimension > 3:
            raise GeometryError(f"geometry type {code} is unknown")
        has_z, has_m = has_z or dimension in (1, 3), has_m or dimension in (2, 3)
        return kind, 2 + has_z + has_m

    def _count(self, order: str, *, smallest: int) -> int:
        count = self._number(order)
        if count * smallest > len(self._data) - self._at:
            raise GeometryError("the geometry is cut short")
        return count

    def _number(self, order: str) -> int:
        value: int = struct.unpack(f"{order}I", self._take(4))[0]
        return value

    def _take(self, length: int) -> memoryview:
        end = self._at + length
        if end > len(self._data):
            raise GeometryError("the geometry is cut short")
        piece = self._data[self._at : end]
        self._at = end
        return piece
