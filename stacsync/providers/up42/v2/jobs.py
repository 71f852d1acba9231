"""A processing job as the API lists it -> JobRecord. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from stacsync.jobs import JSON, JobRecord, Standing, identity
from stacsync.logs import redact
from stacsync.providers.up42.names import text
from stacsync.providers.up42.times import instant
from stacsync.providers.up42.v2.addresses import public

FINISHED = ("successful", "captured")
"""Delivered, and delivered and paid for; the first becomes the second, which changes nothing in the results."""
ENDED = frozenset({"failed", "released", "invalid", "rejected", "unlicensed"})
UNDER_WAY = frozenset({"created", "licensed", "valid", "accepted", "running"})
_SAID = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """What describing a job needs from its listing; nothing in it names a person or an account."""

    process: str
    collection: str | None
    """Address of the STAC Collection of its results."""
    inputs: tuple[str, ...]
    """Addresses of the scenes that went in."""


def status(payload: JSON) -> str:
    """Return a listed job's status in lower case, "" when it has none."""
    return str(payload.get("status") or "").strip().lower()


def job_record(payload: JSON, settings_mark: str = "") -> JobRecord | None:
    """Return the record of a finished job; None when it has no id.

    The fingerprint holds the job's id and its results' collection, not its status: that it was paid for is no change.
    `settings_mark` names the settings that its items depend on.
    """
    job_id = text(payload.get("jobID"))
    if job_id is None:
        return None
    results = payload.get("results")
    results = results if isinstance(results, dict) else {}
    definition = payload.get("definition")
    inputs = definition.get("inputs") if isinstance(definition, dict) else None
    inputs = inputs if isinstance(inputs, dict) else {}
    collection = text(results.get("collection"))
    return JobRecord(
        id=job_id,
        fingerprint=identity("up42-v2", job_id, _last_part(collection), settings_mark),
        title=text(inputs.get("title")),
        created=instant(payload.get("created")),
        updated=instant(payload.get("updated")),
        finished=instant(payload.get("finished")),
        standing=Standing.READY if collection else Standing.SKIPPED,
        reason="" if collection else _without_results(results.get("errors")),
        details={
            "facts": JobFacts(
                process=text(payload.get("processID")) or "unknown", collection=collection, inputs=_scenes(inputs)
            )
        },
    )


def facts_of(job: JobRecord) -> JobFacts:
    """Return what the listing told of `job`."""
    facts = job.details.get("facts")
    return facts if isinstance(facts, JobFacts) else JobFacts(process="unknown", collection=None, inputs=())


def collection_id(facts: JobFacts) -> str | None:
    """Return the id of the results' source Collection: the last part of its address."""
    return _last_part(facts.collection)


def _last_part(address: str | None) -> str | None:
    return (address or "").partition("?")[0].rstrip("/").rpartition("/")[2] or None


def _scenes(inputs: JSON) -> tuple[str, ...]:
    """Return the public addresses of the input scenes, each once, without queries."""
    several = inputs.get("items")
    named = [inputs.get("item"), *(several if isinstance(several, list) else [several])]
    addresses = (public(href.partition("#")[0].partition("?")[0]) for href in named if isinstance(href, str))
    return tuple(dict.fromkeys(address for address in addresses if address))


def _without_results(errors: object) -> str:
    said = [
        str(error.get("message") or error.get("name") or "")
        for error in (errors if isinstance(errors, list) else ())
        if isinstance(error, dict)
    ]
    told = redact("; ".join(part for part in said if part))[:_SAID]
    return f"the job names no results: {told}" if told else "the job names no results"
