"""What somebody who looks at a running service wants to see at a glance: small answers, however large the ledger is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, case, func, select

from stacsync.ledger.engine import Database
from stacsync.ledger.jobs import JobState
from stacsync.ledger.schema import aggregates, items, jobs, passes
from stacsync.ledger.times import from_text, to_text

_UNFINISHED = (JobState.FAILED, JobState.PARKED, JobState.WAITING, JobState.STAGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """The passes of one provider that began within one hour."""

    provider: str
    start: datetime
    passes: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """Where an Item is; degrees, `west` > `east` across the antimeridian."""

    provider: str
    title: str
    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiring:
    """A job that is not published and whose results the provider deletes soon."""

    provider: str
    job: str
    title: str | None
    expires: datetime


class Glance:
    """Answers from the ledger for a status page and for metrics. Raises `LedgerError`."""

    def __init__(self, database: Database) -> None:
        """Read `database`."""
        self._database = database

    def hours(self, since: datetime) -> list[Hour]:
        """Return the finished passes since then, hour by hour, oldest first."""
        hour = func.substr(passes.c.started_at, 1, 13)
        query = (
            select(passes.c.provider, hour, func.count(), func.sum(case((passes.c.ok.is_(True), 0), else_=1)))
            .where(passes.c.started_at >= to_text(since), passes.c.finished_at.is_not(None))
            .group_by(passes.c.provider, hour)
            .order_by(hour, passes.c.provider)
        )
        with self._database.read() as connection:
            return [
                Hour(provider=provider, start=datetime.fromisoformat(f"{start}:00:00Z"), passes=count, failed=failed)
                for provider, start, count, failed in connection.execute(query)
            ]

    def items(self) -> dict[str, int]:
        """Return how many Items of each provider are in the catalog."""
        query = select(aggregates.c.provider, func.sum(aggregates.c.count)).group_by(aggregates.c.provider)
        with self._database.read() as connection:
            return {provider: int(count) for provider, count in connection.execute(query)}

    def footprints(self, limit: int) -> list[Footprint]:
        """Return where the newest Items are, newest month first; reads no more than a few hundred rows."""
        with self._database.read() as connection:
            return list(_newest(connection, limit))

    def expiring(self, now: datetime, within: timedelta) -> list[Expiring]:
        """Return the unpublished jobs whose results are deleted within that time, the most urgent first."""
        query = (
            select(jobs.c.provider, jobs.c.job, jobs.c.title, jobs.c.expires_at)
            .where(jobs.c.state.in_(_UNFINISHED), jobs.c.expires_at < to_text(now + within))
            .order_by(jobs.c.expires_at, jobs.c.provider, jobs.c.job)
        )
        with self._database.read() as connection:
            return [
                Expiring(provider=provider, job=job, title=title, expires=expires)
                for provider, job, title, text in connection.execute(query)
                if (expires := from_text(text)) is not None
            ]

    def backing_off(self, now: datetime) -> dict[str, int]:
        """Return how many failed jobs of each provider are left alone for now."""
        query = (
            select(jobs.c.provider, func.count())
            .where(jobs.c.state.in_((JobState.FAILED, JobState.PARKED)), jobs.c.next_attempt > to_text(now))
            .group_by(jobs.c.provider)
        )
        with self._database.read() as connection:
            return {provider: int(count) for provider, count in connection.execute(query)}


def _newest(connection: Connection, limit: int) -> Iterator[Footprint]:
    live = items.c.staged.is_(False)
    months = (
        select(items.c.provider, items.c.collection, items.c.month)
        .where(live, items.c.month < "a")  # what has no date is not among the newest
        .group_by(items.c.provider, items.c.collection, items.c.month)
        .order_by(items.c.month.desc(), items.c.provider, items.c.collection)
        .limit(limit)
    )
    left = limit
    for provider, collection, month in connection.execute(months).all():
        query = (
            select(items.c.title, items.c.west, items.c.south, items.c.east, items.c.north)
            .where(items.c.provider == provider, items.c.collection == collection, live, items.c.month == month)
            .where(items.c.west.is_not(None))
            .order_by(items.c.sort_at.desc())
            .limit(left)
        )
        for title, west, south, east, north in connection.execute(query):
            yield Footprint(provider=provider, title=title, west=west, south=south, east=east, north=north)
            left -= 1
        if left <= 0:
            return
