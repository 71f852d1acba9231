"""Times as the service writes them: with or without milliseconds, with or without a zone. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

Interval = tuple[datetime | None, datetime | None]


def instant(value: Any) -> datetime | None:
    """Return a time in UTC, None when `value` is none that can be read; without a zone it is UTC."""
    if not isinstance(value, str) or not value.strip():
        return None
    try:
        read = datetime.fromisoformat(value.strip())
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def union(intervals: Iterable[Interval]) -> Interval | None:
    """Return the span from the earliest begin to the latest end; None when nothing at all is known."""
    known = list(intervals)
    begins = [begin for begin, _ in known if begin]
    ends = [end for _, end in known if end]
    if not begins and not ends:
        return None
    begin, end = min(begins, default=None), max(ends, default=None)
    return (end, begin) if begin and end and begin > end else (begin, end)
