"""What a process request says about the results that it makes, in both versions of the service. Pure.

Everything is read with tolerance: a field of an unexpected type counts as missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stacsync.jobs import JSON
from stacsync.providers.sentinelhub import times
from stacsync.providers.sentinelhub.footprint import WGS84, Footprint, authority_code, box, footprint, projection
from stacsync.providers.sentinelhub.footprint import from_geojson as footprint_of
from stacsync.providers.sentinelhub.tiling import Grid
from stacsync.providers.sentinelhub.wkb import GeometryError

GEOTIFF = "image/tiff; application=geotiff"
COG = "image/tiff; application=geotiff; profile=cloud-optimized"


@dataclass(frozen=True, slots=True)
class Output:
    """One kind of file that the request makes for every tile."""

    id: str
    media_type: str | None
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFacts:
    """All that a request tells about its results."""

    outputs: tuple[Output, ...]
    interval: times.Interval | None
    """The span over all data sources; None when the request names no time."""
    area: Footprint | None
    """What was asked for; never the footprint of one tile."""
    sources: tuple[str, ...]
    """The data that went in, as "sentinel-2-l2a"."""
    evalscript: str | None
    grid: Grid | None
    cog: bool
    collection_id: str | None
    """The batch collection that the results feed."""


def read(process: Any, output: Any, grid: Grid | None = None) -> RequestFacts:
    """Return the facts of a process request and of where its output goes."""
    target = mapping(output)
    cog = target.get("cogOutput") is True
    return RequestFacts(
        outputs=tuple(_outputs(mapping(process), cog)),
        interval=times.union(_intervals(mapping(process))),
        area=_area(mapping(mapping(process).get("input")).get("bounds")),
        sources=tuple(dict.fromkeys(_sources(mapping(process)))),
        evalscript=text(mapping(process).get("evalscript")),
        grid=grid,
        cog=cog,
        collection_id=text(target.get("collectionId")),
    )


def media_type(kind: str | None, path: str, *, cog: bool) -> str | None:
    """Return the media type of a delivered file from its stated format, else from the end of its path."""
    plain = (kind or "").partition(";")[0].strip().lower()
    end = path.rpartition(".")[2].lower()
    if plain in {"image/tiff", "image/geotiff"} or (not plain and end in {"tif", "tiff"}):
        return COG if cog else GEOTIFF
    ends = {"json": "application/json", "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg"}
    return plain or ends.get(end)


def roles(media: str | None) -> tuple[str, ...]:
    """Return the roles of a file: JSON beside rasters is metadata, everything else data."""
    return ("metadata",) if media == "application/json" else ("data",)


def mapping(value: Any) -> Mapping[str, Any]:
    """Return `value` if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str | None:
    """Return `value` if it is text that says something, else None; numbers become text."""
    if isinstance(value, str):
        return value if value.strip() else None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def number(value: Any) -> float | None:
    """Return `value` if it is a finite number, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e15 else None


def _outputs(process: Mapping[str, Any], cog: bool) -> Iterator[Output]:
    responses = mapping(process.get("output")).get("responses")
    for entry in responses if isinstance(responses, list) else []:
        name = text(mapping(entry).get("identifier")) or "default"
        media = media_type(text(mapping(mapping(entry).get("format")).get("type")), "", cog=cog)
        yield Output(name, media, roles(media))


def _data(process: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    data = mapping(process.get("input")).get("data")
    for entry in data if isinstance(data, list) else []:
        yield mapping(entry)


def _intervals(process: Mapping[str, Any]) -> Iterator[times.Interval]:
    for entry in _data(process):
        span = mapping(mapping(entry.get("dataFilter")).get("timeRange"))
        yield times.instant(span.get("from")), times.instant(span.get("to"))


def _sources(process: Mapping[str, Any]) -> Iterator[str]:
    for entry in _data(process):
        name = text(entry.get("type"))
        if name:
            yield name


def _area(bounds: Any) -> Footprint | None:
    """Return the area of interest; what makes no sense counts as missing, because it is a fallback only."""
    stated = mapping(bounds)
    named = text(mapping(stated.get("properties")).get("crs"))
    crs = authority_code(named) if named else WGS84
    try:
        found = footprint_of(_plain(stated.get("geometry")), crs)
        corners = stated.get("bbox")
        if found is None and isinstance(corners, list) and len(corners) == 4:
            west, south, east, north = (float(corner) for corner in corners)
            found = footprint((box(west, south, east, north),), projection(crs))
    except (GeometryError, TypeError, ValueError):
        return None
    return found


def _plain(geometry: Any) -> JSON | None:
    return dict(geometry) if isinstance(geometry, dict) else None
