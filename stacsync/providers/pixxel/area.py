"""Where and when a job looked, as far as its inputs and GeoJSON files say. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stacsync.jobs import JSON
from stacsync.providers.pixxel.words import moment, objects

_GEOMETRIES = {"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """What is known of a job's place and time besides its files."""

    geometry: JSON | None = None
    source: str | None = None
    """Where `geometry` comes from: "input scene" or "aoi"."""
    start: datetime | None = None
    end: datetime | None = None


def _positions(value: object, depth: int = 0) -> Iterator[tuple[float, float]]:
    if not isinstance(value, list) or depth > 8:
        return
    if len(value) >= 2 and all(isinstance(one, int | float) and not isinstance(one, bool) for one in value[:2]):
        x, y = float(value[0]), float(value[1])
        if math.isfinite(x) and math.isfinite(y) and abs(x) <= 180 and abs(y) <= 90:
            yield x, y
        return
    for one in value:
        yield from _positions(one, depth + 1)


def _geometries(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    kind = document.get("type")
    if kind == "FeatureCollection":
        for feature in document.get("features") or ():
            if isinstance(feature, Mapping):
                yield from _geometries(feature)
    elif kind == "Feature":
        if isinstance(document.get("geometry"), Mapping):
            yield from _geometries(document["geometry"])
    elif kind == "GeometryCollection":
        for one in document.get("geometries") or ():
            if isinstance(one, Mapping):
                yield from _geometries(one)
    elif kind in _GEOMETRIES:
        yield document


def bounds(document: Mapping[str, Any]) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north of a GeoJSON document in degrees; None when it has no usable position."""
    points = [point for one in _geometries(document) for point in _positions(one.get("coordinates"))]
    if not points:
        return None
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def outline(document: Mapping[str, Any]) -> JSON | None:
    """Return the polygons of a GeoJSON document as one geometry; None when it has none."""
    polygons: list[Any] = []
    for one in _geometries(document):
        if not any(_positions(one.get("coordinates"))):
            continue
        if one["type"] == "Polygon":
            polygons.append(one["coordinates"])
        elif one["type"] == "MultiPolygon":
            polygons += one["coordinates"]
    if not polygons:
        return None
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the inputs of a job's tasks point to."""

    scenes: tuple[str, ...] = ()
    """Addresses of STAC Items (`stac_url`)."""
    areas: tuple[str, ...] = ()
    """Ids of areas of interest."""
    start: datetime | None = None
    end: datetime | None = None


def inputs(detail: Mapping[str, Any]) -> Inputs:
    """Return what a job's own page says of its inputs, in whichever encoding."""
    listed = [*objects(detail.get("spec")), *(one for task in tasks(detail) for one in objects(task.get("inputs")))]
    found = list(_flat(listed))
    dates = [when for one in found if "date" in _word(one) for when in [moment(one.get("value"))] if when is not None]
    starts = [when for one in found if "start" in _word(one) for when in [moment(one.get("value"))] if when is not None]
    ends = [when for one in found if "end" in _word(one) for when in [moment(one.get("value"))] if when is not None]
    return Inputs(
        scenes=tuple(dict.fromkeys(str(one["stac_url"]) for one in found if isinstance(one.get("stac_url"), str))),
        areas=tuple(dict.fromkeys(str(one["value"]) for one in found if "aoi" in _word(one) and one.get("value"))),
        start=min(starts or dates, default=None),
        end=max(ends or dates, default=None),
    )


def tasks(detail: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the tasks of a job's own page that have an id."""
    listed = detail.get("tasks")
    rows = listed if isinstance(listed, list) else []
    return [row for row in rows if isinstance(row, dict) and row.get("id")]


def _word(one: Mapping[str, Any]) -> str:
    return f"{one.get('name') or ''} {one.get('format') or ''}".lower()


def _flat(listed: Iterable[Mapping[str, Any]], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    for one in listed:
        yield one
        if depth < 4:
            for value in one.values():
                if isinstance(value, list):
                    yield from _flat([inner for inner in value if isinstance(inner, Mapping)], depth + 1)
