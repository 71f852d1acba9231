"""What a pass did, counted in jobs, and as the JSON of `stacsync sync --json`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that went wrong, told so that a person can act on it."""

    provider: str
    message: str
    job: str | None = None
    asset: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the entry of `errors`."""
        body: dict[str, Any] = {"provider": self.provider, "job": self.job, "message": self.message}
        return body if self.asset is None else {**body, "asset": self.asset}


@dataclass(slots=True)
class AssetCounts:
    """Files of a pass; `bytes` are those that were brought in: of a package, what was taken out of it."""

    transferred: int = 0
    reused: int = 0
    failed: int = 0
    bytes: int = 0

    def add(self, other: AssetCounts) -> None:
        """Add the counts of another."""
        self.transferred += other.transferred
        self.reused += other.reused
        self.failed += other.failed
        self.bytes += other.bytes


@dataclass(slots=True)
class DocumentCounts:
    """Documents of a publication."""

    written: int = 0
    unchanged: int = 0
    deleted: int = 0

    def add(self, other: Any) -> None:
        """Add the counts of another publication."""
        self.written += other.written
        self.unchanged += other.unchanged
        self.deleted += other.deleted


JOB_COUNTS = ("seen", "published", "unchanged", "skipped", "waiting", "failed")


@dataclass(slots=True)
class PassReport:
    """One pass of one provider; safe to fill from several threads."""

    provider: str
    error: str | None = None
    """Why the pass could not be made, or not to its end."""
    unavailable: bool = False
    """Whether that is because the provider could not serve us: what a circuit breaker counts."""
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(JOB_COUNTS, 0))
    assets: AssetCounts = field(default_factory=AssetCounts)
    documents: DocumentCounts = field(default_factory=DocumentCounts)
    troubles: list[Trouble] = field(default_factory=list)
    found: frozenset[str] = frozenset()
    """Those of the ids asked for by name that were listed."""
    _lock: Lock = field(default_factory=Lock, repr=False)

    def count(self, name: str, number: int = 1) -> None:
        """Count jobs under one of `JOB_COUNTS`."""
        with self._lock:
            self.counts[name] += number

    def add_assets(self, counts: AssetCounts) -> None:
        """Add the files of one job."""
        with self._lock:
            self.assets.add(counts)

    def trouble(self, *troubles: Trouble) -> None:
        """Record what went wrong."""
        with self._lock:
            self.troubles.extend(troubles)

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return self.error is None and not self.counts["failed"] and not self.troubles


def to_json(reports: Iterable[PassReport], seconds: float) -> dict[str, Any]:
    """Return the object that `stacsync sync --json` prints; `seconds` is the wall time of the whole command."""
    assets, documents = AssetCounts(), DocumentCounts()
    providers: dict[str, Any] = {}
    errors: list[dict[str, Any]] = []
    for report in reports:
        assets.add(report.assets)
        documents.add(report.documents)
        providers[report.provider] = {**report.counts, "error": report.error}
        errors += [trouble.to_json() for trouble in report.troubles]
    return {
        "providers": providers,
        "assets": {name: getattr(assets, name) for name in ("transferred", "reused", "failed", "bytes")},
        "documents": {name: getattr(documents, name) for name in ("written", "unchanged", "deleted")},
        "seconds": round(seconds, 3),
        "errors": errors,
    }
