"""Projects → workflows → jobs: there is no list of all jobs, and every level pages in its own way."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import quote

from stacsync.errors import SignInFailed, Unavailable
from stacsync.http import HttpError, Session
from stacsync.jobs import JobRecord, identity
from stacsync.logs import get_logger
from stacsync.providers.pixxel.paging import Row, by_number, by_offset, unpaged
from stacsync.providers.pixxel.words import Progress, Vocabulary, key_of, moment, text

_LOG = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A chain of processing blocks that jobs run."""

    id: str
    name: str | None = None
    description: str | None = None
    project: str | None = None
    """The project's title."""


@dataclass(slots=True)
class Account:
    """What one API key may list."""

    session: Session
    vocabulary: Vocabulary
    wanted: Collection[str] = ()
    """Ids of the only workflows to take; empty: all."""
    forbidden: list[str] = field(default_factory=list)
    """What the last listing was refused: "workflow 7", "project 3"."""

    def workflows(self) -> Iterator[Workflow]:
        """Yield the workflows of every project, or those wanted, even if no project lists them.

        Raises `SignInFailed` when no project may be read, `Unavailable`.
        """
        missing = set(self.wanted)
        self.forbidden.clear()
        for project in self._projects():
            number = key_of(project.get("id"))
            rows = [] if number is None else self._permitted(f"project {number}", self._workflows_of(number))
            for row in rows:
                workflow = _workflow(row, project)
                if workflow is not None and (not self.wanted or workflow.id in missing):
                    missing.discard(workflow.id)
                    yield workflow
        for key in sorted(missing):
            yield Workflow(id=key)

    def jobs(self, workflow: Workflow) -> list[Row] | None:
        """Return the jobs of a workflow; None when it may not be read. Raises `Unavailable`."""
        path = f"/v0/workflows/{quote(workflow.id, safe='')}/jobs"
        before = len(self.forbidden)
        rows = self._permitted(f"workflow {workflow.id}", unpaged(self.session, path, "jobs"))
        return rows if len(self.forbidden) == before else None

    def finished_jobs(self) -> Iterator[JobRecord]:
        """Yield the finished jobs of every workflow.

        A workflow that is forbidden is left out and logged; when all are, the credentials are at fault (`SignInFailed`).
        One that cannot be read for another reason lets the others be read first, then raises `Unavailable`.
        """
        readable = 0
        trouble: Unavailable | None = None
        for workflow in self.workflows():
            try:
                rows = self.jobs(workflow)
            except SignInFailed:
                raise
            except Unavailable as error:
                trouble = error
                continue
            if rows is not None:
                readable += 1
                yield from self._records(rows, workflow)
        if self.forbidden and not readable:
            raise no_right()
        if trouble is not None:
            raise trouble

    def _projects(self) -> Iterator[Row]:
        try:
            yield from by_number(self.session, "/v0/projects", "projects")
        except HttpError as error:
            if error.status != 403:
                raise
            if not self.wanted:
                raise no_right() from None

    def _workflows_of(self, project: str) -> Iterator[Row]:
        return by_offset(self.session, "/v0/workflows", "workflows", {"project_id": project})

    def _permitted(self, what: str, rows: Iterator[Row]) -> list[Row]:
        try:
            return list(rows)
        except HttpError as error:
            if error.status != 403:
                raise
            self.forbidden.append(what)
            _LOG.warning("pixxel.forbidden", left_out=what)
            return []

    def _records(self, rows: list[Row], workflow: Workflow) -> Iterator[JobRecord]:
        bad = 0
        for row in rows:
            if key_of(row.get("id")) is None or text(row.get("status")) is None:
                bad += 1
                continue
            record = job_record(row, workflow, self.vocabulary)
            if record is not None:
                yield record
        if bad:
            _LOG.warning("pixxel.bad_records", workflow=workflow.id, count=bad)


def no_right() -> SignInFailed:
    """Return the error that tells of a key without any right."""
    return SignInFailed(
        "nothing may be read with this API key", "check its expiry, its projects, and the setting auth_scheme"
    )


def _workflow(row: Row, project: Row) -> Workflow | None:
    key = key_of(row.get("id"))
    if key is None:
        _LOG.warning("pixxel.bad_record", what="a workflow without an id")
        return None
    return Workflow(
        id=key,
        name=text(row.get("name")),
        description=text(row.get("description")),
        project=text(project.get("title")) or text(project.get("name")),
    )


def job_record(row: Mapping[str, Any], workflow: Workflow, vocabulary: Vocabulary) -> JobRecord | None:
    """Return a listed job if it is finished with results, else None. Unknown fields are ignored, ids are opaque.

    `updated_at` is no part of the fingerprint: asking for a package may well touch it, and a job never runs twice.
    """
    state = vocabulary.means(row.get("status"))
    job = key_of(row.get("id"))
    if state not in (Progress.DONE, Progress.PARTLY) or job is None:
        return None
    finished, updated = moment(row.get("finished_at")), moment(row.get("updated_at"))
    return JobRecord(
        id=job,
        fingerprint=identity("pixxel", workflow.id, job, finished and finished.isoformat(), state),
        title=workflow.name,
        created=moment(row.get("created_at")),
        updated=updated,
        finished=finished or updated,
        details={"workflow": workflow, "partly": state is Progress.PARTLY},
    )


def workflow_of(job: JobRecord) -> Workflow:
    """Return the workflow that a listed job belongs to."""
    return cast("Workflow", job.details["workflow"])
