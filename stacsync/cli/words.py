"""What users write for places and times, checked. Pure."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time
from math import isfinite

import typer

_DAYS = re.compile(r"[0-9]{4}(-[0-9]{2}){0,2}")


def bbox_of(text: str | None) -> tuple[float, float, float, float] | None:
    """Return `W,S,E,N` in degrees as four numbers. Raises `typer.BadParameter` (exit 2)."""
    if text is None:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 4 or not all(isfinite(number) for number in numbers):
        raise typer.BadParameter(f"--bbox takes four numbers W,S,E,N, not {text!r}")
    west, south, east, north = numbers
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise typer.BadParameter(
            f"--bbox {text}: longitudes lie in -180..180, latitudes in -90..90, and south is not above north"
        )
    return west, south, east, north


def interval_of(text: str | None) -> str | None:
    """Return a date, a time or `A/B` as an RFC 3339 interval in UTC, `..` for an open end.

    A date means its whole day, a month or a year the whole of it.

    Raises `typer.BadParameter` (exit 2).
    """
    if text is None:
        return None
    parts = text.split("/")
    if len(parts) > 2:
        raise typer.BadParameter(f"--datetime takes one time or A/B, not {text!r}")
    first, last = parts[0], parts[-1]
    start, end = _instant(first, text, end=False), _instant(last, text, end=True)
    if start is None and end is None:
        raise typer.BadParameter("--datetime ../.. holds every time: leave it out")
    if start and end and start > end:
        raise typer.BadParameter(f"--datetime {text}: the first time is after the second")
    return f"{_told(start)}/{_told(end)}"


def _instant(part: str, text: str, *, end: bool) -> datetime | None:
    part = part.strip()
    if part in {"", ".."}:
        return None
    try:
        if _DAYS.fullmatch(part):
            return datetime.combine(_day(part, end=end), time.max if end else time.min, UTC)
        moment = datetime.fromisoformat(part)
    except ValueError:
        raise typer.BadParameter(
            f"--datetime takes dates or times such as 2026, 2026-01 or 2026-01-31/2026-02-28T12:00:00Z, not {text!r}"
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _day(part: str, *, end: bool) -> date:
    """Return the day of a date, the first or last one of a month or a year. Raises `ValueError`."""
    if len(part) == 4:
        return date(int(part), 12, 31) if end else date(int(part), 1, 1)
    if len(part) == 7:
        year, month = int(part[:4]), int(part[5:])
        return date.fromisoformat(f"{part}-{monthrange(year, month)[1] if end else 1:02}")
    return date.fromisoformat(part)


def _told(moment: datetime | None) -> str:
    return moment.isoformat().replace("+00:00", "Z") if moment else ".."
