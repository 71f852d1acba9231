"""Times: RFC 3339 in UTC, and which instant or period an Item is of.

A period stays a period: `datetime` is null and both ends are given. Only a period of no length has an instant, its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from stacsync.jobs import ItemRecord

TIME_FIELDS = frozenset(
    {"datetime", "start_datetime", "end_datetime", "created", "updated", "published", "expires", "unpublished"}
    | {"processing:datetime", "sat:anx_datetime"}
)
"""Fields that hold an instant and are brought to UTC wherever they stand."""
_RFC3339 = re.compile(
    r"^(\d{4}-\d{2}-\d{2})(?:[Tt _](\d{2}:\d{2})(:\d{2})?(?:[.,](\d+))?)?\s*(Z|z|UTC|[+-]\d{2}(?::?\d{2})?)?$"
)
_STAMP = re.compile(r"(?<!\d)(\d{4})-?(\d{2})-?(\d{2})[T_]?(\d{2})[:-]?(\d{2})[:-]?(\d{2})(?:\.\d+)?Z?(?!\d)")
_DAY = re.compile(r"(?<!\d)(\d{4})(-?)(\d{2})\2(\d{2})(?!\d)")


def rfc3339(instant: datetime) -> str:
    """Return `instant` in UTC as `2025-06-03T10:46:29Z`, with three or six decimals where it has them."""
    moment = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    text = moment.strftime("%H:%M:%S")
    if moment.microsecond:
        fraction = f"{moment.microsecond:06d}"
        text += "." + (fraction[:3] if fraction.endswith("000") else fraction)
    return f"{moment.year:04d}-{moment.month:02d}-{moment.day:02d}T{text}Z"


def parse(value: object) -> datetime | None:
    """Return the instant that `value` means (text, `datetime` or `date`), in UTC; None when it means none.

    Text without a zone is taken as UTC, a date as its first moment; digits past microseconds are cut.
    """
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else _utc(value)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    match = _RFC3339.match(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    day, clock, seconds, fraction, zone = match.groups()
    text = f"{day}T{clock or '00:00'}{seconds or ':00'}.{(fraction or '')[:6]:0<6}"
    try:
        return _utc(datetime.fromisoformat(text + ("+00:00" if zone in (None, "Z", "z", "UTC") else zone)))
    except ValueError:
        return None


def _utc(instant: datetime) -> datetime | None:
    try:
        return instant.astimezone(UTC)
    except OverflowError:  # the first or last day of the calendar, in another zone
        return None


def normalised(value: object) -> str | None:
    """Return `value` as RFC 3339 in UTC, or None when it is no time."""
    instant = parse(value)
    return None if instant is None else rfc3339(instant)


def from_filename(name: str) -> datetime | None:
    """Return the time that a file name states, if it states exactly one.

    The first full timestamp wins (`S2A_MSIL2A_20220714T104629_…_20240724T011152` names its acquisition first). Of plain
    dates there must be one only: two may be a period, or an acquisition and its processing, and nobody can tell.
    """
    stamps = [_moment(*match.groups()) for match in _STAMP.finditer(name)]
    for stamp in stamps:
        if stamp is not None:
            return stamp
    days = {_moment(year, month, day) for year, _, month, day in (match.groups() for match in _DAY.finditer(name))}
    days.discard(None)
    return days.pop() if len(days) == 1 else None


def _moment(year: str, month: str, day: str, *clock: str) -> datetime | None:
    try:
        hour, minute, second = (int(part) for part in clock or ("0", "0", "0"))
        moment = datetime(int(year), int(month), int(day), hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return moment if 1900 <= moment.year <= 2100 else None


@dataclass(frozen=True, slots=True)
class When:
    """The time of an Item: an instant, a period, or both (an instant that stands for its period)."""

    instant: datetime | None = None
    start: datetime | None = None
    end: datetime | None = None
    source: str | None = None
    """Where it was taken from when the provider does not state it for this Item."""

    def fields(self) -> dict[str, Any]:
        """Return the Item properties that say so."""
        found: dict[str, Any] = {"datetime": None if self.instant is None else rfc3339(self.instant)}
        if self.start is not None and self.end is not None:
            found["start_datetime"] = rfc3339(self.start)
            found["end_datetime"] = rfc3339(self.end)
        if self.source is not None:
            found["stacsync:datetime_source"] = self.source
        return found

    def label(self) -> str:
        """Return the ISO date, or `first/last` of a period; empty when nothing is known."""
        if self.instant is not None:
            return rfc3339(self.instant)[:10]
        if self.start is None or self.end is None:
            return ""
        first, last = rfc3339(self.start)[:10], rfc3339(self.end)[:10]
        return first if first == last else f"{first}/{last}"


def resolve(record: ItemRecord, assets: Iterable[Mapping[str, Any]], filenames: Iterable[str]) -> When:
    """Return the time of an Item: as stated, else of its assets, else of its file names, else its job's `created`."""
    stated = _stated(record)
    if stated is not None:
        return stated
    times = [moment for asset in assets for moment in _asset_times(asset)]
    if times:
        return _spanning(times, "assets")
    named = [moment for moment in map(from_filename, filenames) if moment is not None]
    if named:
        return _spanning(named, "filename")
    created = record.created or parse(record.properties.get("created"))
    return When() if created is None else When(instant=created, source="job")


def _stated(record: ItemRecord) -> When | None:
    told = {name: getattr(record, name) or parse(record.properties.get(name)) for name in _STATED}
    instant, start, end = (None if told[name] is None else parse(told[name]) for name in _STATED)
    source = record.datetime_source
    if start is not None and end is not None:
        start, end = min(start, end), max(start, end)
        return When(start if instant is None and start == end else instant, start, end, source)
    if instant is not None:
        return When(instant, source=source)
    known = start or end
    if known is None:
        return None
    side = "start_datetime" if start is not None else "end_datetime"
    return When(None, known, known, source or side)  # an open period: only this end of it is known


_STATED = ("datetime", "start_datetime", "end_datetime")


def _asset_times(asset: Mapping[str, Any]) -> list[datetime]:
    found = [parse(asset.get(name)) for name in _STATED]
    return [moment for moment in found if moment is not None]


def _spanning(times: list[datetime], source: str) -> When:
    first, last = min(times), max(times)
    return When(first, source=source) if last - first < timedelta(microseconds=1) else When(None, first, last, source)
