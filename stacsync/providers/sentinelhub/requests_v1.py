"""Requests of version 1 as job records, and their tiles as items. Pure.

PARTIAL ends a request with some tiles failed; a restart may still complete it, and its status is known to lag behind, so
it has to be read twice the same before anything is published (`stable`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from stacsync.errors import JobUnusable
from stacsync.jobs import AssetRecord, ItemRecord, JobRecord, SourceObject, Standing, identity
from stacsync.providers.sentinelhub import facts, records, tiling, times
from stacsync.providers.sentinelhub.deliveries import Delivery
from stacsync.providers.sentinelhub.facts import Output, RequestFacts, mapping, number, text
from stacsync.providers.sentinelhub.footprint import Footprint, crs_code, projection
from stacsync.providers.sentinelhub.footprint import from_geojson as footprint_of
from stacsync.providers.sentinelhub.layout_v1 import Layout
from stacsync.providers.sentinelhub.locations import Template
from stacsync.providers.sentinelhub.redaction import cleaned
from stacsync.providers.sentinelhub.wkb import GeometryError

DONE, PARTIAL = "DONE", "PARTIAL"
PROCESSED = frozenset({"PROCESSED", "DONE"})
FAILED = "FAILED"
_ENDS = {
    "image/tiff": ("tif", "tiff"),
    "application/json": ("json",),
    "image/png": ("png",),
    "image/jpeg": ("jpeg", "jpg"),
}
_DEFAULT_OUTPUT = "default"


def job_record(request: Any, partial: str, stable: Callable[[str, str], bool]) -> JobRecord | None:
    """Return the record of one request of the listing, None when it is not finished as far as can be told.

    `stable(id, fingerprint)` says whether the listing before this one said the same of a PARTIAL request.
    """
    stated = mapping(cleaned(request))
    status = str(stated.get("status") or "").upper()
    if status not in (DONE, PARTIAL):
        return None
    job_id = text(stated.get("id")) or f"unnamed-{identity(repr(sorted(stated.items(), key=lambda kv: kv[0])))}"
    fingerprint = identity("v1", status, stated.get("userActionUpdated"), stated.get("error"), stated.get("tileCount"))
    standing, reason = Standing.READY, ""
    if status == PARTIAL:
        standing, reason = _standing(partial, stable=partial == "skip" or stable(job_id, fingerprint))
    return JobRecord(
        id=job_id,
        fingerprint=fingerprint,
        title=text(stated.get("description")),
        created=times.instant(stated.get("created")),
        updated=times.instant(stated.get("userActionUpdated")),
        standing=standing,
        reason=reason,
        details={"request": stated},
    )


def _standing(partial: str, *, stable: bool) -> tuple[Standing, str]:
    if partial == "skip":
        return Standing.SKIPPED, 'some tiles of the request failed and partial = "skip"'
    if not stable:
        return (
            Standing.WAITING,
            "the request is PARTIAL for the first time; it is taken when the next pass finds it unchanged",
        )
    return Standing.READY, ""


def complete(request: Mapping[str, Any]) -> bool:
    """Say whether the service calls every tile done."""
    return str(request.get("status") or "").upper() == DONE


def request_facts(request: Mapping[str, Any]) -> RequestFacts:
    """Return what a request says of its results."""
    stated = dict(mapping(request.get("tilingGrid")))
    stated.setdefault("id", request.get("tilingGridId"))
    stated.setdefault("resolution", request.get("resolution"))
    return facts.read(request.get("processRequest"), request.get("output"), tiling.grid(stated))


def is_zarr(request: Mapping[str, Any]) -> bool:
    """Say whether the results are one Zarr store instead of files per tile."""
    return bool(mapping(request.get("zarrOutput")))


def zarr_url(request: Mapping[str, Any]) -> str | None:
    """Return the address of the Zarr store."""
    return text(mapping(request.get("zarrOutput")).get("path"))


def outputs(found: RequestFacts) -> tuple[Output, ...]:
    """Return the request's outputs; one called "default" when it names none."""
    kind = facts.media_type("image/tiff", "", cog=found.cog)
    return found.outputs or (Output(_DEFAULT_OUTPUT, kind, ("data",)),)


def keys(place: Template, output: Output, request_id: str, tile: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys that a tile's file may have, the likeliest first: rasters end in `.tif` or `.tiff`.

    Raises `JobUnusable` when the template needs a name that the tile has not.
    """
    name, number = text(tile.get("name")), text(tile.get("id"))
    if name is None and "<tileName>" in place.path:
        raise JobUnusable(
            f"tile {number} has no name, and the results lie in folders named after tiles", "look at the request there"
        )
    kind = (output.media_type or "image/tiff").partition(";")[0]
    for end in _ENDS.get(kind, (kind.rpartition("/")[2],)):
        known = {"requestId": request_id, "tileName": name, "tileId": number, "outputId": output.id, "format": end}
        key = place.fill({field: value for field, value in known.items() if value is not None})
        yield key
        if "<format>" not in place.path:
            return


@dataclass(frozen=True, slots=True)
class Found:
    """The files of one tile."""

    files: Mapping[str, SourceObject]
    """By output."""
    missing: tuple[str, ...]
    """Outputs without a file."""


def find(
    place: Layout,
    outs: tuple[Output, ...],
    request_id: str,
    tile: Mapping[str, Any],
    delivery: Delivery,
    *,
    listed: bool,
) -> Found:
    """Return a tile's files: those that the listing holds, or (without one) those that are due. Raises `JobUnusable`."""
    files: dict[str, SourceObject] = {}
    for output in outs:
        where = place.of(output.id)
        candidates = [SourceObject(where.bucket, key) for key in keys(where, output, request_id, tile)]
        held = [one for one in candidates if delivery.lookup(one.bucket, one.key)] if listed else candidates
        if held:
            files[output.id] = held[0]
    return Found(files, tuple(output.id for output in outs if output.id not in files))


def tile_item(
    results: records.Results, tile: Mapping[str, Any], found: Found, delivery: Delivery, request: Mapping[str, Any]
) -> ItemRecord:
    """Return the Item of one processed tile. Raises `JobUnusable` when its geometry makes no sense."""
    stated = {output.id: output for output in outputs(results.facts)}
    assets = tuple(_asset(results, stated[name], place, delivery) for name, place in found.files.items())
    sensed = results.sensed or {}
    seen = next((sensed[o.bucket, o.key] for o in found.files.values() if (o.bucket, o.key) in sensed), None)
    bucket = next((place.bucket for place in found.files.values()), "")
    properties = {
        **_raster(results, tile, request),
        "sh:tile_id": tile.get("id"),
        "sh:tile_cost": number(tile.get("cost")),
        "sh:tiling_grid": results.facts.grid.properties() if results.facts.grid else None,
        **delivery.properties(bucket),
    }
    name = text(tile.get("name")) or text(tile.get("id")) or "tile"
    item = records.item(results, name, _place(tile), records.moment(results, seen), assets, properties)
    return replace(item, missing=found.missing)


def _asset(results: records.Results, output: Output, place: SourceObject, delivery: Delivery) -> AssetRecord:
    return delivery.asset(
        output.id,
        place,
        media_type=output.media_type or facts.media_type(None, place.key, cog=results.facts.cog),
        roles=output.roles,
        extra=records.band_fields(results, output.id),
    )


def _place(tile: Mapping[str, Any]) -> Footprint | None:
    try:
        return footprint_of(tile.get("geometry"))
    except GeometryError as problem:
        raise JobUnusable(
            f"the geometry of tile {tile.get('name')} makes no sense: {problem}", "look at the request there"
        ) from None


def _raster(results: records.Results, tile: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the projection fields of a tile; its transform only where the stated origin and geometry agree."""
    origin = mapping(tile.get("origin"))
    code = crs_code(origin)
    if code is None:
        return {}
    fields: dict[str, Any] = {"proj:code": code}
    grid = results.facts.grid
    width, height = number(request.get("tileWidthPx")), number(request.get("tileHeightPx"))
    if not width or not height:
        return fields
    pads = (grid.buffer_x, grid.buffer_y) if grid else (0, 0)
    shape = [int(height) + 2 * pads[1], int(width) + 2 * pads[0]]
    fields["proj:shape"] = shape
    area = _area(origin, tile, code, grid, (width, height))
    if area:
        placed = tiling.transform(area, shape[1], shape[0], grid)
        fields.update({"proj:transform": placed} if placed else {})
    return fields


def _area(
    origin: Mapping[str, Any], tile: Mapping[str, Any], code: str, grid: tiling.Grid | None, size: tuple[float, float]
) -> tiling.Extent | None:
    corner = origin.get("coordinates")
    stated = mapping(tile.get("geometry"))
    if not grid or not grid.resolution or stated.get("type") != "Polygon" or not isinstance(corner, list):
        return None
    try:
        ring = [(float(point[0]), float(point[1])) for point in stated["coordinates"][0]]
        around = tiling.extent(((tuple(projection(code).from_degrees(ring)),),))
        start = (float(corner[0]), float(corner[1]))
    except (GeometryError, TypeError, ValueError, IndexError, KeyError):
        return None
    return tiling.tile_area(start, (size[0] * grid.resolution, size[1] * grid.resolution), around)
