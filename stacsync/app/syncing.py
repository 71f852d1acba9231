"""`sync`: one pass of each provider, side by side, and one report."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from stacsync.app.parts import Parts, now
from stacsync.app.pushing import errors, push
from stacsync.errors import StacsyncError, StorageError
from stacsync.ledger.times import to_text
from stacsync.logs import get_logger
from stacsync.plan import Choice
from stacsync.storage.presence import folders, sizes
from stacsync.sync import DocumentCounts, Filter, Pass, PassReport, Site, Taker, Trouble, to_json

UPLOAD_AGE = timedelta(days=7)
"""After this time an upload that was never completed is given up: its job has vanished or changed."""
_LOG = get_logger(__name__)


def adopt_if_lost(parts: Parts, *, rebuilding: bool = False) -> None:
    """Make a ledger anew that knows nothing, or not all that is published. Raises `Refused`, `StorageError`."""
    report = parts.publisher.adopt(rebuilding=rebuilding)
    if report is not None:
        _LOG.warning("ledger.adopted", stale=report.stale, items=report.items, assets=report.assets)


def sweep_uploads(parts: Parts) -> None:
    """Abort uploads of ours that nobody continues any more; a store that cannot tell is left as it is."""
    now_text = to_text(now() - UPLOAD_AGE) or ""
    for row in parts.uploads.all():
        if row.started_at < now_text:
            parts.uploads.drop(row.key)
    try:
        swept = parts.storage.sweep_uploads({row.upload_id for row in parts.uploads.all()})
    except StorageError as error:
        _LOG.warning("uploads.not_swept", error=str(error))
        return
    if swept:
        _LOG.info("uploads.swept", number=swept)


def publish(parts: Parts, provider: str) -> DocumentCounts:
    """Write everything that is staged, by whichever provider, and settle this provider's jobs."""
    counts = DocumentCounts()
    with parts.publishing:
        counts.add(parts.publisher.publish(parts.facts()))
        parts.ledger.jobs.settle(provider)
    return counts


def make_pass(parts: Parts, name: str, choice: Choice, *, dry_run: bool = False) -> Pass:
    """Return the pass of one provider, ready to run."""
    settings = parts.settings.providers[name]
    provider = parts.provider(name)
    taker = Taker(
        site=Site(
            provider=name,
            kind=settings.kind,
            provider_title=settings.title or name,
            catalog_title=parts.settings.catalog.title,
            license=settings.license,
        ),
        provider=provider,
        mirror=parts.mirror,
        ledger=parts.ledger,
        filter=Filter(include=tuple(settings.assets_include), exclude=tuple(settings.assets_exclude)),
        inspect=parts.inspect.of_job,
        committing=lambda: parts.publishing,
        stop=parts.stop,
    )
    return Pass(
        name=name,
        provider=provider,
        taker=taker,
        ledger=parts.ledger,
        choice=choice,
        publish=lambda: publish(parts, name),
        observer=parts.observer,
        clock=now,
        stop=parts.stop,
        workers=min(8, parts.settings.mirror.concurrency),
        dry_run=dry_run,
    )


def choice_of(
    parts: Parts, name: str, jobs: Sequence[str] = (), *, force: bool = False, patient: bool = False
) -> Choice:
    """Return which jobs of a provider are wanted, by its settings and the command line."""
    settings = parts.settings.providers[name]
    return Choice(
        include=tuple(settings.include),
        exclude=tuple(settings.exclude),
        since=settings.since,
        jobs=frozenset(jobs),
        force=force,
        patient=patient,
    )


def sync(
    parts: Parts, providers: list[str], jobs: Sequence[str], *, dry_run: bool = False, force: bool = False
) -> dict[str, Any]:
    """Make one pass of the named (default: all) providers; return the object of `sync --json`.

    Raises `ConfigError` for unknown names, `LeaseHeld` when another process writes this catalog, `StorageError` and
    `LedgerError` when these cannot be used at all.
    """
    started = time.monotonic()
    names = parts.names(providers)
    if not dry_run:
        parts.hold_lease()
        adopt_if_lost(parts)
        sweep_uploads(parts)
    with ThreadPoolExecutor(max_workers=max(1, len(names)), thread_name_prefix="pass") as pool:
        reports = list(pool.map(lambda name: _one(parts, name, jobs, dry_run=dry_run, force=force), names))
    _note_unknown(reports, jobs)
    behind = [] if dry_run else errors(push(parts))
    result = to_json(reports, time.monotonic() - started)
    result["errors"] += behind
    return result


def _one(parts: Parts, name: str, jobs: Sequence[str], *, dry_run: bool, force: bool) -> PassReport:
    choice = choice_of(parts, name, jobs, force=force)
    report = PassReport(name)
    try:
        if force and not dry_run:
            _distrust(parts, name, jobs)
        make_pass(parts, name, choice, dry_run=dry_run).run(report)
    except StacsyncError as error:
        report.error = str(error)
    except Exception as bug:  # noqa: BLE001 - a bug in one provider is recorded as its failure, the others go on
        _LOG.exception("pass.bug", provider=name)
        report.error = f"internal error: {type(bug).__name__}; see the log"
    return report


def _distrust(parts: Parts, name: str, jobs: Sequence[str]) -> None:
    """Forget fingerprints and back-off, and every file that is no longer in the store with its size: it is fetched again."""
    for job in jobs or (None,):
        parts.ledger.jobs.forget(name, job)
    assets = parts.ledger.assets
    if jobs:
        known = {key: row.size for job in jobs for key, row in assets.of_job(name, job).items()}
        listed: Mapping[str, int] = {}
    else:
        known = assets.of_provider(name)
        listed = {stored.key: stored.size for stored in parts.storage.list(f"{name}/")} if known else {}
    files = {key: size for key, size in known.items() if size is not None and listed.get(key) != size}
    there = sizes(parts.storage, files)
    stores = [key for key, size in known.items() if size is None]
    lost = {key for key, size in files.items() if there.get(key) != size}
    assets.delete(lost.union(stores) - folders(parts.storage, stores))


def _note_unknown(reports: Sequence[PassReport], jobs: Sequence[str]) -> None:
    found = {job for report in reports for job in report.found}
    if not reports or any(report.error for report in reports):
        return
    for job in sorted(set(jobs) - found):
        message = "no provider lists a finished job of that id; look at the provider's own list for its state"
        reports[0].trouble(Trouble(provider=reports[0].provider, job=job, message=message))
