"""The acquisition dates that names of delivered files tell. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from datetime import UTC, datetime

FILENAME = "filename"
_DELIVERED = re.compile(r"_(\d{8})_L\d\w*_\d{8}(?:_|\.|$)", re.IGNORECASE)
"""`XXnn_imageID_YYYYMMDD_LnX_YYYYMMDD_aaabbccc.<type>`: acquisition, level, production."""
_PLAIN = re.compile(r"(?<!\d)(\d{4})(-?)(\d{2})\2(\d{2})(?!\d)")


def of_names(paths: Iterable[str]) -> tuple[datetime | None, datetime | None]:
    """Return the first and last day that the names of files state, (None, None) when they state none.

    A name of a delivered file states its acquisition first; of any other, which states two different days, nobody can
    tell which is which.
    """
    days = [day for path in paths if (day := _of_name(posixpath.basename(path))) is not None]
    return min(days, default=None), max(days, default=None)


def _of_name(name: str) -> datetime | None:
    delivered = _DELIVERED.search(name)
    if delivered is not None:
        return _day(delivered[1][:4], delivered[1][4:6], delivered[1][6:])
    days = {_day(year, month, day) for year, _, month, day in _PLAIN.findall(name)} - {None}
    return days.pop() if len(days) == 1 else None


def _day(year: str, month: str, day: str) -> datetime | None:
    try:
        found = datetime(int(year), int(month), int(day), tzinfo=UTC)
    except ValueError:
        return None
    return found if 2000 < found.year <= 2100 else None
