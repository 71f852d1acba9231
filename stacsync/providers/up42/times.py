"""Instants as UP42 and its data sources write them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

_OLDEST = datetime(1957, 1, 1, tzinfo=UTC)
_NEWEST = datetime(2200, 1, 1, tzinfo=UTC)
_FEWEST = 365 * 86_400_000
"""Milliseconds since 1970 below which a number counts something else, or nothing yet."""


def instant(value: Any) -> datetime | None:
    """Return the moment that `value` states, in UTC, or None when it states none.

    Understood are ISO 8601 text with any number of fraction digits (naive text means UTC), a bare date (of eight digits
    as a number too), and epoch milliseconds as a number or as digits. A moment outside the age of satellites is taken for a placeholder: None.
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, float) or (isinstance(value, int) and len(str(value)) != 8):
        return _plausible(_from_milliseconds(value)) if value >= _FEWEST else None
    if not isinstance(value, str | int):
        return None
    text = str(value).strip()
    if text.isascii() and text.isdigit() and len(text) >= 12:
        return _plausible(_from_milliseconds(int(text)))
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return _plausible(parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC))


def is_date_only(value: Any) -> bool:
    """Tell whether `value` names a day and no time of day."""
    text = str(value).strip()
    return len(text) in {8, 10} and "T" not in text and ":" not in text


def interval(value: Any) -> tuple[datetime | None, datetime | None] | None:
    """Return both ends of an ISO interval (`start/end`, either may be open), or None when `value` is none."""
    if not isinstance(value, str) or value.count("/") != 1:
        return None
    start, end = (instant(part) for part in value.split("/"))
    return (start, end) if start or end else None


def _from_milliseconds(value: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(value / 1000, tz=UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _plausible(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    try:
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if _OLDEST <= moment <= _NEWEST else None
