"""Colours for single bands: which ramp suits what a band is called, and where its steps lie. Pure.

Ramps are lists of intervals, which is what browsers can draw without asking a server for a ramp by its name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

Colour = tuple[int, int, int]
Interval = tuple[float, float, Colour]
_STEPS = 12
_WORD = re.compile(r"[a-z]+[0-9]*")


@dataclass(frozen=True, slots=True)
class Ramp:
    """Colours for values of one kind."""

    colours: tuple[Colour, ...]
    edges: tuple[float, ...] = ()
    """Where the steps lie for values in -1..1: one more than there are colours. Empty: no scale of its own."""


_VEGETATION = Ramp(
    (
        (52, 74, 112),
        (168, 168, 166),
        (226, 208, 172),
        (221, 198, 128),
        (199, 194, 94),
        (163, 182, 74),
        (122, 166, 62),
        (86, 149, 53),
        (55, 129, 45),
        (31, 105, 37),
        (10, 74, 25),
    ),
    (-1.0, -0.2, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0),
)
_WATER = Ramp(
    (
        (122, 84, 46),
        (156, 118, 72),
        (190, 158, 110),
        (223, 206, 168),
        (202, 223, 235),
        (150, 196, 228),
        (92, 160, 214),
        (44, 118, 190),
        (14, 74, 148),
    ),
    (-1.0, -0.6, -0.4, -0.2, 0.0, 0.1, 0.2, 0.4, 0.6, 1.0),
)
_PLAIN = Ramp(((60, 20, 90), (62, 78, 140), (38, 130, 142), (62, 174, 118), (158, 208, 62), (250, 228, 66)))
_WORDS = {
    **dict.fromkeys(
        ("ndvi", "evi", "evi2", "savi", "msavi", "osavi", "gndvi", "ndre", "lai", "fapar", "fcover"), _VEGETATION
    ),
    **dict.fromkeys(("ndwi", "mndwi", "ndmi", "ndsi", "ndii", "awei"), _WATER),
}


def named(words: Sequence[str]) -> str | None:
    """Return the index ("NDVI") that one of these names (of a band, an asset, a file) speaks of, if any."""
    for text in words:
        for match in _WORD.finditer(text.lower()):
            if match[0] in _WORDS:
                return str(match[0]).upper()
    return None


def intervals(index: str | None, low: float, high: float, *, minimum: float, maximum: float) -> list[Interval]:
    """Return (from, up to, colour) for the values of a band, without gaps; `low` and `high` bound what is spread out.

    An index keeps its own scale as long as its values lie in -1..1, so that pictures of different days compare.
    """
    ramp = _WORDS.get((index or "").lower(), _PLAIN)
    if ramp.edges and minimum >= -1.01 and maximum <= 1.01:
        edges = list(ramp.edges)
        margin = 0.5
        colours = list(ramp.colours)
    else:
        colours = _spread(ramp.colours, _STEPS)
        edges = [_rounded(low + (high - low) * step / _STEPS) for step in range(_STEPS + 1)]
        margin = max(high - low, maximum - high, low - minimum, 0.0)
    edges[0], edges[-1] = _rounded(edges[0] - margin), _rounded(edges[-1] + margin)
    return [(start, end, colour) for (start, end), colour in zip(pairwise(edges), colours, strict=True)]


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")


def _spread(colours: Sequence[Colour], count: int) -> list[Colour]:
    """Return so many colours, evenly along those given."""
    found = []
    for step in range(count):
        place = step * (len(colours) - 1) / (count - 1)
        below = min(int(place), len(colours) - 2)
        share = place - below
        pairs = zip(colours[below], colours[below + 1], strict=True)
        red, green, blue = (round(one + (other - one) * share) for one, other in pairs)
        found.append((red, green, blue))
    return found
