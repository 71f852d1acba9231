"""Delivered imagery: entries of the account's catalog, each with a STAC Item and a package of its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from stacsync.errors import Unavailable
from stacsync.http import Session
from stacsync.jobs import JobRecord, identity
from stacsync.providers.pixxel.package import Ask
from stacsync.providers.pixxel.words import Progress, moment, progress

PAGE = 50
MOST_PAGES = 10_000
PREFIX = "imagery-"


def delivered(session: Session) -> Iterator[JobRecord]:
    """Yield every delivered image of the account's catalog as a record. Raises `Unavailable`."""
    seen: set[str] = set()
    for _ in range(MOST_PAGES):
        answer = session.post_json("/v0/catalogs/search", json={"limit": PAGE, "offset": len(seen)})
        rows = answer.get("catalogs") if isinstance(answer, Mapping) else None
        new = [row for row in rows or () if isinstance(row, dict) and row.get("id") and str(row["id"]) not in seen]
        seen |= {str(row["id"]) for row in new}
        yield from (record for row in new if (record := _record(row)) is not None)
        if not new:
            return
    raise Unavailable("the catalog of delivered imagery does not end")


def _record(row: Mapping[str, Any]) -> JobRecord | None:
    details = row.get("details")
    if progress(row.get("delivery_status")) is not Progress.DONE or not isinstance(details, Mapping):
        return None
    updated = moment(row.get("updated_at"))
    number = str(row["id"])
    return JobRecord(
        id=f"{PREFIX}{number}",
        fingerprint=identity("pixxel", "imagery", number, updated and updated.isoformat()),
        title=str(details.get("id") or number),
        created=moment(row.get("created_at")),
        updated=updated,
        finished=updated,
        details={"imagery": dict(details), "number": number},
    )


def is_imagery(job: JobRecord) -> bool:
    """Return whether a record is a delivered image and not a workflow's job."""
    return "imagery" in job.details


def ask(job: JobRecord) -> Ask:
    """Return how to ask for the package of a delivered image."""
    return Ask(
        method="POST",
        path="/v0/catalogs/download",
        body={"catalog_ids": [job.details["number"]]},
        follow=lambda number: f"/v0/catalogs/download/{quote(number, safe='')}",
    )
