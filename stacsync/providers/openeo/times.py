"""Times as openEO back-ends write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

_DATED = re.compile(r"(?<!\d)(?:19|20)\d{2}-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01])(?!\d)")
_FRACTION = re.compile(r"\.(\d+)")


def instant(value: Any) -> datetime | None:
    """Return RFC 3339 text (or a date) as a time in UTC; None when it is none. Times without a zone are UTC."""
    if not isinstance(value, str):
        return None
    text = _FRACTION.sub(lambda match: f".{match[1][:6]:0<6}", value.strip().upper(), count=1)
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def after(moment: datetime, span: timedelta) -> datetime | None:
    """Return the time that is `span` after `moment`; None beyond the end of the calendar."""
    try:
        return moment + span
    except OverflowError:
        return None


def names_a_date(filename: str) -> bool:
    """Say whether a file name states a date, as the back-ends' own names do (`openEO_2025-06-03Z.tif`)."""
    return _DATED.search(filename) is not None
