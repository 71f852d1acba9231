"""Result documents as Item records. Pure.

What a back-end writes when it does not know (the whole world, null times) is passed on as not known; an Item that stands
for the job's remaining files says that its place and time are those of the whole job.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from stacsync.jobs import JSON, BBox, ItemRecord
from stacsync.providers.openeo import assets, related
from stacsync.providers.openeo.assets import Named, text
from stacsync.providers.openeo.leaks import cleaned
from stacsync.providers.openeo.place import Place
from stacsync.providers.openeo.times import instant, names_a_date
from stacsync.providers.openeo.titles import item_title

CARRIED = frozenset(
    {"datetime", "start_datetime", "end_datetime", "created", "updated", "title", "description", "expires"}
    | {"openeo:status"}
)
"""Properties with a place of their own in an `ItemRecord`, or of no meaning outside the back-end: `expires` is of links."""
STRUCTURE = frozenset(
    {"type", "stac_version", "stac_extensions", "id", "geometry", "bbox", "properties", "links", "assets", "collection"}
)
Interval = tuple[datetime | None, datetime | None]


def item_record(
    document: Mapping[str, Any], requested: str, place: Place, *, name: str | None, results: Mapping[str, Any]
) -> ItemRecord:
    """Return an Item document as a record.

    `name` is what `links.name_of` calls the document, None when the results themselves are the Item; `results` is the
    document that led here. Its interval is taken when neither the Item nor any file name tells a time.
    """
    stated = document.get("properties")
    stated = stated if isinstance(stated, Mapping) else {}
    files = assets.named(document, requested)
    bbox = box(document.get("bbox"))
    world = is_world(document.get("bbox")) or _worldwide(document.get("geometry"))
    geometry = document.get("geometry")
    times = _times(stated, files, interval(results))
    source_id = str(document.get("id") or place.job.id)
    return ItemRecord(
        id=place.item_id(source_id),
        collection=place.collection_id,
        job_id=place.job.id,
        title=item_title(text(stated.get("title")), source_id, place.job.id, place.job.title),
        description=text(stated.get("description")),
        geometry=dict(geometry) if isinstance(geometry, Mapping) and not world else None,
        bbox=None if world else bbox,
        created=instant(stated.get("created")) or place.job.created,
        updated=instant(stated.get("updated")) or place.job.updated,
        properties=_properties(document, stated, results, place),
        assets=assets.records(files, place, name),
        links=related.kept(document, requested),
        missing=assets.unreachable(document, requested),
        **times,
    )


def leftover_record(
    results: Mapping[str, Any], requested: str, place: Place, claimed: Collection[str], taken: Collection[str] = ()
) -> ItemRecord | None:
    """Return one Item for all files of the results that no Item has claimed by name; None when there are none.

    It goes by the job's id, unless that is among `taken`, the ids of the other Items.
    """
    files = [file for file in assets.named(results, requested) if file.name not in claimed]
    missing = assets.unreachable(results, requested)
    if not files:
        return None
    bbox = extent(results)
    return ItemRecord(
        id=place.rest_id(taken),
        collection=place.collection_id,
        job_id=place.job.id,
        title=text(results.get("title")) or place.job.title,
        geometry=None if bbox is None else polygon(bbox),
        bbox=bbox,
        geometry_source=None if bbox is None else "collection",
        created=place.job.created,
        updated=place.job.updated,
        properties=_derived(results, place),
        assets=assets.records(files, place),
        missing=missing,
        **_times({}, files, interval(results)),
    )


def extent(results: Mapping[str, Any]) -> BBox | None:
    """Return the bbox that a Collection states, None when it is the whole world or none."""
    stated = results.get("extent")
    spatial = stated.get("spatial") if isinstance(stated, Mapping) else None
    boxes = spatial.get("bbox") if isinstance(spatial, Mapping) else None
    first = boxes[0] if isinstance(boxes, list) and boxes else None
    return None if is_world(first) else box(first)


def interval(results: Mapping[str, Any]) -> Interval | None:
    """Return the interval that a Collection states, None when both of its ends are open."""
    stated = results.get("extent")
    temporal = stated.get("temporal") if isinstance(stated, Mapping) else None
    spans = temporal.get("interval") if isinstance(temporal, Mapping) else None
    first = spans[0] if isinstance(spans, list) and spans else None
    if not isinstance(first, list) or len(first) != 2:
        return None
    ends = instant(first[0]), instant(first[1])
    return None if ends == (None, None) else ends


def box(value: Any) -> BBox | None:
    """Return a bbox of four or six finite numbers, None of anything else."""
    if not isinstance(value, list) or len(value) not in {4, 6}:
        return None
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in value):
        return None
    return tuple(float(number) for number in value)


def is_world(value: Any) -> bool:
    """Say whether a bbox is the whole world: what back-ends write when they do not know."""
    found = box(value)
    if found is None:
        return False
    half = len(found) // 2
    return found[half] - found[0] >= 359.9 and found[half + 1] - found[1] >= 179.9


def polygon(bbox: BBox) -> JSON:
    """Return a bbox as a GeoJSON polygon; one that crosses the antimeridian as two (RFC 7946 §3.1.9)."""
    half = len(bbox) // 2
    west, south, east, north = bbox[0], bbox[1], bbox[half], bbox[half + 1]
    if west > east:
        rings = [_ring(west, south, 180.0, north), _ring(-180.0, south, east, north)]
        return {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}
    return {"type": "Polygon", "coordinates": [_ring(west, south, east, north)]}


def _ring(west: float, south: float, east: float, north: float) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def _worldwide(geometry: Any) -> bool:
    if not isinstance(geometry, Mapping) or geometry.get("type") != "Polygon":
        return False
    try:
        ring = geometry["coordinates"][0]
        lons, lats = [float(point[0]) for point in ring], [float(point[1]) for point in ring]
        return max(lons) - min(lons) >= 359.9 and max(lats) - min(lats) >= 179.9
    except (LookupError, TypeError, ValueError):
        return False


def _times(stated: Mapping[str, Any], files: list[Named], whole: Interval | None) -> dict[str, Any]:
    told = {field: instant(stated.get(field)) for field in ("datetime", "start_datetime", "end_datetime")}
    if any(told.values()):
        return told
    dated = any(instant(file.fields.get(field)) for file in files for field in told)
    dated = dated or (bool(files) and all(names_a_date(file.name) or names_a_date(file.key) for file in files))
    if dated or whole is None:
        return {}
    return {"start_datetime": whole[0], "end_datetime": whole[1], "datetime_source": "collection"}


def _properties(
    document: Mapping[str, Any], stated: Mapping[str, Any], results: Mapping[str, Any], place: Place
) -> dict[str, Any]:
    found = {name: value for name, value in stated.items() if name not in CARRIED}
    if "unpublished" in found:
        found["openeo:unpublished"] = found.pop("unpublished")
    for name, value in document.items():
        if name in STRUCTURE | CARRIED or name in found:
            continue
        if name == "epsg":
            found.setdefault("proj:epsg", value)
        elif ":" in name or name == "providers":
            found[name] = value
    if document is not results:
        found.update(_derived(results, place))
    sources = related.unresolved(document)
    if sources:
        found["openeo:derived_from"] = sources
    kept: dict[str, Any] = cleaned(found)
    return kept


def _derived(results: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Return the job's sources for Items whose Collection is shared with other jobs, and so cannot tell them."""
    sources = [] if place.per_job else related.unresolved(results)
    return {"openeo:derived_from": sources} if sources else {}
