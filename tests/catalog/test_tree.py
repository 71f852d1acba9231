"""How long lists are split: bounded documents, from the set of children alone."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from stacsync.catalog import tree
from stacsync.ledger.lists import Entry

months = st.one_of(
    st.just(tree.UNDATED), st.builds("{:04d}-{:02d}".format, st.integers(1000, 9999), st.integers(1, 12))
)


@given(st.dictionaries(months, st.integers(1, 50), max_size=60), st.integers(20, 100))
def test_the_top_document_never_lists_more_than_the_limit(counts: dict[str, int], limit: int) -> None:
    """Whatever the months, the top lists at most `limit` entries, as long as centuries fit."""
    width = tree.split_width(counts, limit)
    if width == 0:
        assert sum(counts.values()) <= limit
    else:
        groups = {tree.group(month, width) for month in counts}
        assert len(groups) <= limit or width == tree.WIDTHS[-1]
        assert sum(counts.values()) > limit


@given(st.dictionaries(months, st.integers(1, 50), max_size=60), st.integers(1, 10))
def test_every_month_hangs_below_the_top(counts: dict[str, int], limit: int) -> None:
    """Each month is found from the top through its groups, each of which holds the next."""
    width = tree.split_width(counts, limit)
    for month in counts:
        above = [*tree.groups_above(month, width), month]
        assert above[0] == (tree.group(month, width) if width else above[0])
        assert all(lower.startswith(upper) for upper, lower in pairwise(above))


def test_more_than_nine_hundred_months_stand_below_years() -> None:
    """A list over 76 years and more is split by year first; one month stays where it is."""
    many = {f"{year}-{month:02d}": 1 for year in range(1940, 2020) for month in range(1, 13)}
    assert tree.split_width(many) == 4
    assert tree.groups_above("1950-03", 4) == ["1950"]
    assert tree.split_width(dict.fromkeys(list(many)[:900], 10)) == 7
    assert tree.split_width({f"{year:04d}-01": 1 for year in range(1000, 2000)}) == 2
    assert tree.groups_above("1950-03", 2) == ["19", "1950"]


def test_the_newest_come_first_and_the_undated_last() -> None:
    """Children stand newest first, equal times by name, undated ones at the end; groups likewise."""
    entries = [Entry(name, name, name, when) for name, when in [("b", "2025"), ("x", ""), ("a", "2025"), ("c", "2026")]]
    assert [entry.name for entry in tree.newest_first(entries)] == ["c", "a", "b", "x"]
    assert tree.ordered(["2024-12", tree.UNDATED, "2025-01"]) == ["2025-01", "2024-12", tree.UNDATED]


@given(st.text("0123456789abcdef", max_size=4), st.text("0123456789abcdef", max_size=4))
def test_a_change_touches_what_is_above_and_below_it(branch: str, change: str) -> None:
    """A branch is touched by a change noted at, above or below it, and by no other."""
    assert tree.touched(branch, {change}) == (branch[: len(change)] == change[: len(branch)])


def test_branches_are_called_by_their_time() -> None:
    """Titles tell the time that a branch stands for."""
    titles = [tree.branch_title(*one) for one in [("2025-06", ""), ("2025-06", "3a"), ("20", ""), ("undated", "")]]
    assert titles == ["2025-06", "2025-06 / 3 / a", "2000–2099", "Undated"]
