"""How a raster is best shown: as a photograph of three bands, as one band in colours, or in grey. Pure but for numpy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stacsync.raster import colour
from stacsync.raster.colour import Interval
from stacsync.raster.pixels import Sample
from stacsync.raster.statistics import statistics, stretch

_RGB = ("red", "green", "blue")
_SENTINEL = ({"b04", "b4"}, {"b03", "b3"}, {"b02", "b2"})
_DIGITS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Hint:
    """What is known of a raster from outside: names decide how it is shown."""

    words: tuple[str, ...]
    """What the file and its asset are called."""
    bands: tuple[str, ...] = ()
    """Names of its bands."""
    common: tuple[str, ...] = ()
    """Their common names ("red"), empty where there is none."""
    classes: bool = False
    """Its values are classes, whose colours the provider states."""


@dataclass(frozen=True, slots=True)
class Looks:
    """How to show a raster."""

    bands: tuple[int, ...]
    """Three for a photograph, else one; counted from 0."""
    ranges: tuple[tuple[float, float], ...]
    """What is spread from dark to bright, for each of them."""
    intervals: tuple[Interval, ...] = ()
    index: str | None = None
    plain: bool = False
    """It is a picture already, or has its own palette: browsers show it as it is."""


def looks_of(sample: Sample, hint: Hint) -> Looks | None:
    """Return how to show a raster; None when it holds no valid value."""
    bands = _photograph(sample, hint) or (0,)
    plain = sample.palette is not None or (len(bands) == 3 and str(sample.values.dtype) == "uint8")
    found = [stretch(sample, band) for band in bands]
    ranges = tuple(edge for edge in found if edge is not None)
    if len(ranges) < len(bands):
        return None
    if len(bands) == 3 or plain or hint.classes or not _coloured(sample, hint):
        return Looks(bands, ranges, plain=plain)
    index = colour.named([*hint.bands[:1], *sample.names[:1], *hint.words])
    told = statistics(sample)[0]
    steps = colour.intervals(index, *ranges[0], minimum=told["minimum"], maximum=told["maximum"])
    return Looks(bands, ranges, tuple(steps), index)


def _coloured(sample: Sample, hint: Hint) -> bool:
    """Whether a single band is a measure rather than a grey picture or classes."""
    if sum(name != "alpha" for name in sample.colours) != 1:
        return False
    floating = sample.values.dtype.kind == "f"
    return floating or colour.named([*hint.bands[:1], *sample.names[:1], *hint.words]) is not None


def _photograph(sample: Sample, hint: Hint) -> tuple[int, int, int] | None:
    names = [*_padded(hint.bands, sample.names)]
    for words in (hint.common, names, sample.colours):
        spelled = [_DIGITS.sub("", word.lower()) for word in words][: len(sample.values)]
        for wanted in (tuple({name} for name in _RGB), _SENTINEL):
            places = [next((n for n, word in enumerate(spelled) if word in one), None) for one in wanted]
            if None not in places:
                red, green, blue = (place for place in places if place is not None)
                return red, green, blue
    return (0, 1, 2) if sum(name != "alpha" for name in sample.colours) >= 3 else None


def _padded(stated: Sequence[str], own: Sequence[str]) -> list[str]:
    return [stated[n] if n < len(stated) and stated[n] else own[n] for n in range(len(own))]


def render_of(looks: Looks, sample: Sample) -> dict[str, Any] | None:
    """Return the render object (but its `assets`) that makes a browser show the raster so; None when it needs none."""
    if looks.plain:
        return _framed(looks, sample)
    found: dict[str, Any] = {"rescale": [list(edge) for edge in looks.ranges]}
    if looks.intervals:
        first, last = looks.intervals[0], looks.intervals[-1]
        inner = looks.ranges[0] if looks.index is None else (first[1], last[0])
        found["rescale"] = [list(inner)]
        found["colormap"] = [[[start, end], [*tint, 255]] for start, end, tint in looks.intervals]
    if looks.index:
        found["title"] = looks.index
    nodata = _nodata(sample.nodata)
    return found if nodata is None else {**found, "nodata": nodata}


def _framed(looks: Looks, sample: Sample) -> dict[str, Any] | None:
    """Return a render that keeps browsers from drawing black around a picture that has no word for "nothing here"."""
    photograph = len(looks.bands) == 3 and sample.nodata is None and "alpha" not in sample.colours
    if not photograph or not sample.values[list(looks.bands)].any(axis=0).all():
        return None
    return {"rescale": [[0, 255]] * 3, "nodata": 0}


def _nodata(value: float | None) -> float | int | str | None:
    if value is None:
        return None
    if value != value:  # noqa: PLR0124 - what is not equal to itself is not a number
        return "nan"
    if value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "-inf"
    return int(value) if float(value).is_integer() and abs(value) < 2**53 else value


def merged(facts: Mapping[str, Any], sample: Sample, looks: Looks | None) -> dict[str, Any]:
    """Return the header's facts with statistics of those bands that state none, and with how to show them."""
    stated = list(facts.get("bands") or [{} for _ in range(len(sample.values))])
    if not (looks is not None and looks.plain and len(looks.bands) == 3):  # a picture is shown as it is, not stretched
        for band, told in zip(stated, statistics(sample), strict=False):
            if told and "statistics" not in band:
                band["statistics"] = told
    found = dict(facts)
    if any(stated):
        found["bands"] = stated
    render = None if looks is None else render_of(looks, sample)
    return found if render is None else {**found, "render": render}
