"""Collections: the union of what jobs say, and the summary of the Items that are published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stacsync import layout
from stacsync.jobs import CollectionRecord, Mirrored
from stacsync.stac import extensions, links, titles
from stacsync.stac.asset import asset_object
from stacsync.stac.bounds import WORLD, Bounds, is_world, merged
from stacsync.stac.catalog import STAC_VERSION
from stacsync.stac.clean import holds_secret, organisation, published
from stacsync.stac.licenses import OTHER, license_of, license_page
from stacsync.stac.place import CollectionPlace
from stacsync.stac.repair import fitted
from stacsync.stac.summary import Summary
from stacsync.stac.times import rfc3339
from stacsync.stac.upgrade import fields_of

collection_title = titles.collection_title
INDEX = "items"
"""The key of the search index's asset."""
PREVIEW = "thumbnail"
"""The key, and the role, of the picture's asset."""
_NOT_EXTRA = frozenset(
    [
        "type",
        "stac_version",
        "stac_extensions",
        "id",
        "title",
        "description",
        "keywords",
        "license",
        "providers",
        "extent",
        "summaries",
        "item_assets",
        "links",
        "assets",
        "bbox",
        "geometry",
        "properties",
    ]
)


def collection_document(
    contributions: Sequence[CollectionRecord],
    summary: Summary,
    place: CollectionPlace,
    children: Sequence[Mapping[str, Any]],
    *,
    mirrored: Mapping[str, Mirrored] | None = None,
    index: Mapping[str, Any] | None = None,
    preview: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the Collection that several contributions feed; the order in which they are given does not matter.

    `contributions` is never empty; the oldest has the first word on title, description and license. `children` are the
    ready-made `child` and `item` links, kept in their order behind root and parent. `mirrored` holds collection-level
    assets **by asset identity**; one that is to be mirrored and is not there is left out. `index` is the ready-made
    asset of the search index, if there is one; `preview` that of a picture, which is left out where a source gave one.
    """
    records = titles.ordered(contributions)
    title = collection_title(records)
    document: dict[str, Any] = {
        **_extra(records),
        "type": "Collection",
        "stac_version": STAC_VERSION,
        "id": place.collection,
        "title": title,
        "description": _description(records) or title,
        "license": _license(records, place),
        "extent": {
            "spatial": {"bbox": [_bbox(records, summary)]},
            "temporal": {"interval": [_interval(records, summary)]},
        },
        **_optional(records, summary, place),
        "assets": _with_preview(_assets(records, place, mirrored or {}, index), preview),
        "stacsync:provider": place.provider,
        "stacsync:kind": place.kind,
    }
    document["links"] = _links(records, place, children, document["license"])
    document = fitted({name: value for name, value in document.items() if value not in ({}, [], None)})
    document["stac_extensions"] = extensions.named(document)
    return document


def _optional(records: list[CollectionRecord], summary: Summary, place: CollectionPlace) -> dict[str, Any]:
    jobs = {record.job_id for record in records}
    job = jobs.pop() if len(jobs) == 1 else None
    return {
        "keywords": _keywords(records),
        "providers": _organisations(entry for record in records for entry in record.providers) + _added(records, place),
        "summaries": _summaries(records, summary),
        "item_assets": _item_assets(records, summary),
        "created": min((rfc3339(record.created) for record in records if record.created is not None), default=None),
        "stacsync:job_id": job,
        "stacsync:complete": False
        if any(record.extra.get("stacsync:complete") is False for record in records)
        else None,
        "stacsync:extent_source": None if summary.bounds is not None else _extent_source(records),
    }


def _extra(records: list[CollectionRecord]) -> dict[str, Any]:
    merged_: dict[str, Any] = {}
    for record in reversed(records):
        merged_ |= fields_of({name: value for name, value in record.extra.items() if name not in _NOT_EXTRA})
    return merged_


def _description(records: list[CollectionRecord]) -> str:
    texts = (
        record.description.strip() for record in records if record.description and not holds_secret(record.description)
    )
    return next((text for text in texts if text), "")


def _keywords(records: list[CollectionRecord]) -> list[str]:
    words = (titles.plain(str(word)) for record in records for word in record.keywords)
    return sorted({word for word in words if word})


def _license(records: list[CollectionRecord], place: CollectionPlace) -> str:
    stated = [license_of(record.license) for record in records if record.license]
    known = next((entry for entry in stated if entry != OTHER), OTHER if stated else place.license)
    return license_of(place.license_override or known)


def _organisations(entries: Iterable[Any]) -> list[dict[str, Any]]:
    """Return organisations by name, each once: roles united, otherwise the first word wins; in order of appearance."""
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        known = organisation(entry)
        if known is None:
            continue
        before = found.get(known["name"], {})
        roles = sorted({*before.get("roles", ()), *known.get("roles", ())})
        found[known["name"]] = {**known, **before, **({"roles": roles} if roles else {})}
    return list(found.values())


def _added(records: list[CollectionRecord], place: CollectionPlace) -> list[dict[str, Any]]:
    stated = {entry.get("name") for record in records for entry in record.providers}
    return [entry for entry in _organisations(place.organisations) if entry["name"] not in stated]


def _bbox(records: list[CollectionRecord], summary: Summary) -> list[float]:
    found = summary.bbox()
    if found is not None:
        return found
    total = _stated_bounds(records)
    return list(WORLD) if total is None else total.bbox()


def _stated_bounds(records: list[CollectionRecord]) -> Bounds | None:
    stated = [
        Bounds.of_bbox(record.bbox) for record in records if record.bbox is not None and not is_world(record.bbox)
    ]
    return merged(bounds for bounds in stated if bounds is not None)


def _extent_source(records: list[CollectionRecord]) -> str:
    return "unknown" if _stated_bounds(records) is None else "provider"


def _interval(records: list[CollectionRecord], summary: Summary) -> list[str | None]:
    if summary.start is not None:
        return summary.interval()
    stated = [record.interval for record in records if record.interval is not None]
    starts, ends = [start for start, _ in stated], [end for _, end in stated]
    first = None if None in starts else min((start for start in starts if start is not None), default=None)
    last = None if None in ends else max((end for end in ends if end is not None), default=None)
    return [None if moment is None else rfc3339(moment) for moment in (first, last)]


def _summaries(records: list[CollectionRecord], summary: Summary) -> dict[str, Any]:
    """Return what the Items say, completed by what the sources state of fields that no Item has."""
    stated: dict[str, Any] = {}
    for record in reversed(records):
        stated |= {name: value for name, value in published(record.summaries).items() if value not in (None, [], {})}
    for name in ("eo:bands", "raster:bands", "proj:epsg", "datetime"):
        stated.pop(name, None)
    return {**stated, **summary.summaries()}


def _item_assets(records: list[CollectionRecord], summary: Summary) -> dict[str, Any]:
    stated: dict[str, Any] = {}
    for record in reversed(records):
        known = {key: fields for key, fields in record.item_assets.items() if isinstance(fields, Mapping)}
        stated |= {key: fields_of({k: v for k, v in fields.items() if k != "href"}) for key, fields in known.items()}
    found = {**stated, **summary.item_assets()}
    return {key: fields for key, fields in sorted(found.items()) if len(fields) >= 2}


def _assets(
    records: list[CollectionRecord],
    place: CollectionPlace,
    mirrored: Mapping[str, Mirrored],
    index: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return collection-level assets; of two that share a key the later gets its identity's first digits behind it."""
    found: dict[str, Any] = {}
    for record in records:
        for asset in record.assets:
            made = asset_object(asset, mirrored.get(asset.identity), place.key)
            if made is not None and made not in found.values():
                taken = asset.key in found or asset.key == INDEX
                found[f"{asset.key}-{asset.identity[:8]}" if taken else asset.key] = made
    return found if index is None else {**found, INDEX: dict(index)}


def _with_preview(assets: dict[str, Any], preview: Mapping[str, Any] | None) -> dict[str, Any]:
    if preview is None or any(PREVIEW in asset.get("roles", ()) for asset in assets.values()):
        return assets
    return {**assets, "preview" if PREVIEW in assets else PREVIEW: dict(preview)}


def _links(
    records: list[CollectionRecord], place: CollectionPlace, children: Sequence[Mapping[str, Any]], license_id: str
) -> list[dict[str, Any]]:
    outside = links.outside(entry for record in records for entry in record.links)
    page = license_page(license_id)
    if page is not None and not any(entry["rel"] == "license" for entry in outside):
        outside.append({"rel": "license", "href": page, "type": "text/html", "title": f"License: {license_id}"})
    return [
        links.link(place.key, layout.ROOT, "root", place.catalog_title),
        links.link(place.key, layout.provider_key(place.provider), "parent", place.provider_title),
        *(dict(entry) for entry in children),
        *outside,
    ]
