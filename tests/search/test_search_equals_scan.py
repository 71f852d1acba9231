"""What the index answers is what a scan over all Item documents finds."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.search.library import a_library, during, item, moment, newest_first, overlaps

START = datetime(2024, 1, 1, tzinfo=UTC)


def told(day: int) -> str:
    return (START + timedelta(days=day)).isoformat().replace("+00:00", "Z")


LONGITUDES = st.integers(-180, 180).map(float)
LATITUDES = st.integers(-90, 90).map(float)
DAYS = st.integers(0, 700)


@st.composite
def boxes(draw: st.DrawFn) -> tuple[float, float, float, float]:
    south, north = sorted([draw(LATITUDES), draw(LATITUDES)])
    return draw(LONGITUDES), south, draw(LONGITUDES), north


@st.composite
def times(draw: st.DrawFn) -> dict[str, Any]:
    first, last = sorted([draw(DAYS), draw(DAYS)])
    return draw(
        st.sampled_from(
            [
                {"datetime": told(first)},
                {"datetime": None, "start_datetime": told(first), "end_datetime": told(last)},
                {"datetime": told(first), "start_datetime": told(first), "end_datetime": told(last)},
            ]
        )
    )


ODD = st.one_of(
    st.none(), st.integers(-5, 5), st.floats(-5, 5), st.text(max_size=3), st.lists(st.integers(0, 3), max_size=2)
)


@st.composite
def items(draw: st.DrawFn) -> list[dict[str, Any]]:
    names = draw(st.lists(st.integers(0, 99), min_size=1, max_size=12, unique=True))
    return [
        item(
            f"i{name}",
            bbox=draw(boxes()),
            cloud=draw(st.integers(0, 9)),
            place=draw(st.sampled_from(["a", "b", "Ab"])),
            **draw(st.fixed_dictionaries({}, optional={"odd": ODD, "gsd": st.sampled_from([10, 0.5])})),
            **draw(times()),
        )
        for name in names
    ]


FILTERS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "cloud < 4": lambda p: p["cloud"] < 4,
    "cloud >= 4 AND place = 'a'": lambda p: p["cloud"] >= 4 and p["place"] == "a",
    "NOT (place = 'a' OR cloud = 1)": lambda p: p["place"] != "a" and p["cloud"] != 1,
    "cloud BETWEEN 2 AND 5": lambda p: 2 <= p["cloud"] <= 5,
    "place IN ('b', 'c')": lambda p: p["place"] == "b",
    "place LIKE 'A%'": lambda p: p["place"] == "Ab",
    "CASEI(place) LIKE CASEI('A%')": lambda p: p["place"] in {"a", "Ab"},
    "cloud * 2 + 1 > 9": lambda p: p["cloud"] * 2 + 1 > 9,
    "datetime > TIMESTAMP('2024-06-01T00:00:00Z')": lambda p: (
        bool(p["datetime"]) and p["datetime"] > "2024-06-01T00:00:00Z"
    ),
    "datetime IS NULL": lambda p: p["datetime"] is None,
}


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    items(),
    st.one_of(st.none(), boxes()),
    st.tuples(st.one_of(st.none(), DAYS), st.one_of(st.none(), DAYS)),
    st.sampled_from([None, *FILTERS]),
    st.integers(1, 15),
    st.sampled_from([1, 5_000]),
)
def test_search_finds_what_a_scan_finds(
    documents: list[dict[str, Any]],
    bbox: tuple[float, float, float, float] | None,
    days: tuple[int | None, int | None],
    chosen: str | None,
    limit: int,
    small: int,
) -> None:
    """Whatever the Items and the question: the same Items, newest first, cut at the limit."""
    first, last = (None if day is None else told(day) for day in days)
    interval = None if first is None and last is None else f"{first or '..'}/{last or '..'}"
    with tempfile.TemporaryDirectory() as folder, a_library(Path(folder), small=small) as library:
        library.take(documents[: len(documents) // 2 + 1])
        library.take(documents[len(documents) // 2 + 1 :], job="j2") if len(documents) > 1 else None
        expected = [
            one
            for one in library.documents()
            if (bbox is None or overlaps(one.get("bbox"), bbox))
            and during(one["properties"], moment(first), moment(last))
            and (chosen is None or FILTERS[chosen](one["properties"]))
        ]
        names = [one["id"] for one in sorted(expected, key=newest_first)][:limit]
        assert library.found(bbox=bbox, datetime=interval, filter=chosen, limit=limit) == names
