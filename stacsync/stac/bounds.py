"""Bounding boxes on a globe: a monoid that keeps both readings of longitude and answers with the narrower.

A box may cross the antimeridian; then its west is greater than its east (RFC 7946, section 5.2). Keeping the extremes
once in -180..180 and once in 0..360 makes merging associative and commutative, which picking the smallest gap is not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WORLD = (-180.0, -90.0, 180.0, 90.0)
_ROUNDING = 1e-9
"""Degrees by which a difference of longitudes may be wrong once 360 was added."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The extremes of some boxes, in degrees."""

    west: float
    south: float
    east: float
    north: float
    west360: float
    """West of everything when longitude is counted 0..360."""
    east360: float

    @classmethod
    def of_span(cls, west: float, south: float, east: float, north: float) -> Bounds:
        """Return the bounds of one box; `west > east` means that it crosses the antimeridian."""
        if west > east:
            crosses_zero = west < 0.0 or east > 0.0
            return cls(-180.0, south, 180.0, north, *((0.0, 360.0) if crosses_zero else (west, east + 360.0)))
        if west < 0.0 < east:
            return cls(west, south, east, north, 0.0, 360.0)
        shift = 360.0 if west < 0.0 else 0.0
        return cls(west, south, east, north, west + shift, east + shift)

    @classmethod
    def of_bbox(cls, bbox: Sequence[float]) -> Bounds | None:
        """Return the bounds of a STAC bbox of four or six numbers, or None when it is none."""
        flat = flattened(bbox)
        return None if flat is None else cls.of_span(*flat)

    def merge(self, other: Bounds) -> Bounds:
        """Return the bounds of both."""
        return Bounds(
            min(self.west, other.west),
            min(self.south, other.south),
            max(self.east, other.east),
            max(self.north, other.north),
            min(self.west360, other.west360),
            max(self.east360, other.east360),
        )

    def bbox(self) -> list[float]:
        """Return the narrower bbox: west, south, east, north; west is greater than east across the antimeridian."""
        if self.east360 - self.west360 < self.east - self.west - _ROUNDING:
            east = self.east360 - 360.0 if self.east360 > 180.0 else self.east360
            west = self.west360 - 360.0 if self.west360 > 180.0 else self.west360
            return [_tidy(west), self.south, _tidy(east), self.north]
        return [self.west, self.south, self.east, self.north]


def merged(parts: Iterable[Bounds]) -> Bounds | None:
    """Return the bounds of all parts, or None when there are none."""
    total: Bounds | None = None
    for part in parts:
        total = part if total is None else total.merge(part)
    return total


def flattened(bbox: object) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north of a bbox of four or six numbers (or texts of numbers), or None if it is none."""
    if not isinstance(bbox, (list, tuple)) or len(bbox) not in (4, 6):
        return None
    try:
        numbers = [float(value) for value in bbox]
    except (TypeError, ValueError):
        return None
    west, south, east, north = numbers if len(numbers) == 4 else (*numbers[0:2], *numbers[3:5])
    if not all(math.isfinite(value) for value in (west, south, east, north)):
        return None
    fits = -180.0 <= west <= 180.0 and -180.0 <= east <= 180.0 and -90.0 <= south <= north <= 90.0
    return (west, south, east, north) if fits else None


def is_world(bbox: object) -> bool:
    """Return whether a bbox is the whole world: what a service writes when it does not know."""
    flat = flattened(bbox)
    return flat is not None and flat[2] - flat[0] >= 359.9 and flat[3] - flat[1] >= 179.8


def _tidy(longitude: float) -> float:
    return round(longitude, 9)  # adding and taking 360 costs the last digits
