"""What is known of each job: its state, its fingerprint, its failures and when to try again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

import orjson
from sqlalchemy import ColumnElement, and_, func, select, update

from stacsync.jobs import JobRecord
from stacsync.ledger.engine import Database
from stacsync.ledger.schema import jobs
from stacsync.ledger.times import from_text, to_text
from stacsync.ledger.upsert import upsert
from stacsync.logs import redact

FIRST_RETRY = timedelta(minutes=1)
LAST_RETRY = timedelta(hours=24)
PARKED_AFTER = 8
"""Failures in a row after which a job counts as parked: still tried, once a day."""


class JobState(StrEnum):
    """The states of a job in the ledger."""

    STAGED = "staged"
    """All of it is mirrored and its documents are being written."""
    PUBLISHED = "published"
    WAITING = "waiting"
    SKIPPED = "skipped"
    FAILED = "failed"
    PARKED = "parked"
    """Failed so often that it is tried once a day only."""
    RETIRED = "retired"
    """Taken out of the catalog on purpose; only `sync --force` brings it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownJob:
    """What planning needs of a job."""

    state: JobState
    fingerprint: str | None
    next_attempt: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A job that failed, for `status`."""

    provider: str
    job: str
    title: str | None
    state: JobState
    error: str
    attempts: int
    next_attempt: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt at a job ended."""

    state: JobState
    fingerprint: str | None
    reason: str = ""
    left_out: Mapping[str, int] = field(default_factory=dict)


def retry_delay(attempts: int) -> timedelta:
    """Return how long `run` leaves a job alone after so many failures in a row: 1 min, 2, 4 … at most a day."""
    doublings = max(0, min(attempts, 30) - 1)
    return min(FIRST_RETRY * float(2**doublings), LAST_RETRY)


class Jobs:
    """The jobs of the ledger."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        """Work on `database`; `clock` tells now, in UTC."""
        self._database = database
        self._clock = clock

    def known(self, provider: str) -> dict[str, KnownJob]:
        """Return every job of a provider by its id."""
        query = select(jobs.c.job, jobs.c.state, jobs.c.fingerprint, jobs.c.next_attempt).where(
            jobs.c.provider == provider
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        states = {state.value: state for state in JobState}
        return {
            job: KnownJob(state=states[state], fingerprint=fingerprint, next_attempt=from_text(next_attempt))
            for job, state, fingerprint, next_attempt in rows
        }

    def finish(self, provider: str, record: JobRecord, outcome: Outcome) -> None:
        """Record how an attempt that did not fail ended."""
        row = self._row(provider, record, outcome) | {"attempts": 0, "next_attempt": None}
        if outcome.state is JobState.PUBLISHED:
            row["published_at"] = to_text(self._clock())
        with self._database.write() as connection:
            upsert(connection, jobs, [row])

    def fail(self, provider: str, record: JobRecord, reason: str) -> int:
        """Record a failure; return how many there were in a row. The fingerprint is forgotten, so it is tried again."""
        with self._database.write() as connection:
            before = connection.execute(select(jobs.c.attempts).where(_is(provider, record.id))).scalar() or 0
            attempts = before + 1
            state = JobState.PARKED if attempts >= PARKED_AFTER else JobState.FAILED
            row = self._row(provider, record, Outcome(state=state, fingerprint=None, reason=reason))
            row |= {"attempts": attempts, "next_attempt": to_text(self._clock() + retry_delay(attempts))}
            upsert(connection, jobs, [row])
        return attempts

    def settle(self, provider: str) -> int:
        """Turn staged jobs into published ones: every document is written. Return how many there were."""
        now = to_text(self._clock())
        change = update(jobs).where(jobs.c.provider == provider, jobs.c.state == JobState.STAGED)
        with self._database.write() as connection:
            return connection.execute(
                change.values(state=JobState.PUBLISHED, published_at=now, updated_at=now)
            ).rowcount

    def forget(self, provider: str, job: str | None = None) -> int:
        """Forget fingerprints and back-off (of one job or all): the next pass looks at them anew. Return how many."""
        change = update(jobs).where(jobs.c.provider == provider if job is None else _is(provider, job))
        with self._database.write() as connection:
            return connection.execute(change.values(fingerprint=None, next_attempt=None, attempts=0)).rowcount

    def set_state(self, provider: str, job: str, state: JobState, reason: str) -> int:
        """Set a job's state by hand (retire). Return 0 when the job is unknown."""
        change = update(jobs).where(_is(provider, job))
        with self._database.write() as connection:
            return connection.execute(
                change.values(state=state, reason=reason, updated_at=to_text(self._clock()))
            ).rowcount

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many jobs each provider has in each state."""
        query = select(jobs.c.provider, jobs.c.state, func.count()).group_by(jobs.c.provider, jobs.c.state)
        found: dict[str, dict[str, int]] = {}
        with self._database.read() as connection:
            for provider, state, count in connection.execute(query):
                found.setdefault(provider, {})[state] = count
        return found

    def left_out(self) -> dict[str, dict[str, dict[str, int]]]:
        """Return, by provider and job, what was left out of published jobs and why."""
        query = select(jobs.c.provider, jobs.c.job, jobs.c.left_out).where(jobs.c.left_out != "{}")
        found: dict[str, dict[str, dict[str, int]]] = {}
        with self._database.read() as connection:
            for provider, job, left_out in connection.execute(query):
                found.setdefault(provider, {})[job] = orjson.loads(left_out)
        return found

    def troubled(self, *states: JobState) -> list[Failure]:
        """Return the jobs in `states` (default: failed, parked), the ones tried most often first."""
        chosen = states or (JobState.FAILED, JobState.PARKED)
        query = (
            select(jobs).where(jobs.c.state.in_(chosen)).order_by(jobs.c.attempts.desc(), jobs.c.provider, jobs.c.job)
        )
        with self._database.read() as connection:
            return [
                Failure(
                    provider=row.provider,
                    job=row.job,
                    title=row.title,
                    state=JobState(row.state),
                    error=row.reason,
                    attempts=row.attempts,
                    next_attempt=from_text(row.next_attempt),
                )
                for row in connection.execute(query)
            ]

    def _row(self, provider: str, record: JobRecord, outcome: Outcome) -> dict[str, object]:
        return {
            "provider": provider,
            "job": record.id,
            "state": outcome.state.value,
            "fingerprint": outcome.fingerprint,
            "title": None if record.title is None else redact(record.title),
            "created_at": to_text(record.created),
            "finished_at": to_text(record.finished),
            "expires_at": to_text(record.expires),
            "reason": outcome.reason,
            "left_out": orjson.dumps(dict(outcome.left_out), option=orjson.OPT_SORT_KEYS).decode(),
            "updated_at": to_text(self._clock()),
        }


def _is(provider: str, job: str) -> ColumnElement[bool]:
    return and_(jobs.c.provider == provider, jobs.c.job == job)
