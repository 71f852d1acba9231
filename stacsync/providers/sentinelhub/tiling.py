"""Tiling grids, and how a tile's pixels lie on the ground. Pure.

The service does not say which corner of a tile its `origin` is (its OpenAPI says lower left, its own library reads upper
left), nor whether a manifest's geometry includes the buffer. So pixels are placed only where the numbers agree.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stacsync.providers.sentinelhub.wkb import Polygon

DEGREE_GRIDS = frozenset({3, 4})
"""Predefined grids in degrees; the resolution of every other one is in metres."""
_TOLERANCE = 0.01
Extent = tuple[float, float, float, float]
"""West, south, east, north in the units of some reference system."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A tiling grid as one request uses it."""

    id: int | None
    resolution: float | None
    """In units of the grid: metres, or degrees for grids in WGS84."""
    buffer_x: int = 0
    """Pixels added left and right of a tile."""
    buffer_y: int = 0

    @property
    def gsd(self) -> float | None:
        """Metres of a pixel; None when the grid is in degrees or the resolution unknown."""
        return None if self.id in DEGREE_GRIDS else self.resolution

    def properties(self) -> dict[str, Any]:
        """Return the grid as it is published, without what is unknown."""
        stated = {"id": self.id, "resolution": self.resolution, "bufferX": self.buffer_x, "bufferY": self.buffer_y}
        return {
            name: value for name, value in stated.items() if value not in (None, 0) or (name == "id" and value == 0)
        }


def grid(stated: Mapping[str, Any]) -> Grid | None:
    """Return the grid of an `input` of type "tiling-grid" (version 2) or of `tilingGrid` (version 1)."""
    number, resolution = stated.get("id"), stated.get("resolution")
    if not _whole(number) and not _positive(resolution):
        return None
    return Grid(
        int(number) if _whole(number) and number is not None else None,
        float(resolution) if _positive(resolution) and resolution is not None else None,
        _pixels(stated.get("bufferX")),
        _pixels(stated.get("bufferY")),
    )


def extent(polygons: tuple[Polygon, ...]) -> Extent:
    """Return the box around polygons, in their own units."""
    xs = [x for polygon in polygons for x, _ in polygon[0]]
    ys = [y for polygon in polygons for _, y in polygon[0]]
    return min(xs), min(ys), max(xs), max(ys)


def transform(area: Extent, width: int, height: int, grid: Grid | None) -> list[float] | None:
    """Return the affine transform (six numbers, row by row) of a raster that covers `area`, or None when in doubt.

    With a known resolution the pixels have to come out at it, either over the area as it is or over the area and the
    buffer around it.
    """
    west, south, east, north = area
    if width <= 0 or height <= 0 or east <= west or north <= south:
        return None
    resolution = grid.resolution if grid else None
    if resolution is None or grid is None:
        return _affine(west, north, (east - west) / width, (north - south) / height)
    for pad_x, pad_y in dict.fromkeys([(0, 0), (grid.buffer_x, grid.buffer_y)]):
        dx, dy = resolution * pad_x, resolution * pad_y
        size_x, size_y = (east - west + 2 * dx) / width, (north - south + 2 * dy) / height
        if math.isclose(size_x, resolution, rel_tol=_TOLERANCE) and math.isclose(
            size_y, resolution, rel_tol=_TOLERANCE
        ):
            return _affine(west - dx, north + dy, size_x, size_y)
    return None


def tile_area(origin: tuple[float, float], size: tuple[float, float], around: Extent) -> Extent | None:
    """Return the area of a tile whose origin is either its upper or its lower left corner: the one that fits `around`.

    `around` is the tile's stated geometry in the same reference system. None when neither corner fits within half a
    percent of the tile's size.
    """
    x, y = origin
    width, height = size
    for candidate in ((x, y - height, x + width, y), (x, y, x + width, y + height)):
        slack = 0.005 * max(width, height)
        if all(abs(ours - theirs) <= slack for ours, theirs in zip(candidate, around, strict=True)):
            return candidate
    return None


def _affine(west: float, north: float, size_x: float, size_y: float) -> list[float]:
    return [size_x, 0.0, west, 0.0, -size_y, north]


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e9


def _pixels(value: Any) -> int:
    return int(value) if _whole(value) else 0
