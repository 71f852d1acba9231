"""The newest footprints on a map: plate carrée, x = longitude + 180, y = 90 - latitude; as near as they allow. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from stacsync.ledger.glance import Footprint
from stacsync.server.page.land import OUTLINES

NEAREST = 72.0
"""Degrees of longitude that are shown at least: nearer, the coarse outlines tell nobody where it is."""
MARK = 1 / 150
"""Part of the map's width: a smaller footprint gets a mark of this size around its middle, to be seen at all."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on the map."""

    x: float
    y: float
    width: float
    height: float
    title: str
    small: bool = False

    def marked(self, least: float) -> Box:
        """Return the box, or the mark that stands for it when it is smaller than `least`."""
        if self.width >= least or self.height >= least:
            return self
        x, y = self.x + (self.width - least) / 2, self.y + (self.height - least) / 2
        return Box(round(x, 3), round(y, 3), round(least, 3), round(least, 3), self.title, small=True)


def drawn(footprints: Iterable[Footprint]) -> dict[str, Any] | None:
    """Return `view` (of the SVG), `land` and `grid` (paths) and `boxes`, the newest last; None without footprints."""
    found = list(footprints)
    boxes = [box for footprint in found for box in _boxes(footprint)]
    if not boxes:
        return None
    x, y, width = _view(boxes)
    shown = [box.marked(width * MARK) for box in reversed(boxes)]
    view = f"{x:g} {y:g} {width:g} {width / 2:g}"
    return {"view": view, "land": LAND, "grid": _grid(10 if width < 180 else 30), "boxes": shown, "count": len(found)}


def _boxes(one: Footprint) -> list[Box]:
    spans = [(one.west, one.east)] if one.west <= one.east else [(one.west, 180.0), (-180.0, one.east)]
    return [_box(west, one.south, east, one.north, f"{one.title} · {one.provider}") for west, east in spans]


def _box(west: float, south: float, east: float, north: float, title: str) -> Box:
    left, right = max(-180.0, west) + 180, min(180.0, east) + 180
    top, bottom = 90 - min(90.0, north), 90 - max(-90.0, south)
    return Box(round(left, 5), round(top, 5), round(right - left, 5), round(bottom - top, 5), title)


def _view(boxes: Sequence[Box]) -> tuple[float, float, float]:
    """Return left edge, top edge and width (twice the height) of what is to be seen."""
    left, right = min(box.x for box in boxes), max(box.x + box.width for box in boxes)
    top, bottom = min(box.y for box in boxes), max(box.y + box.height for box in boxes)
    width = max(NEAREST, (right - left) * 1.3, (bottom - top) * 2.6)
    if width > 240:
        return 0, 0, 360
    x, y = (left + right - width) / 2, (top + bottom - width / 2) / 2
    return round(min(max(x, 0), 360 - width), 2), round(min(max(y, 0), 180 - width / 2), 2), round(width, 2)


def _grid(step: int) -> str:
    meridians = "".join(f"M{x} 0V180" for x in range(step, 360, step))
    return meridians + "".join(f"M0 {y}H360" for y in range(step, 180, step))


def _path() -> str:
    rings = (" ".join(f"{lon + 180:g},{90 - lat:g}" for lon, lat in ring) for ring in OUTLINES)
    return " ".join(f"M{ring}Z" for ring in rings)


LAND = _path()
