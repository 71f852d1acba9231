"""Pages of `GET /jobs` as job records. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Any

from stacsync.errors import Unavailable
from stacsync.jobs import JobRecord
from stacsync.providers.openeo.links import links_of
from stacsync.providers.openeo.times import after, instant

RETENTION = timedelta(days=90)
"""How long a back-end of the openEO federation keeps results at least."""


def finished(page: Any) -> Iterator[JobRecord]:
    """Yield the finished jobs of a page. Raises `Unavailable` when it is no job listing at all.

    An entry without an id cannot be asked for by anybody and is passed over.
    """
    for entry in entries(page):
        if entry.get("status") == "finished" and isinstance(entry.get("id"), str) and entry["id"]:
            yield record(entry)


def entries(page: Any) -> list[dict[str, Any]]:
    """Return the entries of a page. Raises `Unavailable` when it is no job listing at all."""
    jobs = page.get("jobs") if isinstance(page, dict) else None
    if not isinstance(jobs, list):
        raise Unavailable("the back-end's list of jobs has no jobs in it", "check that url is an openEO back-end")
    return [entry for entry in jobs if isinstance(entry, dict)]


def record(entry: dict[str, Any]) -> JobRecord:
    """Return one entry as a record; the fingerprint changes whenever the back-end says that the job was touched."""
    created, updated = instant(entry.get("created")), instant(entry.get("updated"))
    touched = entry.get("updated") or entry.get("created")
    known = updated or created
    title = entry.get("title")
    return JobRecord(
        id=entry["id"],
        fingerprint=sha256(f"{entry['id']}\x1f{touched}\x1f{entry.get('status')}".encode()).hexdigest()[:32],
        title=title if isinstance(title, str) and title.strip() else None,
        created=created,
        updated=updated,
        finished=updated,
        expires=instant(entry.get("unpublished")) or (after(known, RETENTION) if known else None),
    )


def next_link(page: Any) -> str | None:
    """Return the href of the next page; None on the last one and on an empty one, whatever that links to."""
    if not isinstance(page, dict) or not entries(page):
        return None
    found = links_of(page, "next")
    return str(found[0]["href"]) if found else None


def missing_backends(page: Any) -> list[str]:
    """Return the back-ends of a federation that this page does not speak for."""
    missing = page.get("federation:missing") if isinstance(page, dict) else None
    return sorted(str(name) for name in missing) if isinstance(missing, list) else []
