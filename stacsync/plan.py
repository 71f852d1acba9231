"""Decide, from what is finished upstream and what the ledger knows, what to do with each job. Pure.

Level, not edge: a decision compares states, never remembers having seen a change. So a crash, a restart, clock skew or a
skipped tick heal at the next pass. A job that is no longer listed is no reason to do anything at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from stacsync.jobs import JobRecord, Standing
from stacsync.settings.globs import matches

NEAR_EXPIRY = timedelta(days=14)
"""A job whose results the provider deletes within this time goes first, with a warning."""


class Action(StrEnum):
    """What a pass does with a job."""

    TAKE = "take"
    UNCHANGED = "unchanged"
    WAIT = "wait"
    SKIP = "skip"
    BACK_OFF = "back off"


class Known(Protocol):
    """What planning needs of a job in the ledger (`stacsync.ledger.KnownJob` is one)."""

    @property
    def state(self) -> str:
        """The state's name."""
        ...

    @property
    def fingerprint(self) -> str | None:
        """Of the results that were dealt with; None: look again."""
        ...

    @property
    def next_attempt(self) -> datetime | None:
        """Before this time `run` leaves the job alone."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which jobs the operator wants, from the provider's settings and the command line."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    since: datetime | None = None
    jobs: frozenset[str] = frozenset()
    """Only these ids (`--job`); empty: all."""
    force: bool = False
    """Take what is chosen although it is unchanged, retired or backing off."""
    patient: bool = False
    """Obey back-off (`run`); `sync` tries failed jobs at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do with a job, and why."""

    action: Action
    reason: str = ""


def chosen(record: JobRecord, choice: Choice) -> bool:
    """Return whether the command line asks for this job at all; one that it does not is neither seen nor counted."""
    return not choice.jobs or record.id in choice.jobs


def _excluded(record: JobRecord, choice: Choice) -> str:
    names = (record.id, record.title or "")
    if choice.include and not matches(names, choice.include):
        return "excluded: matches no pattern of `include`"
    if matches(names, choice.exclude):
        return "excluded: matches a pattern of `exclude`"
    moment = record.finished or record.updated or record.created
    if choice.since is not None and moment is not None and moment < choice.since:
        return f"excluded: older than `since` ({choice.since:%Y-%m-%d})"
    return ""


def decide(record: JobRecord, known: Known | None, choice: Choice, now: datetime) -> Decision:
    """Decide about one finished job. `known` is its row in the ledger, if any; `now` is UTC."""
    if record.standing is Standing.SKIPPED:
        return Decision(action=Action.SKIP, reason=record.reason)
    if excluded := _excluded(record, choice):
        return Decision(action=Action.SKIP, reason=excluded)
    if record.standing is Standing.WAITING:
        return Decision(action=Action.WAIT, reason=record.reason)
    if choice.force or known is None:
        return Decision(action=Action.TAKE)
    return _again(record, known, choice, now)


def _again(record: JobRecord, known: Known, choice: Choice, now: datetime) -> Decision:
    if known.state == "retired":
        return Decision(action=Action.SKIP, reason="retired; `stacsync sync --force --job ID` brings it back")
    if known.fingerprint == record.fingerprint:
        if known.state == "published":
            return Decision(action=Action.UNCHANGED)
        if known.state == "skipped":
            return Decision(action=Action.SKIP)
    if choice.patient and known.next_attempt is not None and now < known.next_attempt:
        return Decision(action=Action.BACK_OFF)
    return Decision(action=Action.TAKE)


def expires_soon(record: JobRecord, now: datetime) -> bool:
    """Return whether the provider deletes the results within `NEAR_EXPIRY`, or says that it has."""
    return record.expires is not None and record.expires - now < NEAR_EXPIRY


def urgency(record: JobRecord, now: datetime) -> tuple[int, str, str]:
    """Return a sort key: results that are deleted soon first, then the oldest, then by id."""
    near = expires_soon(record, now)
    moment = record.finished or record.updated or record.created
    return (0 if near else 1, "" if moment is None else moment.astimezone(UTC).isoformat(), record.id)


def order(records: Mapping[str, JobRecord], now: datetime) -> list[JobRecord]:
    """Return the jobs to take in the order in which to take them."""
    return sorted(records.values(), key=lambda record: urgency(record, now))
