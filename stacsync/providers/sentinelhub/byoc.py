"""Batch collections and their tiles, as version 2 keeps them among the BYOC collections. Pure.

A tile's files are its `path` with `(BAND)` replaced by each distinct `source` of the collection's bands; its geometries
are in the tile's own reference system (the old GeoJSON `crs` member). Only ingested tiles are published.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any

from stacsync.errors import JobUnusable
from stacsync.jobs import AssetRecord, CollectionRecord, ItemRecord, JobRecord, SourceObject, identity
from stacsync.logs import redact
from stacsync.providers.sentinelhub import bands, contributions, records, times
from stacsync.providers.sentinelhub.deliveries import Delivery
from stacsync.providers.sentinelhub.facts import COG, mapping, number, text
from stacsync.providers.sentinelhub.footprint import Footprint, crs_code
from stacsync.providers.sentinelhub.footprint import from_geojson as footprint_of
from stacsync.providers.sentinelhub.locations import bare_bucket
from stacsync.providers.sentinelhub.wkb import GeometryError

INGESTED, FAILED = "INGESTED", "FAILED"
LATER = frozenset({"WAITING", "QUEUED", "INGESTING"})
JOB_PREFIX = "collection:"
BAND = "(BAND)"


def unwrapped(answer: Any) -> Mapping[str, Any]:
    """Return a single object as it is, whether or not the service wrapped it in `data`."""
    stated = mapping(answer)
    return mapping(stated["data"]) if isinstance(stated.get("data"), dict) else stated


def job_record(collection_id: str, tiles: Iterable[Mapping[str, Any]]) -> JobRecord:
    """Return the job that stands for a collection which no request of the listing feeds.

    Its fingerprint is that of its tiles, in whatever order they are listed; they are read once and not kept.
    """
    total = 0
    for tile in tiles:
        total += int.from_bytes(sha256(_version(tile).encode()).digest())
    return JobRecord(
        id=f"{JOB_PREFIX}{collection_id}",
        fingerprint=identity("byoc", collection_id, total % 2**256),
        title=f"Batch collection {collection_id}",
        details={"collection": collection_id},
    )


def bucket(collection: Mapping[str, Any]) -> str:
    """Return the bucket that all tiles of a collection lie in. Raises `JobUnusable` when it is not told."""
    name = text(collection.get("s3Bucket"))
    if name is None:
        raise JobUnusable(
            "the service does not say in which bucket the collection lies", "look at the collection there"
        )
    return bare_bucket(name)


def sources(collection: Mapping[str, Any], tile: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the distinct files of a tile: as it was ingested, else as the collection's bands say."""
    ingested = mapping(mapping(tile.get("additionalData")).get("filesMetadata"))
    return tuple(sorted(ingested)) or tuple(bands.by_source(collection))


def keys(collection: Mapping[str, Any], tile: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (source, key) of every file of a tile; one file without bands in its path is called "data"."""
    path = (text(tile.get("path")) or "").lstrip("/")
    if path and BAND not in path:
        yield "data", path
    elif path:
        for source in sources(collection, tile):
            yield source, path.replace(BAND, source)


def left_out(tiles: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return how many tiles are not published, by reason; the cause of a failed ingestion is told."""
    counts: dict[str, int] = {}
    for tile in tiles:
        reason = _reason(tile)
        if reason:
            counts[reason] = counts.get(reason, 0) + 1
    return counts


def ingested(tile: Mapping[str, Any]) -> bool:
    """Say whether a tile can be published."""
    return _status(tile) == INGESTED


def tile_item(
    collection: Mapping[str, Any], collection_id: str, tile: Mapping[str, Any], delivery: Delivery
) -> ItemRecord:
    """Return the Item of an ingested tile. Raises `JobUnusable` when it makes no sense."""
    name = text(tile.get("id")) or identity("byoc", tile.get("path"))
    extra = mapping(tile.get("additionalData"))
    place = _place(tile, name)
    when = _moment(collection, tile)
    properties = {
        "gsd": number(extra.get("minMetersPerPixel")),
        "proj:code": crs_code(tile.get("tileGeometry")) or crs_code(tile.get("coverGeometry")),
        "sh:collection_id": collection_id,
        "sh:byoc_tile_id": name,
        "sh:path": text(tile.get("path")),
        **delivery.properties(bucket(collection)),
    }
    return ItemRecord(
        id=name,
        collection=f"sh-{collection_id}",
        job_id=None,
        title=_title(text(tile.get("path"))) or name,
        geometry=place.geometry if place else None,
        bbox=place.bbox if place else None,
        datetime=when.datetime,
        start_datetime=when.start_datetime,
        end_datetime=when.end_datetime,
        datetime_source=when.datetime_source,
        created=times.instant(tile.get("created")),
        updated=times.instant(tile.get("ingestionStart")),
        properties={key: value for key, value in properties.items() if value is not None},
        assets=records.distinct(_assets(collection, tile, delivery)),
    )


def collection_record(collection: Mapping[str, Any], collection_id: str) -> CollectionRecord:
    """Return the STAC Collection of a batch collection that no known request feeds."""
    area = contributions.extent(collection)
    known = bands.by_source(collection)
    title = text(collection.get("name")) or f"Batch collection {collection_id}"
    return CollectionRecord(
        id=f"sh-{collection_id}",
        job_id=None,
        title=title,
        description=f"{title}. Batch collection of Sentinel Hub.",
        keywords=("Sentinel Hub", "batch processing"),
        providers=(contributions.SENTINEL_HUB,),
        bbox=area.bbox if area else None,
        interval=records.sensing_span(collection),
        item_assets={name: {"type": COG, "roles": ["data"], "bands": list(found)} for name, found in known.items()},
        created=times.instant(collection.get("created")),
        extra=contributions.collection_fields(collection_id, collection),
    )


def _assets(collection: Mapping[str, Any], tile: Mapping[str, Any], delivery: Delivery) -> tuple[AssetRecord, ...]:
    known = bands.by_source(collection)
    files = mapping(mapping(tile.get("additionalData")).get("filesMetadata"))
    where = bucket(collection)
    return tuple(
        delivery.asset(
            source,
            SourceObject(where, key),
            media_type=COG,
            etag=(text(mapping(files.get(source)).get("etag")) or _version(tile)).strip('"'),
            extra={"bands": list(known[source])} if source in known else {},
        )
        for source, key in keys(collection, tile)
    )


def _place(tile: Mapping[str, Any], name: str) -> Footprint | None:
    try:
        return footprint_of(tile.get("coverGeometry")) or footprint_of(tile.get("tileGeometry"))
    except GeometryError as problem:
        raise JobUnusable(f"the geometry of tile {name} makes no sense: {problem}", "look at the tile there") from None


def _moment(collection: Mapping[str, Any], tile: Mapping[str, Any]) -> records.Moment:
    sensed = times.instant(tile.get("sensingTime"))
    if sensed:
        return records.Moment(datetime=sensed)
    span = records.sensing_span(collection)
    return records.spanning(span, None, "collection") if span else records.Moment()


def _reason(tile: Mapping[str, Any]) -> str:
    status = _status(tile)
    if status == INGESTED:
        return ""
    if status == FAILED:
        cause = text(mapping(tile.get("additionalData")).get("failedIngestionCause"))
        return f"failed: {redact(cause)[:120]}" if cause else "failed"
    return "not ingested yet" if status in LATER else f"status {status.lower() or 'unknown'}"


def _status(tile: Mapping[str, Any]) -> str:
    return str(tile.get("status") or "").upper()


def _version(tile: Mapping[str, Any]) -> str:
    files = mapping(mapping(tile.get("additionalData")).get("filesMetadata"))
    etags = sorted(f"{name}={mapping(entry).get('etag')}" for name, entry in files.items())
    facts = (tile.get("id"), tile.get("status"), tile.get("ingestionStart"), tile.get("sensingTime"), tile.get("path"))
    return "\x1f".join([*map(str, facts), *etags])


def _title(path: str | None) -> str | None:
    return path.replace(BAND, "").rpartition(".")[0].strip("/_-. ") or None if path else None
