"""How a long list is split into sub-catalogs. Pure.

A list of up to `LIST_LIMIT` children stands in its document itself. A longer one is split by month; a month that is still
too long by the hex digits of each child's `spread`, one digit per level; and when there are more months than a document
may list, years (then centuries) stand above them. Which document lists a child depends on the set of children alone,
never on the order in which they came, and one child more or less touches one path from a leaf to the top.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stacsync.ledger.lists import Entry

LIST_LIMIT = 900
"""Children in one document; STAC clients read up to 1,000 links at ease."""
DIGITS = "0123456789abcdef"
DEEPEST = 16
"""Digits of `spread`: more are not kept."""
WIDTHS = (7, 4, 2)
"""Characters of a month that name a group: month, year, century."""
UNDATED = "undated"


def newest_first(children: Iterable[Entry]) -> list[Entry]:
    """Return `children` by time, newest first and undated last, then by name."""
    return sorted(sorted(children, key=lambda child: child.name), key=lambda child: child.sort_at, reverse=True)


def group(month: str, width: int) -> str:
    """Return the group of `month` whose name has `width` characters; what is undated stays in its own."""
    return month if month == UNDATED else month[:width]


def split_width(months: Mapping[str, int], limit: int = LIST_LIMIT) -> int:
    """Return the width of the groups that the top document lists, or 0 when it lists the children themselves.

    `months` holds the number of children by month.
    """
    if sum(months.values()) <= limit:
        return 0
    for width in WIDTHS:
        if len({group(month, width) for month in months}) <= limit:
            return width
    return WIDTHS[-1]


def groups_above(month: str, width: int) -> list[str]:
    """Return the groups between the top document and `month`, uppermost first; empty when the top lists months."""
    if month == UNDATED:
        return []
    return [group(month, level) for level in reversed(WIDTHS) if width <= level < WIDTHS[0]]


def ordered(groups: Iterable[str]) -> list[str]:
    """Return groups as they are listed: newest first, undated last."""
    return sorted(groups, key=lambda name: (name != UNDATED, name), reverse=True)


def touched(digits: str, prefixes: Iterable[str]) -> bool:
    """Whether a change somewhere below one of `prefixes` can touch the branch at `digits`."""
    return any(digits.startswith(prefix) or prefix.startswith(digits) for prefix in prefixes)


def path(name: str, digits: str = "") -> tuple[str, ...]:
    """Return the path of a branch, for `layout.branch_key`."""
    return (name, *digits)


def branch_title(name: str, digits: str = "") -> str:
    """Return what a branch is called: "2025-06", "2025-06 / 3 / a", "2025", "2000–2099", "Undated"."""
    if name == UNDATED:
        shown = "Undated"
    elif len(name) == WIDTHS[-1]:
        shown = f"{name}00–{name}99"
    else:
        shown = name
    return " / ".join([shown, *digits])
