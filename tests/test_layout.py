"""Layout: every name that a provider gives becomes a safe place, and different names different places."""

from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stacsync import layout

SAFE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


@given(st.text())
def test_any_name_becomes_one_safe_segment(name: str) -> None:
    """Whatever a provider calls a thing, its segment is short, clean, no dot-file and no name of ours."""
    segment = layout.segment(name)
    assert SAFE.fullmatch(segment)
    assert len(segment) <= layout.SEGMENT_LIMIT
    assert segment.lower() not in layout.RESERVED


@given(st.text(), st.text())
def test_different_names_never_share_a_segment(one: str, other: str) -> None:
    """`a:b` and `a/b` stay apart."""
    assert (layout.segment(one) == layout.segment(other)) == (one == other)


@given(st.text())
def test_a_name_that_looks_like_a_segment_of_another_gets_one_of_its_own(name: str) -> None:
    """Whoever calls a job as another's folder is called does not get that folder, however often this is tried."""
    names = [name]
    for _ in range(3):
        names.append(layout.segment(names[-1]))
    kept = list(dict.fromkeys(names))
    assert len({layout.segment(one) for one in kept}) == len(kept)


NAMES = st.text(max_size=8) | st.sampled_from(["t.tif", "T.tif", "/x/t.tif", "a-t.tif", "a/t.tif", "B 1", "B-1"])


@given(st.dictionaries(NAMES, NAMES), st.randoms(use_true_random=False))
def test_files_of_one_folder_stay_apart_in_whatever_order_they_are_listed(files: dict[str, str], dice: Random) -> None:
    """`A.tif` and `a.tif` get names that differ in more than case, and so do two files that are called the same."""
    chosen = layout.file_segments(files)
    assert len({segment.lower() for segment in chosen.values()}) == len(files)
    listed = list(files.items())
    dice.shuffle(listed)
    assert layout.file_segments(dict(listed)) == chosen


def test_a_name_that_several_files_wish_gets_the_key_of_each() -> None:
    """Who looks into the folder finds out which is which; other files keep their plain names."""
    files = {"B 1": "b.tif", "B2": "B.tif", "B2-B": "B2-B.tif", "c": "c.tif"}
    chosen = layout.file_segments(files)
    assert chosen["B2-B"] == f"B2-B-{layout.digest('B2-B.tif')}.tif"
    assert {key: chosen[key] for key in ("B2", "c")} == {"B2": "B2-B.tif", "c": "c.tif"}
    assert re.fullmatch(r"B-1-b-[0-9a-f]{8}\.tif", chosen["B 1"])


def test_a_file_that_is_called_like_the_way_out_of_a_clash_stays_apart_too() -> None:
    """Whoever works out beforehand which hash a name would get still takes nobody's place."""
    taken = f"t-{layout.digest('t.tif')}.tif"
    chosen = layout.file_segments({"a": "t.tif", "b": taken}, taken=["t.tif"])
    assert len({*chosen.values(), "t.tif"}) == 3


@pytest.mark.parametrize(
    ("name", "expected"),
    [("openEO_2025-06-03Z.tif", "openEO_2025-06-03Z.tif"), ("j-2604.a_b", "j-2604.a_b")],
)
def test_a_safe_name_stays_as_it_is(name: str, expected: str) -> None:
    """Ordinary file names are not disfigured."""
    assert layout.segment(name) == expected


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "C:\\x", "by-month", "items.parquet", "..", "", "日本", "a" * 4000]
)
def test_a_hostile_name_gets_a_harmless_segment(name: str) -> None:
    """No name climbs out of its folder or takes the place of a document."""
    segment = layout.segment(name)
    assert "/" not in segment
    assert segment not in {".", "..", name}


def test_an_asset_never_takes_the_place_of_its_items_document() -> None:
    """A result file that is called like the Item's own document is stored beside it under another name."""
    keys = layout.asset_keys("cdse", "ndvi", "j-1", {"own": "j-1.json", "x": "x.tif"})
    assert layout.item_key("cdse", "ndvi", "j-1") not in keys.values()
    assert keys["x"] == "cdse/ndvi/j-1/x.tif"


@given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1))
def test_keys_stay_below_the_limit_of_object_stores(collection: str, item: str, name: str) -> None:
    """No key is longer than 1,024 bytes, however long the provider's names are."""
    keys = layout.asset_keys(
        "p" * 60, collection * 50, layout.segment(item * 50), {name: name * 50, "other": name * 50}
    )
    assert all(len(layout.versioned(key, "0" * 32).encode()) <= 1024 for key in keys.values())


KEYS = st.lists(st.sampled_from(["a", "b", "by-month", "c.json"]), min_size=1, max_size=5).map("/".join)


@given(KEYS, KEYS)
def test_an_href_leads_where_it_was_made_for(start: str, end: str) -> None:
    """Resolving a relative href at its document gives the key it was made from."""
    assert layout.resolve(start, layout.href(start, end)) == end
