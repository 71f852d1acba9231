"""What a case found, as a table for people and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Figure:
    """What one contender took."""

    who: str
    seconds: float
    cpu: float | None = None
    peak_mib: float | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        return {"": self.who, "seconds": self.seconds, "cpu s": self.cpu, "peak MiB": self.peak_mib, **self.more}


def table(figures: Sequence[Figure]) -> str:
    """Return a Markdown table."""
    rows = [figure.row() for figure in figures]
    names = list(dict.fromkeys(name for row in rows for name in row if any(one.get(name) is not None for one in rows)))
    lines = [names, ["---"] * len(names), *([_shown(row.get(name)) for name in names] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
