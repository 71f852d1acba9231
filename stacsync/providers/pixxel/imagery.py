"""Delivered imagery: entries of the account's catalog, each with a STAC Item and a package of its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from stacsync.errors import Unavailable
from stacsync.http import Session
from stacsync.jobs import JobRecord, identity
from stacsync.logs import get_logger
from stacsync.providers.pixxel import repair
from stacsync.providers.pixxel.package import Ask
from stacsync.providers.pixxel.paging import MOST_PAGES, PAGE, Seen, rows_of, stated_total
from stacsync.providers.pixxel.words import Progress, Vocabulary, key_of, moment, text

PREFIX = "imagery-"
_LOG = get_logger(__name__)


def delivered(session: Session, vocabulary: Vocabulary) -> Iterator[JobRecord]:
    """Yield every delivered image of the account's catalog as a record. Raises `Unavailable`."""
    seen, offset = Seen(), 0
    for _ in range(MOST_PAGES):
        answer = session.post_json("/v0/catalogs/search", json={"limit": PAGE, "offset": offset})
        rows = rows_of(answer, "catalogs")
        new = seen.new(rows)
        for row in new:
            record = image_record(row, vocabulary)
            if record is not None:
                yield record
        offset += len(rows)
        if not new or stated_total(answer) == offset:
            return
    raise Unavailable("the catalog of delivered imagery does not end", "set imagery = false for this provider")


def image_record(row: Mapping[str, Any], vocabulary: Vocabulary) -> JobRecord | None:
    """Return an entry of the catalog if its files are delivered, else None."""
    number, details = key_of(row.get("id")), row.get("details")
    if number is None or not isinstance(details, Mapping):
        _LOG.warning("pixxel.bad_record", what="an entry of the catalog without an id or a STAC Item")
        return None
    if vocabulary.means(row.get("delivery_status")) is not Progress.DONE:
        return None
    stated = repair.properties(details)
    name = text(details.get("id")) or number
    return JobRecord(
        id=f"{PREFIX}{number}",
        fingerprint=identity("pixxel", "imagery", number, name, stated.get("updated")),
        title=name,
        created=moment(row.get("created_at")),
        updated=moment(row.get("updated_at")),
        finished=moment(row.get("updated_at")) or moment(row.get("created_at")),
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
