"""What fields Items have and of what kinds, counted, so that columns can be chosen that fit most of them. Pure.

Items of one Collection may differ: a field is a number here and a word there, or every Item has keys of its own. The
kind that most Items use decides a column; a value that does not fit is left out of the index (its Item is published as
it is). The outcome depends on what was counted, not on the order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

MOST_FIELDS = 64
"""Fields of an object; one with more (over all Items) has keys that are data, and is left out."""
MOST_COUNTED = 1_000
_DEPTH = 8
_BIGGEST = 2**63
_RANKS = ("number", "text", "list", "object", "bool")
"""Which kind wins when two are equally common."""


_KINDS: dict[type, str] = {bool: "bool", int: "int", float: "float", str: "text", dict: "object", list: "list"}


class Census:
    """What was seen in one place of many documents."""

    __slots__ = ("crowded", "element", "fields", "kinds")

    def __init__(self) -> None:
        self.kinds: dict[str, int] = {}
        self.fields: dict[str, Census] = {}
        self.element: Census | None = None
        self.crowded = False
        """Whether there were more different fields than are counted."""

    def add(self, value: Any, depth: int = 0) -> None:
        """Count one value and all that is in it."""
        kind = _KINDS.get(type(value))
        if kind is None or depth > _DEPTH:
            return
        if kind == "int" and not -_BIGGEST <= value < _BIGGEST:
            kind = "float"
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if kind == "object":
            self._add_fields(value, depth)
        elif kind == "list":
            self.element = self.element or Census()
            for entry in value:
                self.element.add(entry, depth + 1)

    def _add_fields(self, value: Mapping[str, Any], depth: int) -> None:
        for name, inner in value.items():
            place = self.fields.get(name)
            if place is None:
                if len(self.fields) >= MOST_COUNTED:
                    self.crowded = True
                    continue
                place = self.fields[name] = Census()
            place.add(inner, depth + 1)

    @property
    def total(self) -> int:
        """How many values were not null."""
        return sum(self.kinds.values())

    def kind(self) -> str | None:
        """Return the most common kind, with whole and other numbers as one; None when there were nulls only."""
        counts = {name: self.kinds.get(name, 0) for name in _RANKS}
        counts["number"] = self.kinds.get("int", 0) + self.kinds.get("float", 0)
        best = min(_RANKS, key=lambda name: (-counts[name], _RANKS.index(name)))
        return best if counts[best] else None

    def type(self) -> pa.DataType | None:
        """Return the type that fits most values; None when there is none to keep."""
        kind = self.kind()
        if kind == "number":
            return pa.float64() if self.kinds.get("float") else pa.int64()
        if kind == "text":
            return pa.string()
        if kind == "bool":
            return pa.bool_()
        if kind == "list" and self.element is not None:
            inner = self.element.type() if self.element.total else pa.string()
            return None if inner is None else pa.list_(inner)
        if kind == "object" and not self.crowded and len(self.fields) <= MOST_FIELDS:
            fields = self.chosen(MOST_FIELDS)
            return pa.struct(fields) if fields else None
        return None

    def chosen(self, most: int) -> list[pa.Field]:
        """Return the fields of an object by name: the `most` common ones, names that differ in case alone once."""
        ranked = sorted((name for name in self.fields if name), key=lambda name: (-self.fields[name].total, name))
        kept: dict[str, pa.Field] = {}
        for name in ranked:
            if len(kept) < most and name.casefold() not in kept and (found := self.fields[name].type()) is not None:
                kept[name.casefold()] = pa.field(name, found)
        return sorted(kept.values(), key=lambda field: field.name)
