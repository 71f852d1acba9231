"""The small monoids that a summary is made of. Each has an empty value, and `merge` is associative and commutative."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

_SORTED = orjson.OPT_SORT_KEYS
MANY = 20
"""A set of more distinct values than this is no summary any more."""


@dataclass(frozen=True, slots=True)
class Values:
    """What one field was in some Items: a range of its numbers and a small set of everything else."""

    minimum: float | int | None = None
    maximum: float | int | None = None
    others: frozenset[str] | None = frozenset()
    """JSON texts; None: too many."""

    @classmethod
    def of(cls, value: Any) -> Values:
        """Return the tally of one value; a list counts for each of its entries."""
        value = canonical(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return cls(value, value)
        entries = value if isinstance(value, list) else [value]
        texts = frozenset(orjson.dumps(entry, option=_SORTED).decode() for entry in entries)
        return cls(others=texts if len(texts) <= MANY else None)

    def merge(self, other: Values) -> Values:
        """Return the tally of both."""
        lows = [value for value in (self.minimum, other.minimum) if value is not None]
        highs = [value for value in (self.maximum, other.maximum) if value is not None]
        others = None if self.others is None or other.others is None else self.others | other.others
        if others is not None and len(others) > MANY:
            others = None
        return Values(min(lows, default=None), max(highs, default=None), others)

    def summary(self) -> Any:
        """Return the STAC summary: a range, a sorted list, or None when there is nothing short to say."""
        if self.minimum is not None:
            return {"minimum": self.minimum, "maximum": self.maximum} if self.others == frozenset() else None
        return [orjson.loads(text) for text in sorted(self.others)] if self.others else None

    def to_json(self) -> dict[str, Any]:
        """Return the tally as JSON."""
        others = None if self.others is None else sorted(self.others)
        return {"minimum": self.minimum, "maximum": self.maximum, "others": others}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Values:
        """Return what `to_json` was called on."""
        others = body["others"]
        return cls(body["minimum"], body["maximum"], None if others is None else frozenset(others))


@dataclass(frozen=True, slots=True)
class Common:
    """Named objects (assets, bands): how often each was seen, and the fields in which all of its name agree."""

    limit: int
    """More names than this are too many to tell."""
    seen: Mapping[str, tuple[int, Mapping[str, Any]]] | None = field(default_factory=dict)
    """Name -> count and common fields; None: too many."""

    def merge(self, other: Common) -> Common:
        """Return the tally of both."""
        if self.seen is None or other.seen is None:
            return Common(self.limit, None)
        total = dict(self.seen)
        for name, (count, fields) in other.seen.items():
            if name in total:
                before, known = total[name]
                total[name] = (
                    before + count,
                    {key: value for key, value in known.items() if _agrees(fields, key, value)},
                )
            else:
                total[name] = count, fields
        return Common(self.limit, total if len(total) <= self.limit else None)

    def to_json(self) -> Any:
        """Return the tally as JSON."""
        return None if self.seen is None else {name: list(entry) for name, entry in sorted(self.seen.items())}

    @classmethod
    def from_json(cls, limit: int, body: Any) -> Common:
        """Return what `to_json` was called on."""
        return cls(limit, None if body is None else {name: (count, fields) for name, (count, fields) in body.items()})


def canonical(value: Any) -> Any:
    """Return JSON in which each number is written in one way, so that it does not matter which of two equals is kept."""
    if isinstance(value, Mapping):
        return {key: canonical(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [canonical(entry) for entry in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _agrees(fields: Mapping[str, Any], key: str, value: Any) -> bool:
    """Whether a field is there and equal as JSON; 1 and True are equal in Python alone."""
    return key in fields and orjson.dumps(fields[key], option=_SORTED) == orjson.dumps(value, option=_SORTED)
