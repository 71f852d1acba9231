"""What a set of Items has in common: extent, summaries, item_assets. A monoid, so that one item more costs one merge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Summary:
    """The summary of some Items; `Summary()` is that of none, and `merge` is associative and commutative."""

    count: int = 0

    @classmethod
    def of(cls, items: Iterable[Mapping[str, Any]]) -> Summary:
        """Return the summary of these Item documents."""
        total = cls()
        for item in items:
            total = total.add(item)
        return total

    def add(self, item: Mapping[str, Any]) -> Summary:  # noqa: ARG002 - read once the fields are in
        """Return the summary with one Item document more."""
        return Summary(self.count + 1)

    def merge(self, other: Summary) -> Summary:
        """Return the summary of both sets of Items; they must have none in common."""
        return Summary(self.count + other.count)

    def to_json(self) -> dict[str, Any]:
        """Return the whole state as JSON, for `from_json`."""
        return {"count": self.count}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Summary:
        """Return what `to_json` was called on."""
        return cls(body["count"])
