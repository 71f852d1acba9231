"""Items of UP42's storage -> ItemRecords. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from stacsync.jobs import JSON, BBox, ItemRecord, JobRecord, LinkRecord
from stacsync.providers.up42.names import is_private, slug, text, without_private
from stacsync.providers.up42.times import instant
from stacsync.providers.up42.v2.addresses import own
from stacsync.providers.up42.v2.assets import asset_records
from stacsync.providers.up42.v2.jobs import facts_of

NO_ITEM = "entry that is no item"
OF_ANOTHER_JOB = "item of another job"
JOB_ID = "up42-system:job_id"
_STATED = frozenset({"datetime", "start_datetime", "end_datetime", "created", "updated", "title", "description"})


def belongs(item: Any, job: JobRecord) -> bool:
    """Tell whether an Item of a search for `job` may be its own: a server that ignores the filter sends any."""
    properties = item.get("properties") if isinstance(item, Mapping) else None
    named = text(properties.get(JOB_ID)) if isinstance(properties, Mapping) else None
    return named is None or named == job.id


def item_record(item: Any, job: JobRecord, collection: str, base: str, left_out: Counter[str]) -> ItemRecord | None:
    """Return the record of one Item, None (counted) when it has no id. Account, workspace and user ids are dropped."""
    source_id = text(item.get("id")) if isinstance(item, Mapping) else None
    if source_id is None:
        left_out[NO_ITEM] += 1
        return None
    given = item.get("properties")
    properties: JSON = given if isinstance(given, dict) else {}
    moment, start, end = (instant(properties.get(key)) for key in ("datetime", "start_datetime", "end_datetime"))
    stated = moment is not None or (start is not None and end is not None)
    geometry = item.get("geometry")
    return ItemRecord(
        id=f"{slug(job.id)}-{slug(source_id)}",
        collection=collection,
        job_id=job.id,
        title=text(properties.get("title")) or text(properties.get("up42-user:title")) or job.title,
        description=text(properties.get("description")),
        geometry=geometry if isinstance(geometry, dict) else None,
        bbox=_bbox(item.get("bbox")),
        datetime=moment,
        start_datetime=start if stated else job.created or job.finished,
        end_datetime=end if stated else job.finished or job.created,
        datetime_source=None if stated else "job",
        created=instant(properties.get("created")) or job.created,
        updated=instant(properties.get("updated")) or job.finished,
        properties=_properties(properties, job),
        assets=asset_records(item.get("assets"), base, left_out),
        links=_links(item, job, base),
    )


def _properties(properties: JSON, job: JobRecord) -> JSON:
    kept = {
        name: without_private(value)
        for name, value in properties.items()
        if name not in _STATED and not is_private(name) and value is not None
    }
    return {**kept, "up42:process": facts_of(job).process}


def _links(item: Mapping[str, Any], job: JobRecord, base: str) -> tuple[LinkRecord, ...]:
    """Return the scenes that went in, and where the Item came from."""
    found = [LinkRecord("derived_from", href, "application/geo+json", "Input scene") for href in facts_of(job).inputs]
    links = item.get("links")
    for link in links if isinstance(links, list) else ():
        href = text(link.get("href")) if isinstance(link, Mapping) and link.get("rel") == "self" else None
        address = own(href, base) if href else None
        if address:
            found.append(LinkRecord("via", address.partition("?")[0], "application/geo+json", "Source item at UP42"))
    return tuple(dict.fromkeys(found))


def _bbox(value: Any) -> BBox | None:
    """Return a stated bounding box of four or six numbers, else None: then the geometry's is computed."""
    if not isinstance(value, list) or len(value) not in {4, 6}:
        return None
    try:
        numbers = tuple(float(number) for number in value)
    except (TypeError, ValueError):
        return None
    return numbers if all(map(math.isfinite, numbers)) else None
