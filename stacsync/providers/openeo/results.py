"""The document of `GET /jobs/{id}/results`: what it is, whether it may be published, and the Collection it makes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from stacsync.errors import JobNotReady, JobSkipped, JobUnusable
from stacsync.http import HttpError
from stacsync.jobs import AssetRecord, CollectionRecord
from stacsync.providers.openeo import related
from stacsync.providers.openeo.assets import text
from stacsync.providers.openeo.items import extent, interval
from stacsync.providers.openeo.leaks import cleaned
from stacsync.providers.openeo.place import Place

STRUCTURE = frozenset(
    {"type", "stac_version", "stac_extensions", "id", "title", "description", "keywords", "license", "providers"}
    | {"extent", "summaries", "links", "assets", "item_assets", "created", "updated", "expires", "openeo:status"}
)
"""Top-level fields of a Collection that are carried elsewhere, or mean nothing outside the back-end."""
GONE = frozenset({404, 410, 424})
OF_THE_JOB = frozenset({0, 200, 301, 302, 303, 307, 308, 400, 404, 410, 422, 500, 501})
"""Answers to a request for one job's documents that say nothing of the back-end as a whole."""
UNFINISHED = frozenset({"JobNotFinished", "JobNotStarted"})
UNKNOWN_LICENSES = frozenset({"unknown", "none", ""})
VAGUE_LICENSES = frozenset({"proprietary", "various", "other"})


class Shape(StrEnum):
    """What a results document is."""

    ITEM = "item"
    COLLECTION = "collection"


def shape(document: Any) -> Shape:
    """Return what a results document is, by its `type`, else by what only a Collection has.

    Raises `JobUnusable` when it is neither.
    """
    kind = document.get("type") if isinstance(document, Mapping) else None
    if kind == "Feature":
        return Shape.ITEM
    if kind == "Collection" or (
        kind is None and isinstance(document, Mapping) and {"extent", "license"} <= set(document)
    ):
        return Shape.COLLECTION
    if kind is None and isinstance(document, Mapping) and isinstance(document.get("properties"), Mapping):
        return Shape.ITEM
    raise JobUnusable(
        f"the results are described by {kind if isinstance(kind, str) else 'something'!r}, neither Item nor Collection",
        "report it to the back-end's operator",
    )


def is_catalog(document: Any) -> bool:
    """Say whether a document that an `item` or `child` link led to is a sub-catalog. Raises `JobUnusable` for others than Items."""
    kind = document.get("type") if isinstance(document, Mapping) else None
    return kind == "Catalog" or shape(document) is Shape.COLLECTION


def require_finished(document: Mapping[str, Any]) -> None:
    """Raise unless the document says of itself that it is complete (saying nothing means so).

    Raises `JobNotReady` for results that still grow, `JobSkipped` for those of a job that failed or was stopped.
    """
    properties = document.get("properties")
    status = document.get("openeo:status")
    if status is None and isinstance(properties, Mapping):
        status = properties.get("openeo:status")
    if status in (None, "finished"):
        return
    if status in ("error", "canceled"):
        raise JobSkipped(f"the results are those of a job that ended as {status!r}")
    raise JobNotReady("the results are not complete yet, although the job is called finished")


def refusal(error: HttpError) -> JobSkipped | JobUnusable | None:
    """Return what a refused request for results means for the job; None when it says more of the back-end than of it.

    "Not found" is believed only in the back-end's own words (with an error code): a proxy's plain 404 says nothing. 410
    says by itself that it is for good.
    """
    own = error.code is not None
    if error.code in UNFINISHED:
        return JobSkipped("the results are gone: the back-end says that the job has not finished")
    if error.status == 424:
        return JobSkipped(f"the job failed: {error.message}")
    if error.status == 410 or (own and error.status in GONE):
        return JobSkipped("the results are gone from the back-end")
    if error.status in {401, 403}:
        return JobUnusable(error.message, "the account has no right to read the results of this job")
    if error.status in OF_THE_JOB:
        return JobUnusable(error.message, error.remedy or "if it stays so, report it to the back-end's operator")
    return None


def collection_record(
    document: Mapping[str, Any], requested: str, place: Place, assets: tuple[AssetRecord, ...] = ()
) -> CollectionRecord:
    """Return what a job contributes to its Collection; `document` is a Collection, or the Item that is all there is."""
    item = shape(document) is Shape.ITEM
    own = place.per_job
    body: Mapping[str, Any] = {} if item else document
    summaries, item_assets, keywords = body.get("summaries"), body.get("item_assets"), body.get("keywords")
    return CollectionRecord(
        id=place.collection_id,
        job_id=place.job.id if own else None,
        title=_title(document, place),
        description=_description(body, place),
        keywords=tuple(str(word) for word in keywords if text(word)) if isinstance(keywords, list) else (),
        license=_license(document),
        providers=organisations(document),
        bbox=extent(body),
        interval=interval(body),
        summaries=cleaned(summaries) if isinstance(summaries, Mapping) else {},
        item_assets=cleaned(item_assets) if isinstance(item_assets, Mapping) else {},
        assets=assets,
        links=related.kept(body, requested) if own else (),
        created=place.job.created,
        extra=_extra(body) if own else {},
    )


def organisations(document: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Return the organisations that a document names, without the process graphs that hide in them."""
    properties = document.get("properties")
    stated = document.get("providers") or (properties.get("providers") if isinstance(properties, Mapping) else None)
    entries = stated if isinstance(stated, list) else []
    return tuple(cleaned(entry) for entry in entries if isinstance(entry, Mapping) and text(entry.get("name")))


def _title(document: Mapping[str, Any], place: Place) -> str | None:
    if not place.per_job:
        return place.job.title if place.collection is None else None
    return text(document.get("title")) or place.job.title or f"openEO job {place.job.id}"


def _description(body: Mapping[str, Any], place: Place) -> str | None:
    if place.per_job:
        return text(body.get("description"))
    if place.collection is None:
        return f"Results of the openEO jobs that are titled “{place.job.title}”."
    return None


def _license(document: Mapping[str, Any]) -> str | None:
    properties = document.get("properties")
    stated = document.get("license") or (properties.get("license") if isinstance(properties, Mapping) else None)
    if not isinstance(stated, str) or stated.strip().lower() in UNKNOWN_LICENSES:
        return None
    return "other" if stated.strip().lower() in VAGUE_LICENSES else stated.strip()


def _extra(body: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = cleaned({name: value for name, value in body.items() if name not in STRUCTURE})
    if "unpublished" in found:
        found["openeo:unpublished"] = found.pop("unpublished")
    sources = related.unresolved(body)
    if sources:
        found["openeo:derived_from"] = sources
    return found
