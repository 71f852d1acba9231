"""Times as the ledger keeps them: text in UTC that sorts."""

from __future__ import annotations

from datetime import UTC, datetime


def to_text(moment: datetime | None) -> str | None:
    """Return a timezone-aware time as `2026-01-31T12:00:00.000000Z`."""
    if moment is None:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def from_text(value: str | None) -> datetime | None:
    """Return the time that `to_text` wrote."""
    return None if value is None else datetime.fromisoformat(value)
