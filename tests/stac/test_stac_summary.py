"""The summary of many Items: a monoid."""

from __future__ import annotations

import json
from functools import reduce
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from stacsync.stac import Summary
from tests.stac.making import asset, bare, made

SCALARS = st.sampled_from(
    ["S2A", "S2B", 10, 20.5, True, ["msi"], ["msi", "olci"], {"a": 1}, *(f"p{n}" for n in range(25))]
)
ASSETS = st.dictionaries(
    st.sampled_from(["red", "nir", *(f"tile-{n}" for n in range(70))]),
    st.fixed_dictionaries(
        {"href": st.just("x.tif"), "type": st.sampled_from(["image/tiff", "image/png"])},
        optional={
            "roles": st.just(["data"]),
            "file:size": st.integers(0, 9),
            "gsd": st.sampled_from([1, 1.0, True]),
            "bands": st.lists(
                st.fixed_dictionaries({"name": st.sampled_from("abc"), "unit": st.sampled_from("mn")}), max_size=2
            ),
        },
    ),
    max_size=4,
)
TIMES = st.sampled_from([None, "2025-06-01T00:00:00Z", "2025-06-01T00:00:00.500Z", "2024-02-29T00:00:00Z"])
BOXES = st.sampled_from(
    [None, [0, 0, 1, 1], [179, -1, -179, 1], [-5, 3, 0, 6.5], [170.1, 0, 175, 9], [0, 0, 3, 1, 1, 9]]
)
ITEMS = st.builds(
    lambda times, bbox, properties, assets: {
        "type": "Feature",
        **({} if bbox is None else {"bbox": bbox}),
        "properties": {"datetime": times[0], "start_datetime": times[1], "end_datetime": times[2], **properties},
        "assets": assets,
    },
    st.tuples(TIMES, TIMES, TIMES),
    BOXES,
    st.dictionaries(st.sampled_from(["platform", "gsd", "eo:cloud_cover", "instruments", "view:azimuth"]), SCALARS),
    ASSETS,
)
SUMMARIES = st.lists(ITEMS, max_size=4).map(Summary.of)


@given(SUMMARIES, SUMMARIES, SUMMARIES)
def test_merging_is_associative_and_commutative_and_empty_is_nothing(a: Summary, b: Summary, c: Summary) -> None:
    """Months may be merged in any order and grouping."""
    assert a.merge(b).merge(c) == a.merge(b.merge(c))
    assert a.merge(b) == b.merge(a)
    assert a.merge(Summary()) == a == Summary().merge(a)


@given(SUMMARIES, SUMMARIES)
def test_what_is_published_depends_on_the_items_alone(a: Summary, b: Summary) -> None:
    """Both orders give the same bytes."""
    one, other = a.merge(b), b.merge(a)
    for said in (Summary.bbox, Summary.interval, Summary.summaries, Summary.item_assets, Summary.to_json):
        assert json.dumps(said(one), sort_keys=True) == json.dumps(said(other), sort_keys=True)


@given(SUMMARIES)
def test_a_summary_survives_the_ledger(summary: Summary) -> None:
    """to_json and from_json are inverses, through JSON text."""
    assert Summary.from_json(json.loads(json.dumps(summary.to_json()))) == summary


@given(st.lists(ITEMS, min_size=1, max_size=5))
def test_adding_one_by_one_is_merging(items: list[dict[str, Any]]) -> None:
    """One Item more costs one merge."""
    assert reduce(Summary.add, items, Summary()) == Summary.of(items)
    assert Summary.of(items).count == len(items)


def test_numbers_become_ranges_and_words_small_sets() -> None:
    """More than twenty distinct words are no summary; mixed kinds are none either."""
    items = [made(bare(properties={"gsd": 10 + n, "platform": "ab"[n % 2], "eo:cloud_cover": n})) for n in range(30)]
    many = [made(bare(properties={"mission": f"m{n}"})) for n in range(21)]
    assert Summary.of([*items, *many]).summaries() == {
        "eo:cloud_cover": {"maximum": 29, "minimum": 0},
        "gsd": {"maximum": 39, "minimum": 10},
        "platform": ["a", "b"],
    }
    assert Summary.of(many[:20]).summaries() == {"mission": sorted(f"m{n}" for n in range(20))}


def test_item_assets_are_what_recurring_assets_have_in_common() -> None:
    """Sizes, checksums and statistics are of one file; names that occur once are no pattern."""
    facts = [{"bands": [{"name": "ndvi", "statistics": {"minimum": n}}], "data_type": "uint8"} for n in range(2)]
    items = [
        made(
            bare(assets=(asset("ndvi", {"type": "image/tiff", "title": f"t{n}"}), asset(f"only-{n}.csv", {}))),
            ndvi=facts[n],
        )
        for n in range(2)
    ]
    assert Summary.of(items).item_assets() == {
        "ndvi": {"type": "image/tiff", "roles": ["data"], "data_type": "uint8", "bands": [{"name": "ndvi"}]}
    }
    assert Summary.of(items).summaries()["bands"] == [{"name": "ndvi"}]


def test_the_interval_is_from_the_first_start_to_the_last_end() -> None:
    """Fractions of seconds count."""
    items: list[dict[str, Any]] = [
        {"properties": {"datetime": "2025-06-01T00:00:00.500Z"}},
        {
            "properties": {
                "datetime": None,
                "start_datetime": "2025-06-01T00:00:00Z",
                "end_datetime": "2025-06-02T00:00:00Z",
            }
        },
    ]
    assert Summary.of(items).interval() == ["2025-06-01T00:00:00Z", "2025-06-02T00:00:00Z"]


def test_items_on_both_sides_of_the_antimeridian_are_close_together() -> None:
    """Fiji's bbox is narrow: west is greater than east."""
    items = [{"bbox": [177, -19, 180, -16]}, {"bbox": [-180, -20, -178, -15]}]
    assert Summary.of(items).bbox() == [177, -20, -178, -15]
