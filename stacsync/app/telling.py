"""`status` and `check`: what the ledger knows, and what works right now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from stacsync.app import reach
from stacsync.app.parts import Parts
from stacsync.app.pushing import standing
from stacsync.errors import StacsyncError
from stacsync.ledger import JobState, PassRow
from stacsync.ledger.times import to_text
from stacsync.logs import redact
from stacsync.provider import CheckLine
from stacsync.raster import extra
from stacsync.search import failures as index_failures

if TYPE_CHECKING:
    from stacsync.app.cluster import Link

SCHEDULE = "schedule"
"""Under this key of a provider's memory `run` keeps when its next pass is due, and when the last one went through."""
BREAKER = "breaker"
"""Under this key of a provider's memory `run` keeps how many passes failed in a row, and until when it is left alone."""


def status(parts: Parts) -> dict[str, Any]:
    """Return the object of `status --json`, and beside it what was left out and what waits or is skipped, with reasons."""
    ledger = parts.ledger
    counts = ledger.jobs.counts()
    configured = parts.settings.providers
    providers = {}
    for name in sorted({*configured, *counts}):
        last, success = ledger.passes.last(name), ledger.passes.last_success(name)
        planned = ledger.memory(name).get(SCHEDULE) or {}
        providers[name] = {
            "kind": configured[name].kind if name in configured else None,
            "jobs": counts.get(name, {}),
            "last_pass": _ended(last),
            "last_success": _ended(success),
            "next_pass": planned.get("next_pass"),
            "error": None if last is None or last.ok else last.error,
        }
    failures = [
        {
            "provider": one.provider,
            "job": one.job,
            "error": one.error,
            "attempts": one.attempts,
            "next_attempt": to_text(one.next_attempt),
        }
        for one in ledger.jobs.troubled()
    ]
    return {
        "providers": providers,
        "failures": failures,
        "left_out": ledger.jobs.left_out(),
        "set_aside": _set_aside(parts),
        "targets": standing(parts),
        "indexes": [
            {"provider": one.provider, "collection": one.collection, "error": one.error, "attempts": one.attempts}
            for one in index_failures(ledger)
        ],
    }


def _set_aside(parts: Parts) -> list[dict[str, Any]]:
    rows = parts.ledger.jobs.troubled(JobState.WAITING, JobState.SKIPPED, JobState.RETIRED)
    return [{"provider": one.provider, "job": one.job, "state": one.state.value, "reason": one.error} for one in rows]


def _ended(row: PassRow | None) -> str | None:
    return None if row is None else to_text(row.finished)


def check(parts: Parts) -> Iterator[CheckLine]:
    """Try the ledger, the store and every provider; one line each, nothing is raised."""
    yield from _tried("ledger", lambda: [CheckLine(subject="ledger", ok=True, message=parts.ledger.database.shown)])
    yield from _tried("storage", parts.storage.probe)
    yield from _tried("readers", partial(_readers, parts))
    yield _rasters(parts)
    if parts.cluster is not None:
        yield from _tried("dask", partial(_cluster_lines, parts, parts.cluster))
    for name in parts.names():
        yield from _tried(f"providers.{name}", partial(_provider_lines, parts, name))
    for target in parts.targets:
        yield from _tried(f"targets: {target.url}", target.check)


def _cluster_lines(parts: Parts, cluster: Link) -> Iterable[CheckLine]:
    from stacsync.app.cluster.checking import check_lines  # noqa: PLC0415  few configurations have a cluster

    return check_lines(cluster, parts.storage, parts.names())


def _readers(parts: Parts) -> Iterable[CheckLine]:
    public_url = parts.settings.storage.public_url
    return [] if public_url is None else list(reach.lines(str(public_url)))


def _rasters(parts: Parts) -> CheckLine:
    if not extra.installed():
        message = f"headers alone are read; `{extra.INSTALL}` adds statistics, colours and pictures"
    elif parts.settings.raster.pictures:
        message = "statistics and colours are added, and pictures where there are none"
    else:
        message = "statistics and colours are added; pictures are switched off (raster.pictures)"
    return CheckLine(subject="rasters", ok=True, message=message)


def _provider_lines(parts: Parts, name: str) -> Iterable[CheckLine]:
    return [replace(line, subject=f"providers.{name}: {line.subject}") for line in parts.provider(name).check()]


def _tried(subject: str, lines: Callable[[], Iterable[CheckLine]]) -> list[CheckLine]:
    try:
        return list(lines())
    except StacsyncError as error:
        return [CheckLine(subject=subject, ok=False, message=error.message, remedy=error.remedy)]
    except Exception as bug:  # noqa: BLE001 - a bug in one check must not hide the others
        message = redact(f"internal error: {type(bug).__name__}: {bug}"[:300])
        return [CheckLine(subject=subject, ok=False, message=message)]
