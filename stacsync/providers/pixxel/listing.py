"""Projects → workflows → jobs: there is no list of all jobs, and every level pages in its own way."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote

from stacsync.errors import SignInFailed, Unavailable
from stacsync.http import HttpError, Session
from stacsync.jobs import JobRecord, identity
from stacsync.logs import get_logger
from stacsync.providers.pixxel.words import Progress, moment, progress

PAGE = 50
MOST_PAGES = 10_000
_LOG = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A chain of processing blocks that jobs run."""

    id: str
    name: str | None = None
    description: str | None = None
    project: str | None = None
    """The project's title."""


def _rows(answer: object, key: str) -> list[dict[str, Any]]:
    rows = answer.get(key) if isinstance(answer, Mapping) else answer
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def paged(
    session: Session, path: str, key: str, params: Mapping[str, Any], *, numbered: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield the rows under `key` of every page: by offset, or by page number when `numbered`.

    Ends at a page that is empty or holds nothing new (so an API that ignores paging is read once), or at the total that
    a page states. Raises `Unavailable`.
    """
    seen: set[str] = set()
    for page in range(MOST_PAGES):
        place = {"page_num": page + 1, "page_size": PAGE} if numbered else {"offset": len(seen), "limit": PAGE}
        answer = session.get_json(path, {**params, **place})
        rows = _rows(answer, key)
        new = [row for row in rows if str(row.get("id") or "") not in seen]
        yield from new
        seen |= {str(row.get("id") or "") for row in new}
        if not new or _total(answer) == len(seen):
            return
    raise Unavailable(f"{path} has more than {MOST_PAGES} pages", "name the workflows to take")


def _total(answer: object) -> int | None:
    if not isinstance(answer, Mapping):
        return None
    pagination = answer.get("pagination")
    total = pagination.get("total") if isinstance(pagination, Mapping) else answer.get("count")
    return total if isinstance(total, int) else None


def workflows(session: Session, wanted: Collection[str]) -> Iterator[Workflow]:
    """Yield the workflows of every project, or those `wanted`, even if no project lists them. Raises `Unavailable`."""
    missing = set(wanted)
    for project in paged(session, "/v0/projects", "projects", {}, numbered=True):
        number = str(project.get("id") or "")
        if not number:
            continue
        for row in paged(session, "/v0/workflows", "workflows", {"project_id": number}):
            key = str(row.get("id") or "")
            if not key or (wanted and key not in wanted):
                continue
            missing.discard(key)
            title = project.get("title") or project.get("name")
            yield Workflow(
                id=key,
                name=_text(row.get("name")),
                description=_text(row.get("description")),
                project=_text(title),
            )
    for key in sorted(missing):
        yield Workflow(id=key)


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def job_record(row: Mapping[str, Any], workflow: Workflow, also_done: Collection[str]) -> JobRecord | None:
    """Return a listed job if it is finished with results, else None. Unknown fields are ignored, ids are opaque."""
    state = progress(row.get("status"), also_done)
    if state not in (Progress.DONE, Progress.PARTLY) or not row.get("id"):
        return None
    finished = moment(row.get("finished_at")) or moment(row.get("updated_at"))
    job = str(row["id"])
    return JobRecord(
        id=job,
        fingerprint=identity("pixxel", workflow.id, job, finished and finished.isoformat(), state),
        title=workflow.name,
        created=moment(row.get("created_at")),
        updated=moment(row.get("updated_at")),
        finished=finished,
        details={"workflow": workflow, "partly": state is Progress.PARTLY},
    )


def finished_jobs(session: Session, wanted: Collection[str], also_done: Collection[str]) -> Iterator[JobRecord]:
    """Yield the finished jobs of every workflow.

    A workflow that is forbidden is left out and logged; when all are, the credentials are at fault (`SignInFailed`). One
    that cannot be read for another reason lets the others be read first, then raises `Unavailable`.
    """
    readable, forbidden = 0, 0
    trouble: Unavailable | None = None
    for workflow in workflows(session, wanted):
        try:
            rows = list(paged(session, f"/v0/workflows/{quote(workflow.id, safe='')}/jobs", "jobs", {}))
        except HttpError as error:
            if error.status in (401, 403):
                forbidden += 1
                _LOG.warning("pixxel.workflow_forbidden", workflow=workflow.id)
            else:
                trouble = error
            continue
        except Unavailable as error:
            trouble = error
            continue
        readable += 1
        yield from _records(rows, workflow, also_done)
    if forbidden and not readable:
        raise SignInFailed(
            "no workflow may be read with this API key", "check providers.*.api_key, its expiry and its projects"
        )
    if trouble is not None:
        raise trouble


def _records(rows: list[dict[str, Any]], workflow: Workflow, also_done: Collection[str]) -> Iterator[JobRecord]:
    for row in rows:
        if not row.get("id") or not isinstance(row.get("status"), str):
            _LOG.warning("pixxel.bad_record", workflow=workflow.id)
            continue
        record = job_record(row, workflow, also_done)
        if record is not None:
            yield record


def workflow_of(job: JobRecord) -> Workflow:
    """Return the workflow that a listed job belongs to."""
    return cast("Workflow", job.details["workflow"])
