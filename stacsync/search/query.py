"""What is searched for. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from stacsync.errors import ConfigError

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What Items have to be; what is left out matches all."""

    bbox: Box | None = None
    """West, south, east, north in degrees; west > east crosses the antimeridian. Touching is enough."""
    datetime: str | None = None
    """An instant or `A/B` (RFC 3339, `..` for an open end): an Item's instant lies in it, or its period touches it."""
    collections: tuple[str, ...] = ()
    """Published ids."""
    filter: str | None = None
    """CQL2, text or JSON."""
    limit: int = 100

    def interval(self) -> tuple[dt.datetime | None, dt.datetime | None]:
        """Return the first and the last instant that are wanted. Raises `ConfigError`."""
        if self.datetime is None:
            return None, None
        first, _, last = self.datetime.partition("/")
        return _instant(first), _instant(last if "/" in self.datetime else first)


def _instant(told: str) -> dt.datetime | None:
    if told in {"", ".."}:
        return None
    try:
        found = dt.datetime.fromisoformat(told)
    except ValueError:
        raise ConfigError(
            f"{told!r} is no time", "write times like 2026-01-31T12:00:00Z, `..` for an open end"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


def ranges(box: Box) -> list[tuple[float, float]]:
    """Return the longitudes of a box as ranges that do not cross the antimeridian."""
    west, _, east, _ = box
    return [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
