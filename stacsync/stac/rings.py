"""Rings of positions: closing, winding, and cutting them where the map ends. A position is a list of two or three numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

Position = list[float]
Ring = list[Position]
JUMP = 180.0
"""Two neighbours further apart than this in longitude are taken to be joined over the antimeridian."""
FULL_TURN = 359.9
"""Unless they are this far apart: then the edge runs around the globe."""


def closed(ring: Ring) -> Ring | None:
    """Return `ring` closed and without repeated neighbours, or None when it bounds nothing."""
    kept: Ring = []
    for position in ring:
        if not kept or position[:2] != kept[-1][:2]:
            kept.append(position)
    if len(kept) > 1 and kept[0][:2] != kept[-1][:2]:
        kept.append(list(kept[0]))
    return kept if len(kept) >= 4 and abs(area(kept)) > 0.0 else None


def area(ring: Ring) -> float:
    """Return the signed area of a closed ring in square degrees: positive when it runs counter-clockwise."""
    x, y = ring[0][0], ring[0][1]  # relative to a corner: small rings far from the origin keep their digits
    pairs = pairwise(ring)
    return sum((a[0] - x) * (b[1] - y) - (b[0] - x) * (a[1] - y) for a, b in pairs) / 2.0


def wound(ring: Ring, *, outer: bool) -> Ring:
    """Return `ring` wound as GeoJSON wants it: outer rings counter-clockwise, holes clockwise."""
    return ring if (area(ring) > 0.0) is outer else ring[::-1]


def unwrapped(line: Ring) -> Ring:
    """Return the positions with longitudes that run on over the antimeridian instead of jumping."""
    shift = 0.0
    result = [list(line[0])] if line else []
    for before, here in pairwise(line):
        step = here[0] - before[0]
        if JUMP < abs(step) < FULL_TURN:
            shift += -360.0 if step > 0.0 else 360.0
        result.append([here[0] + shift, *here[1:]])
    return result


def around_pole(ring: Ring) -> Ring:
    """Return an unwrapped ring that turned once around the globe as one that takes the pole in; any other unchanged."""
    if abs(abs(ring[-1][0] - ring[0][0]) - 360.0) > 1e-6:
        return ring
    pole = 90.0 if sum(position[1] for position in ring) > 0.0 else -90.0
    height = ring[0][2:]
    return [*ring, [ring[-1][0], pole, *height], [ring[0][0], pole, *height], list(ring[0])]


def strip(ring: Ring, west: float, east: float) -> Ring | None:
    """Return the part of a closed ring between two meridians, or None when there is none."""
    part: Ring = ring[:-1]
    part = _clip(part, west, lambda longitude: longitude >= west)
    part = _clip(part, east, lambda longitude: longitude <= east)
    return closed(part) if part else None


def _clip(ring: Ring, meridian: float, inside: Callable[[float], bool]) -> Ring:
    """One edge of Sutherland and Hodgman's clipping."""
    result: Ring = []
    for index, here in enumerate(ring):
        before = ring[index - 1]
        if inside(here[0]) is not inside(before[0]):
            result.append(crossing(before, here, meridian))
        if inside(here[0]):
            result.append(list(here))
    return result


def crossing(before: Position, here: Position, meridian: float) -> Position:
    """Return where the straight line between two positions meets a meridian."""
    share = (meridian - before[0]) / (here[0] - before[0])
    return [meridian, *(a + share * (b - a) for a, b in zip(before[1:], here[1:], strict=True))]


def cut_line(line: Ring) -> list[Ring]:
    """Return the pieces of a line between antimeridians; a line of fewer than two places is none."""
    pieces: list[Ring] = []
    for before, here in pairwise(unwrapped(line)):
        band = _band(before[0], here[0])
        stops = [before, *(crossing(before, here, meridian) for meridian in band), here]
        for start, end in pairwise(stops):
            shift = -360.0 * math.floor((((start[0] + end[0]) / 2.0) + 180.0) / 360.0)
            first, last = ([position[0] + shift, *position[1:]] for position in (start, end))
            if pieces and pieces[-1][-1] == first:
                pieces[-1].append(last)
            else:
                pieces.append([first, last])
    return pieces


def _band(start: float, end: float) -> list[float]:
    """Return the antimeridians strictly between two longitudes, in the order in which they are met."""
    low, high = min(start, end), max(start, end)
    between = [meridian for meridian in (-540.0, -180.0, 180.0, 540.0) if low < meridian < high]
    return between if start < end else between[::-1]


def whole(positions: Ring) -> Ring | None:
    """Return a ring closed, in longitudes that run on, with the pole that it goes around."""
    if not positions:
        return None
    if positions[0][:2] != positions[-1][:2]:
        positions = [*positions, list(positions[0])]
    ring = closed(around_pole(unwrapped(positions)))
    if ring is None:
        return None
    middle = (min(position[0] for position in ring) + max(position[0] for position in ring)) / 2.0
    shift = -360.0 * math.floor((middle + 180.0) / 360.0)
    return [[position[0] + shift, *position[1:]] for position in ring] if shift else ring


def beside(hole: Ring, outer: Ring) -> Ring:
    """Return a hole in the same turn of longitudes as its outer ring."""
    west = min(position[0] for position in outer)
    low = min(position[0] for position in hole)
    shift = 360.0 * math.ceil((west - low - 1e-9) / 360.0)
    return [[position[0] + shift, *position[1:]] for position in hole]


def within(ring: Ring, west: float, *, outer: bool) -> Ring | None:
    """Return the part of a ring in the turn of longitudes that begins at `west`, wound and moved to -180..180, or None."""
    low, high = min(position[0] for position in ring), max(position[0] for position in ring)
    if high <= west or low >= west + 360.0:
        return None
    part = ring if west <= low and high <= west + 360.0 else strip(ring, west, west + 360.0)
    if part is None:
        return None
    shift = -(west + 180.0)
    return wound([[position[0] + shift, *position[1:]] for position in part], outer=outer)
