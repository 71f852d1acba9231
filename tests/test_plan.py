"""Planning: what to do with a job follows from what is finished upstream and what the ledger knows, and from nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stacsync.jobs import JobRecord, Standing
from stacsync.plan import Action, Choice, decide, order

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    state: str = "published"
    fingerprint: str | None = "f1"
    next_attempt: datetime | None = None


def job(fingerprint: str = "f1", **facts: object) -> JobRecord:
    return JobRecord(**{"id": "j-1", "title": "NDVI Belgium", "fingerprint": fingerprint, **facts})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("record", "known", "choice", "expected"),
    [
        (job(), None, Choice(), Action.TAKE),
        (job(), Row(), Choice(), Action.UNCHANGED),
        (job("f2"), Row(), Choice(), Action.TAKE),
        (job(), Row(state="failed", fingerprint=None), Choice(), Action.TAKE),
        (job(), Row(state="skipped"), Choice(), Action.SKIP),
        (job("f2"), Row(state="skipped"), Choice(), Action.TAKE),
        (job(), Row(state="skipped", fingerprint=None), Choice(), Action.TAKE),
        (job(), Row(state="retired"), Choice(), Action.SKIP),
        (job(), Row(state="retired"), Choice(force=True), Action.TAKE),
        (job(), Row(), Choice(force=True), Action.TAKE),
        (job(), Row(state="staged"), Choice(), Action.TAKE),
        (job(standing=Standing.WAITING, reason="half"), None, Choice(), Action.WAIT),
        (job(standing=Standing.SKIPPED, reason="dry run"), None, Choice(force=True), Action.SKIP),
        (job(), None, Choice(include=("SAR*",)), Action.SKIP),
        (job(), None, Choice(include=("NDVI*",)), Action.TAKE),
        (job(), None, Choice(exclude=("j-*",)), Action.SKIP),
        (job(), None, Choice(include=("ndvi*",)), Action.TAKE),
        (job(), None, Choice(exclude=("J-?",)), Action.SKIP),
        (job(finished=NOW), None, Choice(since=NOW + timedelta(days=1)), Action.SKIP),
        (job(finished=NOW), None, Choice(since=NOW), Action.TAKE),
    ],
)
def test_a_job_is_dealt_with_by_comparing_states(
    record: JobRecord, known: Row | None, choice: Choice, expected: Action
) -> None:
    """New and changed jobs are taken, published ones left alone, retired ones only brought back by force."""
    assert decide(record, known, choice, NOW).action is expected


def test_only_the_daemon_waits_for_a_failed_job() -> None:
    """`sync` tries a failed job at once, `run` leaves it alone until its next attempt is due."""
    failed = Row(state="failed", fingerprint=None, next_attempt=NOW + timedelta(minutes=5))
    assert decide(job(), failed, Choice(), NOW).action is Action.TAKE
    assert decide(job(), failed, Choice(patient=True), NOW).action is Action.BACK_OFF
    assert decide(job(), failed, Choice(patient=True), NOW + timedelta(minutes=5)).action is Action.TAKE


def test_a_reason_is_given_whenever_a_job_is_set_aside() -> None:
    """Whoever reads `status` learns which setting left a job out."""
    told = decide(job(finished=NOW), None, Choice(since=datetime(2027, 1, 1, tzinfo=UTC)), NOW).reason
    assert "since" in told
    assert "2027-01-01" in told


def test_results_that_are_deleted_soon_go_first_then_the_oldest() -> None:
    """A job near its provider's retention limit is taken before older ones that are safe."""
    soon = job(id="soon", finished=NOW, expires=NOW + timedelta(days=3))
    old = job(id="old", finished=NOW - timedelta(days=30), expires=NOW + timedelta(days=60))
    new = job(id="new", finished=NOW - timedelta(days=1))
    assert [one.id for one in order({one.id: one for one in (new, old, soon)}, NOW)] == ["soon", "old", "new"]


@given(st.text(), st.sampled_from(["published", "skipped", "failed", "waiting", "retired", "staged"]))
def test_deciding_twice_decides_the_same(fingerprint: str, state: str) -> None:
    """A decision depends on its arguments alone."""
    row = Row(state=state)
    assert decide(job(fingerprint), row, Choice(), NOW) == decide(job(fingerprint), row, Choice(), NOW)
