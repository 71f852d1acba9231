"""The newest footprints on a map of the world: plate carrée, x = longitude + 180, y = 90 - latitude. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from stacsync.ledger.glance import Footprint
from stacsync.server.page.land import OUTLINES

LEAST = 1.2
"""Degrees: a smaller footprint gets a mark of this size around its middle, to be seen at all."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle to draw."""

    x: float
    y: float
    width: float
    height: float
    title: str
    small: bool


def drawn(footprints: Iterable[Footprint]) -> dict[str, Any] | None:
    """Return `land` (an SVG path) and `boxes`, oldest first so that the newest lie on top; None without footprints."""
    boxes = [box for footprint in footprints for box in _boxes(footprint)]
    if not boxes:
        return None
    return {"land": LAND, "boxes": boxes[::-1], "count": len(boxes)}


def _boxes(one: Footprint) -> list[Box]:
    spans = [(one.west, one.east)] if one.west <= one.east else [(one.west, 180.0), (-180.0, one.east)]
    return [_box(west, one.south, east, one.north, f"{one.title} · {one.provider}") for west, east in spans]


def _box(west: float, south: float, east: float, north: float, title: str) -> Box:
    x, width = _at_least(max(-180.0, west) + 180, min(180.0, east) + 180, 360)
    y, height = _at_least(90 - min(90.0, north), 90 - max(-90.0, south), 180)
    return Box(x, y, width, height, title, small=width <= LEAST and height <= LEAST)


def _at_least(low: float, high: float, limit: float) -> tuple[float, float]:
    """Return where an interval begins and how long it is, after widening a short one around its middle."""
    length = max(high - low, LEAST)
    start = min(max((low + high - length) / 2, 0.0), limit - length)
    return round(start, 3), round(length, 3)


def _path() -> str:
    rings = (" ".join(f"{lon + 180:g},{90 - lat:g}" for lon, lat in ring) for ring in OUTLINES)
    return " ".join(f"M{ring}Z" for ring in rings)


LAND = _path()
