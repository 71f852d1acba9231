"""A job as the first API lists it -> JobRecord. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stacsync.jobs import JSON, JobRecord, Standing, identity
from stacsync.providers.up42.names import text
from stacsync.providers.up42.times import instant, interval

_LIVE = {None, "DEFAULT"}
Interval = tuple[datetime | None, datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """What describing a job needs from its listing; nothing in it names a person or an account."""

    workflow_id: str | None
    workflow_name: str | None
    name: str | None
    started: datetime | None
    asked_for: Interval | None
    """The period that the job's inputs ask for."""


def is_finished(payload: JSON) -> bool:
    """Tell whether a listed job ended with results: SUCCEEDED, in whatever spelling."""
    return str(payload.get("status", "")).strip().upper().replace(" ", "_") == "SUCCEEDED"


def job_record(payload: JSON, settings_mark: str = "") -> JobRecord | None:
    """Return the record of a listed job; None when it has no id, so that nobody could ask for it.

    The fingerprint holds id and end of the job: a job that is renamed later is not a changed job. `settings_mark` names
    the settings that its items depend on.
    """
    job_id = text(payload.get("id"))
    if job_id is None:
        return None
    mode = text(payload.get("mode"))
    live = (mode.upper() if mode else None) in _LIVE
    finished = instant(payload.get("finishedAt"))
    return JobRecord(
        id=job_id,
        fingerprint=identity("up42-v1", job_id, payload.get("finishedAt"), settings_mark),
        title=text(payload.get("name")) or text(payload.get("workflowName")),
        created=instant(payload.get("createdAt")),
        updated=finished,
        finished=finished,
        standing=Standing.READY if live else Standing.SKIPPED,
        reason="" if live else _not_live(mode),
        details={"facts": _facts(payload)},
    )


def facts_of(job: JobRecord) -> JobFacts:
    """Return what the listing told of `job`."""
    facts = job.details.get("facts")
    return facts if isinstance(facts, JobFacts) else _facts({})


def _facts(payload: Mapping[str, Any]) -> JobFacts:
    return JobFacts(
        workflow_id=text(payload.get("workflowId")),
        workflow_name=text(payload.get("workflowName")),
        name=text(payload.get("name")),
        started=instant(payload.get("startedAt")),
        asked_for=_asked_for(payload.get("inputs")),
    )


def _not_live(mode: str | None) -> str:
    if (mode or "").upper() == "DRY_RUN":
        return "a test query (DRY_RUN), it has no data"
    return f"mode {mode!r} is unknown; only jobs of mode DEFAULT have data"


def _asked_for(inputs: Any) -> Interval | None:
    """Return the period over all blocks that ask for one: `time` is an interval, `time_series` a list of them."""
    periods: list[Interval] = []
    for block in inputs.values() if isinstance(inputs, dict) else ():
        if not isinstance(block, dict):
            continue
        series = block.get("time_series")
        asked = [*(series if isinstance(series, list) else [series]), block.get("time")]
        periods += [period for period in map(interval, asked) if period]
    if not periods:
        return None
    starts = [start for start, _ in periods]
    ends = [end for _, end in periods]
    return (
        None if None in starts else min(start for start in starts if start),
        None if None in ends else max(end for end in ends if end),
    )
