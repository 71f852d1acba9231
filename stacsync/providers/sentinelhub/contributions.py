"""What a request, or a batch collection, contributes to a STAC Collection. Pure.

The evalscript and all that is the same for every tile is said here, once; the request itself goes along whole, but for
secrets, as a metadata asset. The processing extension wants a Collection to say something of it at the provider that
processed: there stands which service did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from stacsync.jobs import JSON, AssetRecord, CollectionRecord, Inline, identity
from stacsync.providers.sentinelhub import times
from stacsync.providers.sentinelhub.facts import COG, mapping, text
from stacsync.providers.sentinelhub.footprint import Footprint
from stacsync.providers.sentinelhub.footprint import from_geojson as footprint_of
from stacsync.providers.sentinelhub.records import Results, band_fields, sensing_span
from stacsync.providers.sentinelhub.wkb import GeometryError

SENTINEL_HUB = {"name": "Sentinel Hub", "roles": ["processor"], "url": "https://www.sentinel-hub.com/"}
_SERVICE = "Sentinel Hub Batch Processing API"
_REQUEST_FIELDS_ELSEWHERE = frozenset(
    {
        *("id", "request", "processRequest", "description", "created", "lastUpdated", "status", "output", "links"),
        *("userAction", "userActionUpdated", "completionPercentage"),
    }
)


def collection(results: Results, request: Mapping[str, Any], *, attached: bool = True) -> CollectionRecord:
    """Return what the job contributes to its Collection; `request` is all that the service said (cleaned).

    `attached`: the request goes along as an asset; where nothing but documents is to be written, what it asked for stands
    in a Collection of its own instead.
    """
    own = results.shared is None
    area = results.facts.area or (None if own else extent(results.shared or {}))
    return CollectionRecord(
        id=results.collection,
        job_id=results.job.id if own else None,
        title=_title(results),
        description=_description(results),
        keywords=("Sentinel Hub", "batch processing", *results.facts.sources),
        providers=({**SENTINEL_HUB, "processing:software": {_SERVICE: results.version}},),
        bbox=area.bbox if area else None,
        interval=results.facts.interval or sensing_span(results.shared or {}),
        item_assets=_item_assets(results),
        assets=(request_asset(results.job.id, request, own=own),) if attached else (),
        created=results.job.created if own else times.instant((results.shared or {}).get("created")),
        extra=_extra(results, request) if attached else {**_asked(results, request), **_extra(results, request)},
    )


def request_asset(job_id: str, request: Mapping[str, Any], *, own: bool) -> AssetRecord:
    """Return the request as a metadata asset, every field of it that is no secret, known to us or not."""
    body = orjson.dumps(request, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    return AssetRecord(
        key="request" if own else f"request-{job_id}",
        source=Inline(body),
        filename=f"request-{job_id}.json",
        identity=identity("inline", body.decode()),
        media_type="application/json",
        title="Batch processing request",
        roles=("metadata",),
        size=len(body),
    )


def extent(collection_facts: Mapping[str, Any]) -> Footprint | None:
    """Return the extent that a batch collection states; one that makes no sense counts as missing."""
    try:
        return footprint_of(mapping(collection_facts.get("additionalData")).get("extent"))
    except GeometryError:
        return None


def other_fields(stated: Mapping[str, Any], elsewhere: frozenset[str]) -> dict[str, Any]:
    """Return every field that has no place of its own, known or not, under the prefix `sh:` in snake case."""
    kept = {name: value for name, value in stated.items() if name not in elsewhere and value not in (None, {}, [])}
    return {f"sh:{snake(name)}": value for name, value in sorted(kept.items())}


def snake(name: str) -> str:
    """Return a name in snake case.

    >>> snake("tileWidthPx"), snake("costPU"), snake("s3Bucket")
    ('tile_width_px', 'cost_pu', 's3_bucket')
    """
    parts = "".join(
        f"_{letter}" if letter.isupper() and place and not name[place - 1].isupper() else letter
        for place, letter in enumerate(name)
    )
    return parts.lower()


def _title(results: Results) -> str:
    named = text((results.shared or {}).get("name"))
    return named or results.job.title or f"Sentinel Hub batch request {results.job.id}"


def _description(results: Results) -> str:
    """Return a description; that of a shared Collection says nothing of the job, for it is that of all its jobs."""
    if results.shared is not None:
        stated = text(results.shared.get("description")) or text(results.shared.get("name"))
        made = "Batch collection of Sentinel Hub."
    else:
        stated = results.job.title
        made = f"Results of Sentinel Hub Batch Processing{_from(results.facts.sources)}."
    return f"{stated.rstrip('.')}. {made}" if stated else made


def _from(sources: Sequence[str]) -> str:
    return f" from {', '.join(sources)}" if sources else ""


def _item_assets(results: Results) -> dict[str, JSON]:
    known: dict[str, JSON] = {}
    for output in results.facts.outputs:
        stated = {"type": output.media_type} if output.media_type else {}
        known[output.id] = {**stated, "roles": list(output.roles), **band_fields(results, output.id)}
    for source, found in results.bands.items():
        known.setdefault(source, {"type": COG, "roles": ["data"], "bands": list(found)})
    return known


def _extra(results: Results, request: Mapping[str, Any]) -> dict[str, Any]:
    expression = {"format": "evalscript", "expression": results.facts.evalscript}
    script = {"processing:expression": expression} if results.facts.evalscript else {}
    if results.shared is not None:
        return {**script, **collection_fields(results.facts.collection_id, results.shared)}
    inner = mapping(request.get("request"))
    target = mapping(request.get("output")) or mapping(inner.get("output"))
    stated = {**request, **inner}
    return {
        **script,
        "sh:request_id": results.job.id,
        "sh:api_version": results.version,
        **other_fields(stated, _REQUEST_FIELDS_ELSEWHERE),
        **({"sh:output_type": target["type"]} if text(target.get("type")) else {}),
    }


def _asked(results: Results, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a request asked for and where it delivered to, but for the evalscript, which is told elsewhere."""
    if results.shared is not None:
        return {}
    inner = mapping(request.get("request")) or request
    process = {name: value for name, value in mapping(inner.get("processRequest")).items() if name != "evalscript"}
    stated = {"sh:process_request": process, "sh:output": dict(mapping(inner.get("output")))}
    return {name: value for name, value in stated.items() if value}


def collection_fields(collection_id: str | None, stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a batch collection says of itself, known to us or not, as fields of the STAC Collection."""
    facts = dict(mapping(stated.get("additionalData")))
    plain = {**stated, **{name: value for name, value in facts.items() if name != "bands"}}
    fields = other_fields(plain, frozenset({"id", "name", "description", "created", "additionalData", "extent"}))
    return {
        **({"sh:collection_id": collection_id} if collection_id else {}),
        **fields,
        **({"sh:bands": facts["bands"]} if mapping(facts.get("bands")) else {}),
    }
