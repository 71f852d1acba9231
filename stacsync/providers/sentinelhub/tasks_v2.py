"""Tasks of version 2 as job records, and their features as items. Pure.

There is no PARTIAL in version 2: a DONE task may hold features that failed or had no data, STOPPED and FAILED ones some
that came out well. Only the listing is looked at: two listings that say the same mean the same results.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from stacsync.errors import JobUnusable
from stacsync.jobs import AssetRecord, ItemRecord, JobRecord, SourceObject, Standing, identity
from stacsync.providers.sentinelhub import facts, records, tiling, times
from stacsync.providers.sentinelhub.deliveries import Delivery
from stacsync.providers.sentinelhub.facts import RequestFacts, mapping, number, text
from stacsync.providers.sentinelhub.footprint import Footprint, footprint
from stacsync.providers.sentinelhub.locations import address
from stacsync.providers.sentinelhub.manifest import Feature, File
from stacsync.providers.sentinelhub.redaction import cleaned
from stacsync.providers.sentinelhub.wkb import GeometryError

DONE = "DONE"
PARTLY = frozenset({"STOPPED", "FAILED"})
"""Statuses of a task that ended without all its features, perhaps with some."""


def job_record(task: Any, partial: str) -> JobRecord | None:
    """Return the record of one task of the listing, None when it is not finished as far as can be told.

    A task that failed before anything was made is not finished either. `partial`: "publish" or "skip".
    """
    stated = mapping(cleaned(task))
    status = str(stated.get("status") or "").upper()
    if status != DONE and status not in PARTLY:
        return None
    if status == "FAILED" and not number(stated.get("completionPercentage")):
        return None
    skipped = status in PARTLY and partial == "skip"
    updated = times.instant(stated.get("lastUpdated")) or times.instant(stated.get("userActionUpdated"))
    return JobRecord(
        id=_id(stated),
        fingerprint=_fingerprint(stated, status),
        title=text(mapping(stated.get("request")).get("description")),
        created=times.instant(stated.get("created")),
        updated=updated,
        finished=updated,
        standing=Standing.SKIPPED if skipped else Standing.READY,
        reason=f'the request is {_why(stated, status)} and partial = "skip"' if skipped else "",
        details={"task": stated},
    )


def complete(task: Mapping[str, Any]) -> bool:
    """Say whether the service itself calls the task done."""
    return str(task.get("status") or "").upper() == DONE


def request_facts(task: Mapping[str, Any]) -> RequestFacts:
    """Return what the task's request says of its results. Raises `JobUnusable` when there is no request at all."""
    request = mapping(task.get("request"))
    if not mapping(request.get("output")):
        raise JobUnusable("the service does not say where this task's results were delivered", "look at the task there")
    stated = mapping(request.get("input"))
    grid = tiling.grid(stated) if stated.get("type") == "tiling-grid" else _package_grid(stated)
    return facts.read(request.get("processRequest"), request.get("output"), grid)


def delivery_url(task: Mapping[str, Any]) -> str:
    """Return the address that the results went to. Raises `JobUnusable` when there is none or it is no bucket of S3."""
    delivery = mapping(mapping(mapping(task.get("request")).get("output")).get("delivery"))
    place = mapping(delivery.get("s3")) or mapping(delivery.get("gs")) or mapping(delivery.get("gcs"))
    url = text(place.get("url"))
    if url is None:
        raise JobUnusable("the service does not say where this task's results were delivered", "look at the task there")
    address(url)
    return url


def delivery_region(task: Mapping[str, Any]) -> str | None:
    """Return the region of the bucket as the request states it (one deployment misspells the field)."""
    place = mapping(mapping(mapping(mapping(task.get("request")).get("output")).get("delivery")).get("s3"))
    return text(place.get("region"))


def is_zarr(task: Mapping[str, Any]) -> bool:
    """Say whether the results are one Zarr store instead of files per feature."""
    return mapping(mapping(task.get("request")).get("output")).get("type") == "zarr"


def feature_item(results: records.Results, feature: Feature, delivery: Delivery) -> ItemRecord:
    """Return the Item of one delivered feature. Raises `JobUnusable` when its geometry or a path makes no sense."""
    assets = tuple(_asset(results, file, delivery) for file in feature.files)
    bucket = next((asset.source.bucket for asset in assets if isinstance(asset.source, SourceObject)), "")
    properties = {**_raster(results, feature), **delivery.properties(bucket)}
    if feature.projection.is_geographic:
        properties["gsd"] = None
    if results.facts.grid and results.facts.grid.id is not None:
        properties["sh:tiling_grid"] = results.facts.grid.properties()
    return records.item(
        results,
        feature.identifier,
        _place(feature),
        records.moment(results, _sensed(results, assets)),
        assets,
        properties,
    )


def _place(feature: Feature) -> Footprint | None:
    try:
        return footprint(feature.polygons, feature.projection)
    except GeometryError as problem:
        raise JobUnusable(
            f"the geometry of feature {feature.identifier} cannot be brought to WGS84: {problem}",
            "check the reference system of the request's features",
        ) from None


def _asset(results: records.Results, file: File, delivery: Delivery) -> AssetRecord:
    place = address(file.path)
    stated = results.outputs.get(file.output)
    media = stated.media_type if stated and stated.media_type else None
    media = media or facts.media_type(None, file.path, cog=results.facts.cog)
    return delivery.asset(
        file.output,
        SourceObject(place.bucket, place.path),
        media_type=media,
        roles=facts.roles(media),
        extra=records.band_fields(results, file.output),
    )


def _sensed(results: records.Results, assets: tuple[AssetRecord, ...]) -> datetime | None:
    if not results.sensed:
        return None
    places = [(asset.source.bucket, asset.source.key) for asset in assets if isinstance(asset.source, SourceObject)]
    return next((results.sensed[place] for place in places if place in results.sensed), None)


def _raster(results: records.Results, feature: Feature) -> dict[str, Any]:
    """Return the projection fields of a feature: shape from the manifest, transform where the numbers agree."""
    fields: dict[str, Any] = {"proj:code": feature.code} if feature.code else {}
    if feature.code is None:
        fields = {"proj:wkt2": feature.projection.crs.to_wkt()}
    shapes = {(file.height, file.width) for file in feature.files if file.width and file.height}
    if len(shapes) != 1:
        return fields
    height, width = shapes.pop()
    fields["proj:shape"] = [height, width]
    if feature.polygons:
        placed = tiling.transform(tiling.extent(feature.polygons), width, height, results.facts.grid)
        if placed:
            fields["proj:transform"] = placed
            fields["gsd"] = _gsd(results, feature, placed)
    return fields


def _gsd(results: records.Results, feature: Feature, placed: list[float]) -> float | None:
    """Return metres of a pixel: as requested, else as the pixels lie in a system of metres (or feet)."""
    if results.facts.grid and results.facts.grid.id is not None:
        return results.facts.grid.gsd
    axes = feature.projection.crs.axis_info
    return round(placed[0] * axes[0].unit_conversion_factor, 3) if axes else None


def _package_grid(stated: Mapping[str, Any]) -> tiling.Grid | None:
    """Return the resolution that a request over a GeoPackage sets for all its features; its units are the layer's."""
    resolution = number(mapping(stated.get("defaults")).get("resolution")) or number(stated.get("resolution"))
    return tiling.Grid(None, resolution) if resolution else None


def _id(stated: Mapping[str, Any]) -> str:
    return text(stated.get("id")) or f"unnamed-{identity(repr(sorted(stated.items(), key=lambda kv: kv[0])))}"


def _fingerprint(stated: Mapping[str, Any], status: str) -> str:
    return identity("v2", status, stated.get("lastUpdated"), stated.get("userActionUpdated"), stated.get("costPU"))


def _why(stated: Mapping[str, Any], status: str) -> str:
    reason = text(stated.get("stoppedStatusReason")) or text(stated.get("error"))
    return f"{status} ({reason})" if reason else status
