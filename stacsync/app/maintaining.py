"""`verify`, `rebuild` and `retire`: looking after what is published."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from stacsync.app.parts import Parts
from stacsync.app.pushing import push
from stacsync.app.syncing import adopt_if_lost
from stacsync.errors import ConfigError
from stacsync.ledger import JobState
from stacsync.ledger.contributions import ADOPTED


def verify(parts: Parts, *, checksums: bool) -> dict[str, Any]:
    """Audit what is published as a reader would; return the object of `verify --json`. Raises `StorageError`."""
    from stacsync.catalog.verify import audit  # noqa: PLC0415 - one command needs it

    report = audit(parts.storage, checksums=checksums)
    return {
        "ok": report.ok,
        "checked": {"documents": report.documents, "assets": report.assets},
        "findings": [asdict(finding) for finding in report.findings],
        "score": report.score,
        "advice": [asdict(advice) for advice in report.advice],
    }


def rebuild(parts: Parts) -> dict[str, Any]:
    """Write every document again from the ledger alone. Raises `LeaseHeld`, `StorageError`, `LedgerError`."""
    parts.hold_lease()
    adopt_if_lost(parts, rebuilding=True)
    with parts.publishing:
        counts = parts.publisher.rebuild(parts.facts())
    for target in parts.targets:
        target.forget()
    push(parts)
    return {"documents": asdict(counts)}


def retire(parts: Parts, provider: str | None, job: str | None, *, delete_assets: bool) -> dict[str, Any]:
    """Take the items of a job, or of all jobs of a provider, out of the catalog.

    Raises `ConfigError` when neither is named or nothing is published of it, `LeaseHeld`, `StorageError`.
    """
    if provider is None and job is None:
        raise ConfigError("name what to retire", "give --provider, --job, or both")
    parts.hold_lease()
    adopt_if_lost(parts)
    retired = [
        (name, one)
        for name, one in parts.ledger.items.jobs(files=delete_assets)
        if (provider is None or name == provider) and (job is None or one == job)
    ]
    if not retired:
        raise ConfigError("nothing is published of that", "see `stacsync status` for providers and jobs")
    with parts.publishing:
        for name, one in retired:
            parts.publisher.retire(name, one, delete_assets=delete_assets)
            parts.ledger.jobs.set_state(name, one, JobState.RETIRED, "retired by hand")
        counts = parts.publisher.publish(parts.facts())
    push(parts)
    return {"jobs": sum(one != ADOPTED for _, one in retired), "documents": asdict(counts)}
