"""Times for people. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

_STEPS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def relative(text: str | None, now: datetime) -> str:
    """Return "5 min ago", "in 20 s", "now"; a dash when there is no time."""
    if not text:
        return "–"
    seconds = (_moment(text) - now).total_seconds()
    if abs(seconds) < 1:
        return "now"
    span = next(f"{abs(seconds) // length:.0f} {unit}" for unit, length in _STEPS if abs(seconds) >= length)
    return f"{span} ago" if seconds < 0 else f"in {span}"


def absolute(text: str | None) -> str:
    """Return "2026-01-31 12:00:05 UTC"; empty when there is no time."""
    return f"{_moment(text):%Y-%m-%d %H:%M:%S} UTC" if text else ""
