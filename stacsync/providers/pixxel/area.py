"""Where and when a job looked, as far as its own page says: input scenes, areas of interest, dates. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from stacsync.jobs import JSON
from stacsync.providers.pixxel.geojson import outline
from stacsync.providers.pixxel.tasks import tasks
from stacsync.providers.pixxel.words import key_of, moment, objects, raw_json

INPUT_SCENE = "input scene"
AOI = "aoi"
INPUTS = "inputs"
_DATE = re.compile(r"(?:^|[^a-z])(?:date|time|datetime|period)(?:$|[^a-z])|(?:start|end|from|to|acquisition)_?date")
_START = re.compile(r"(?:^|[^a-z])(?:start|from|begin)")
_END = re.compile(r"(?:^|[^a-z])(?:end|to|until)(?:$|[^a-z]|date)")
_AOI = re.compile(r"(?:^|[^a-z])aois?(?:$|[^a-z])")
_DAY = re.compile(r"\d{4}-?\d{2}-?\d{2}")
_DAY_LEFT = timedelta(days=1) - timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """What is known of a job's place and time besides its files."""

    geometry: JSON | None = None
    geometry_source: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    datetime_source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the inputs of a job's tasks point to."""

    scenes: tuple[str, ...] = ()
    """Addresses of STAC Items, as the tasks name them."""
    areas: tuple[str, ...] = ()
    """Ids of areas of interest."""
    drawn: JSON | None = None
    """An area of interest that is given as GeoJSON."""
    start: datetime | None = None
    end: datetime | None = None


def inputs(detail: Mapping[str, Any]) -> Inputs:
    """Return what a job's own page says of its inputs, in whichever encoding."""
    listed = [*objects(detail.get("spec")), *(one for task in tasks(detail) for one in objects(task.get("inputs")))]
    found = list(_flat(listed))
    scenes = [url for one in found if isinstance(url := one.get("stac_url"), str) and url]
    told = [one.get("value") for one in found if _AOI.search(_word(one))]
    drawn = [shape for value in told if isinstance(held := raw_json(value), dict) and (shape := outline(held))]
    sources = [one["asset_source"] for one in found if isinstance(one.get("asset_source"), Mapping)]
    told += [one.get("id") for one in sources if str(one.get("type")).lower() == AOI]
    start, end = _period(found)
    return Inputs(
        scenes=tuple(dict.fromkeys(scenes)),
        areas=tuple(dict.fromkeys(key for value in told if raw_json(value) is None and (key := key_of(value)))),
        drawn=drawn[0] if drawn else None,
        start=start,
        end=end,
    )


def archive_path(url: str) -> str | None:
    """Return the archive's own path of a scene; the host that a `stac_url` names needs no key and gets none."""
    try:
        parts = [part for part in urlsplit(url).path.split("/") if part]
    except ValueError:
        return None
    if len(parts) < 4 or parts[-4] != "collections" or parts[-2] != "items":
        return None
    return f"/v0/archives/collections/{quote(parts[-3], safe='')}/items/{quote(parts[-1], safe='')}"


def of_scenes(scenes: Iterable[Mapping[str, Any]]) -> Area:
    """Return the place and time of the Items that a job read."""
    listed = list(scenes)
    times = [when for scene in listed for when in _times(scene)]
    geometry = outline({"type": "FeatureCollection", "features": listed})
    return Area(
        geometry=geometry,
        geometry_source=None if geometry is None else INPUT_SCENE,
        start=min(times, default=None),
        end=max(times, default=None),
        datetime_source=INPUT_SCENE if times else None,
    )


def of_aoi(answer: Mapping[str, Any]) -> JSON | None:
    """Return the geometry of an area of interest, wherever its page holds it."""
    for held in (answer, answer.get("aoi"), answer.get("data")):
        if isinstance(held, Mapping):
            inner = raw_json(held.get("geometry"))
            shape = outline(inner) if isinstance(inner, dict) else outline(held)
            if shape is not None:
                return shape
    return None


def _times(scene: Mapping[str, Any]) -> list[datetime]:
    stated = scene.get("properties")
    fields = stated if isinstance(stated, Mapping) else {}
    period = ("start_datetime", "startdatetime", "end_datetime", "enddatetime")
    return [when for name in ("datetime", *period) if (when := moment(fields.get(name))) is not None]


def _period(found: list[Mapping[str, Any]]) -> tuple[datetime | None, datetime | None]:
    dated = [(_word(one), one.get("value")) for one in found if one.get("format") == "date" or _DATE.search(_word(one))]
    starts = [when for word, value in dated if not _END.search(word) and (when := moment(value))]
    ends = [when for word, value in dated if not _START.search(word) and (when := _last(value))]
    return min(starts, default=None), max(ends, default=None)


def _last(value: object) -> datetime | None:
    """Return a time; a plain date means that whole day."""
    when = moment(value)
    whole_day = when is not None and isinstance(value, str) and _DAY.fullmatch(value.strip())
    return when + _DAY_LEFT if when is not None and whole_day else when


def _word(one: Mapping[str, Any]) -> str:
    return f"{one.get('name') or ''} {one.get('format') or ''}".lower()


def _flat(listed: Iterable[Mapping[str, Any]], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    for one in listed:
        yield one
        if depth < 4:
            for value in one.values():
                held = value if isinstance(value, list) else [value]
                yield from _flat([inner for inner in held if isinstance(inner, Mapping)], depth + 1)
