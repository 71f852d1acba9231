"""Answers as nobody sane would give them: documents of the stand-ins with anything put in the place of anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st


def deep(levels: int, leaf: Any = 1) -> Any:
    """Return lists in lists."""
    for _ in range(levels):
        leaf = [leaf]
    return leaf


def deep_object(levels: int) -> Any:
    """Return objects in objects."""
    found: Any = {}
    for _ in range(levels):
        found = {"a": found}
    return found


NASTY: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**63,
    1e308,
    -1e308,
    5e-324,
    "",
    " ",
    "\x00",
    "²",
    "٣",
    "9" * 5000,
    "-" * 300,
    "\u202e\u0301é💥" * 40,
    "x" * 100_000,
    "../../../etc/passwd",
    "/",
    "..",
    "con.",
    "javascript:alert(1)",
    "<script>alert(1)</script>",
    "http://[",
    "//[",
    "http://[::1",
    "http://a:99999/",
    "http://a:b/x",
    "http://user:pass@127.0.0.1/x?X-Amz-Signature=abc",
    "https://example.com/\x00",
    "file:///etc/passwd",
    "data:text/html,hello",
    "s3://",
    "s3://b",
    "0000-00-00T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59.999999-23:59",
    "2025-13-45",
    "2025-01-01T00:00:00+99:99",
    "2025-06-31",
    "NaN",
    "1e999",
    [],
    {},
    [None],
    [[]],
    [[[]]],
    {"": None},
    {"type": "Polygon", "coordinates": "x"},
    {"type": "Polygon", "coordinates": [[[1e308, 1e308], [-1e308, 0], [0, 0], [1e308, 1e308]]]},
    {"type": "GeometryCollection", "geometries": [{"type": "GeometryCollection", "geometries": []}]},
    {"type": "Polygon", "coordinates": [[[0, 0], [0, 0], [0, 0], [0, 0]]]},
    {"href": {}, "type": 1},
    [1, "a", None, {}],
    [180.0, 90.0, -180.0, -90.0],
    [1e300, 2e300, 3e300, 4e300],
    lambda: deep(150),
    lambda: deep(900),
    lambda: deep_object(150),
    lambda: deep_object(600),
)
"""What is put in the place of something else; all of it is JSON, or makes some."""


@dataclass(frozen=True)
class Change:
    """One thing of a document replaced, doubled or dropped."""

    where: float
    """0…1: which of its values."""
    what: int
    """Which of `NASTY`; -1 drops, -2 renames a key to something nasty, -3 repeats a list's entry."""

    def __str__(self) -> str:
        value = (
            repr(NASTY[self.what])[:60] if self.what >= 0 else {-1: "dropped", -2: "renamed", -3: "repeated"}[self.what]
        )
        return f"{self.where:.4f}: {value}"


changes = st.lists(
    st.builds(Change, st.floats(0, 1, exclude_max=True), st.integers(-3, len(NASTY) - 1)), min_size=1, max_size=3
)

Setter = Callable[[Change], None]


def changed(document: Any, wanted: list[Change]) -> Any:
    """Return a copy of `document` with the changes made."""
    holder = {"": deepcopy(document)}
    for change in wanted:
        places = list(_places(holder))
        if not places:
            break
        parent, key = places[int(change.where * len(places))]
        _apply(parent, key, change)
    return holder.get("")


def _apply(parent: Any, key: Any, change: Change) -> None:
    if change.what >= 0:
        nasty = NASTY[change.what]
        parent[key] = nasty() if callable(nasty) else deepcopy(nasty)
    elif change.what == -1:
        del parent[key]
    elif change.what == -2 and isinstance(parent, dict):
        parent[f"../{key}\u0000<b>" * 3] = parent.pop(key)
    elif isinstance(parent, list):
        parent.append(deepcopy(parent[key]))


def _places(value: Any, level: int = 0) -> Iterator[tuple[Any, Any]]:
    if level > 40:
        return
    entries: Any = ()
    if isinstance(value, dict):
        entries = list(value.items())
    elif isinstance(value, list):
        entries = list(enumerate(value))
    for key, inner in entries:
        yield value, key
        yield from _places(inner, level + 1)
