"""The passes of the last seven days as a strip per provider: one bar for every four hours. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from stacsync.ledger.glance import Hour

BARS = 42
STEP = timedelta(hours=4)
SPAN = BARS * STEP


@dataclass(frozen=True, slots=True)
class Bar:
    """Some hours of one provider."""

    number: int
    tone: str
    """good, mixed, bad, or none when there was no pass."""
    title: str


def strips(hours: Iterable[Hour], providers: Iterable[str], now: datetime) -> list[dict[str, Any]] | None:
    """Return a strip of `BARS` bars for each provider, oldest first; None when there was no pass at all."""
    last = _slot(now)
    counted: dict[tuple[str, int], tuple[int, int]] = {}
    for hour in hours:
        number = BARS - 1 - (last - _slot(hour.start))
        passes, failed = counted.get((hour.provider, number), (0, 0))
        counted[hour.provider, number] = (passes + hour.passes, failed + hour.failed)
    if not counted:
        return None
    return [{"provider": name, **_strip(name, counted, now)} for name in providers]


def _strip(name: str, counted: Mapping[tuple[str, int], tuple[int, int]], now: datetime) -> dict[str, Any]:
    cells = [counted.get((name, number), (0, 0)) for number in range(BARS)]
    passes, failed = sum(cell[0] for cell in cells), sum(cell[1] for cell in cells)
    bars = [Bar(number, _tone(*cell), _title(number, *cell, now)) for number, cell in enumerate(cells)]
    return {"bars": bars, "passes": passes, "failed": failed}


def _slot(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp() // STEP.total_seconds())


def _tone(passes: int, failed: int) -> str:
    if passes == 0:
        return "none"
    if failed == 0:
        return "good"
    return "bad" if failed == passes else "mixed"


def _title(number: int, passes: int, failed: int, now: datetime) -> str:
    start = datetime.fromtimestamp((_slot(now) - BARS + 1 + number) * STEP.total_seconds(), UTC)
    told = "no pass" if passes == 0 else f"{passes:,} {'pass' if passes == 1 else 'passes'}, {failed:,} with failures"
    return f"{start:%a %d %b %H:%M} to {start + STEP:%H:%M} UTC: {told}"
