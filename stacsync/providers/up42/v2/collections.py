"""The Collection that a processing job feeds. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stacsync.jobs import JSON, AssetRecord, CollectionRecord, JobRecord
from stacsync.providers.up42.names import slug, text
from stacsync.providers.up42.v2.assets import asset_records, is_original
from stacsync.providers.up42.v2.jobs import collection_id, facts_of

ORGANISATION = {"name": "UP42", "roles": ["processor"], "url": "https://up42.com"}
_ROLES = frozenset({"licensor", "producer", "processor", "host"})


def collection_record(
    job: JobRecord, source: JSON | None, *, provider: str, grouping: str, originals: tuple[AssetRecord, ...] = ()
) -> CollectionRecord:
    """Return what `job` contributes: to its process's Collection, or to one like its source Collection.

    `source` is that Collection as UP42 tells it, None when it could not be read.
    """
    given = source or {}
    facts = facts_of(job)
    source_id = collection_id(facts)
    process = facts.process.replace("-", " ").replace("_", " ")
    if grouping == "source" and source_id:
        name = slug(source_id)
        title = _title(given) or job.title or f"UP42 {process}"
        described = text(given.get("description")) or f"Results of the UP42 processing job {title}."
    else:
        name = f"{provider}-{slug(facts.process)}"
        title, described = f"UP42 {process}", f"Results of UP42 processing jobs: {process}."
    single = grouping == "source"
    return CollectionRecord(
        id=name,
        job_id=job.id if single else None,
        title=title,
        description=described,
        keywords=("UP42",),
        license=_license(given.get("license")),
        providers=(*_organisations(given.get("providers")), ORGANISATION),
        assets=originals,
        created=job.created if single else None,
    )


def original_records(
    source: JSON | None, job: JobRecord, base: str, grouping: str, left_out: Counter[str]
) -> tuple[AssetRecord, ...]:
    """Return the original delivery in a source Collection; keys name the job where jobs share a Collection."""
    given = (source or {}).get("assets")
    wanted = {key: asset for key, asset in given.items() if is_original(asset)} if isinstance(given, dict) else {}
    records = asset_records(wanted, base, left_out)
    if grouping == "source":
        return records
    return tuple(
        replace(record, key=f"{record.key}-{job.id}", filename=f"{slug(job.id)}-{record.filename}")
        for record in records
    )


def _title(source: Mapping[str, Any]) -> str | None:
    return text(source.get("title")) or text(source.get("up42-user:title"))


def _license(stated: Any) -> str | None:
    """Return the stated licence; STAC's older words for one that has no SPDX name are "other" today."""
    found = text(stated)
    return "other" if found in {"proprietary", "various"} else found


def _organisations(stated: Any) -> tuple[JSON, ...]:
    """Return the organisations that a source names, UP42 itself aside."""
    found: list[JSON] = []
    for entry in stated if isinstance(stated, list) else ():
        name = text(entry.get("name")) if isinstance(entry, dict) else None
        if name is None or name.upper() == ORGANISATION["name"]:
            continue
        roles = entry.get("roles")
        kept = [role for role in roles if role in _ROLES] if isinstance(roles, list) else []
        url = text(entry.get("url"))
        found.append({"name": name, **({"roles": kept} if kept else {}), **({"url": url} if url else {})})
    return tuple(found)
