"""When and how a scene was taken, out of the many spellings of data sources -> STAC fields. Pure.

Dates of processing, publication, insertion and the like are no acquisition times and are never read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from stacsync.jobs import JSON
from stacsync.providers.up42.names import text
from stacsync.providers.up42.times import instant, is_date_only
from stacsync.providers.up42.v1.jobs import Interval

_INSTANTS = (
    "datetime",
    "acquisitionDate",
    "acquisition_date",
    "acquisition_time",
    "timestamp",
    "timeStamp",
    "osm_timestamp",
)
_PERIODS = (
    ("start_datetime", "end_datetime"),
    ("acquisition.beginViewingDate", "acquisition.endViewingDate"),
)
_NUMBERS: Mapping[str, tuple[str, ...]] = {
    "eo:cloud_cover": (
        "eo:cloud_cover",
        "cloudCover",
        "cloud_cover",
        "cloudCoverPercentage",
        "contentDescription.cloudCoverPercentage",
    ),
    "gsd": ("gsd", "resolution"),
    "view:incidence_angle": ("view:incidence_angle", "incidenceAngle"),
    "view:azimuth": ("view:azimuth", "azimuthAngle"),
    "view:off_nadir": ("view:off_nadir", "offNadirAngle"),
    "view:sun_azimuth": (
        "view:sun_azimuth",
        "illuminationAzimuthAngle",
        "sunAzimuth",
        "illumination.azimuthAngle",
        "illumination.sunAzimuth",
    ),
    "view:sun_elevation": (
        "view:sun_elevation",
        "illuminationElevationAngle",
        "sunElevation",
        "illumination.elevationAngle",
        "illumination.sunElevation",
    ),
    "sat:relative_orbit": ("sat:relative_orbit", "orbit.relativeNumber"),
    "sat:absolute_orbit": ("sat:absolute_orbit", "orbit.number"),
}
_WITHIN: Mapping[str, tuple[float, float]] = {
    "eo:cloud_cover": (0, 100),
    "gsd": (1e-6, 1e6),
    "view:incidence_angle": (0, 90),
    "view:azimuth": (0, 360),
    "view:off_nadir": (0, 90),
    "view:sun_azimuth": (0, 360),
    "view:sun_elevation": (-90, 90),
}
_WORDS: Mapping[str, tuple[str, ...]] = {
    "platform": ("platform", "acquisition.missionName", "satellite"),
    "constellation": ("constellation", "acquisition.mission"),
}
_EPSG = re.compile(r"(?i)^(?:epsg:|urn:ogc:def:crs:epsg::)?(\d{4,6})$")


@dataclass(frozen=True, slots=True)
class Taken:
    """When a scene was taken; `source` is None when the scene itself says so to the second."""

    moment: datetime | None = None
    start: datetime | None = None
    end: datetime | None = None
    source: str | None = None


def taken(properties: JSON, asked_for: Interval | None, ran: Interval) -> Taken:
    """Return when a scene was taken: what it states, else the period the job asked for, else when the job ran."""
    period = _period(properties)
    for key in _INSTANTS:
        moment = instant(properties.get(key))
        if moment is not None:
            return _at(moment, key, properties, period)
    if period and period[0] == period[1]:
        return Taken(moment=period[0])
    if period:
        return Taken(start=period[0], end=period[1])
    if asked_for and all(asked_for):
        return Taken(start=asked_for[0], end=asked_for[1], source="inputs")
    start, end = (ran[0] or ran[1], ran[1] or ran[0])
    return Taken(start=start, end=end, source="job")


def stated(properties: JSON) -> JSON:
    """Return the STAC fields that a scene's properties state, under their STAC names."""
    fields: JSON = {}
    for name, keys in _NUMBERS.items():
        numbers = (_number(at_path(properties, key), name) for key in keys)
        number = next((found for found in numbers if found is not None), None)
        if number is not None:
            fields[name] = number
    for name, keys in _WORDS.items():
        word = next(filter(None, (text(at_path(properties, key)) for key in keys)), None)
        if word:
            fields[name] = word
    direction = text(at_path(properties, "orbit.direction"))
    if direction and direction.lower() in {"ascending", "descending"}:
        fields["sat:orbit_state"] = direction.lower()
    return {**fields, **projection(properties)}


def projection(properties: JSON) -> JSON:
    """Return `proj:*` as `crs`, `transform`, `height` and `width` state them; a transform of nine numbers gives its first six."""
    fields: JSON = {}
    code = _EPSG.match(text(properties.get("crs")) or "")
    if code:
        fields["proj:code"] = f"EPSG:{code[1]}"
    transform = properties.get("transform")
    if isinstance(transform, list) and len(transform) in {6, 9} and all(_is_number(value) for value in transform):
        fields["proj:transform"] = transform[:6]
    shape = [properties.get("height"), properties.get("width")]
    if all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in shape):
        fields["proj:shape"] = shape
    return fields


def at_path(properties: JSON, path: str) -> Any:
    """Return the value at a dotted path, None when a step is missing."""
    found: Any = properties
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _at(moment: datetime, key: str, properties: JSON, period: tuple[datetime, datetime] | None) -> Taken:
    start, end = period if period and period[0] != period[1] else (None, None)
    if not is_date_only(properties.get(key)):
        return Taken(moment=moment, start=start, end=end)
    clock = _time_of_day(properties.get("acquisition_time"))
    if clock is not None:
        return Taken(moment=datetime.combine(moment.date(), clock, moment.tzinfo))
    return Taken(moment=moment, start=start, end=end, source="date")


def _time_of_day(value: Any) -> time | None:
    try:
        parsed = time.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return parsed.replace(tzinfo=None) if parsed else None


def _period(properties: JSON) -> tuple[datetime, datetime] | None:
    for begin, finish in _PERIODS:
        start, end = instant(at_path(properties, begin)), instant(at_path(properties, finish))
        if start and end and start <= end:
            return (start, end)
    return None


def _number(value: Any, name: str) -> float | int | None:
    lowest, highest = _WITHIN.get(name, (0, 10**6))
    return value if _is_number(value) and lowest <= value <= highest else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
