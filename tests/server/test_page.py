"""The status page: what it says in words, its chart, its map, its times."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stacsync.demo.openeo import OpenEOStandIn
from stacsync.ledger.glance import Footprint, Hour
from stacsync.server import words
from stacsync.server.page import chart, times, worldmap
from stacsync.server.page.land import OUTLINES
from tests.server.conftest import Served

NOW = datetime(2026, 2, 2, 13, 30, tzinfo=UTC)


class Tags(HTMLParser):
    """Checks that every element that was opened is closed in order."""

    VOID = frozenset({"meta", "link", "img", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]
        assert not [name for name, _ in attrs if name == "style" or name.startswith("on")], attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Nothing stays open."""


def test_the_page_is_whole_and_asks_nobody_else(served: Served, openeo: OpenEOStandIn) -> None:
    """Well-formed HTML without inline styles or handlers; it loads from here alone and links to the catalog."""
    openeo.fail(r"/jobs/j-cube/results", 403, times=1000)
    served.scheduler.step()
    page = served.ask("/").text
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    catalog = "https://data.acme.example/eo/catalog.json"
    outside = [link for link in tags.links if "://" in link]
    assert outside == [f"https://radiantearth.github.io/stac-browser/#/external/{catalog}", catalog]
    for text in (
        "ACME EO products",
        "1 job needs attention",
        "cdse",
        "3 published",
        "NDVI cube",
        "What to do:",
        "Next pass",
    ):
        assert text in page, text
    assert page.count("<rect class=") > chart.BARS
    assert "@import" not in served.ask("/status.css").text
    assert "http" not in served.ask("/status.css").text + served.ask("/status.js").text


def test_all_well(served: Served) -> None:
    """When nothing is wrong the page says so first."""
    served.scheduler.step()
    assert "<title>All is well · ACME EO products</title>" in served.ask("/").text


def test_before_the_first_pass(served: Served) -> None:
    """Right after the start there is a page, too."""
    page = served.ask("/").text
    assert "Getting ready" in page
    assert "no jobs yet" in page


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "now"),
        (-5, "5 s ago"),
        (-61, "1 min ago"),
        (-7200, "2 h ago"),
        (-200_000, "2 d ago"),
        (20, "in 20 s"),
        (5400, "in 1 h"),
    ],
)
def test_times_for_people(seconds: int, told: str) -> None:
    """Past and future in the largest unit that fits."""
    assert times.relative((NOW + timedelta(seconds=seconds)).isoformat(), NOW) == told


def test_times_that_are_not_there() -> None:
    """No time is a dash."""
    assert (times.relative(None, NOW), times.absolute(None)) == ("–", "")
    assert times.absolute("2026-02-02T13:30:05.123456Z") == "2026-02-02 13:30:05 UTC"


def test_the_chart_sorts_passes_into_four_hour_bars() -> None:
    """The newest bar is the last; a bar is mixed when some of its passes failed, bad when all did."""
    hours = [
        Hour(provider="a", start=datetime(2026, 2, 2, 12, tzinfo=UTC), passes=3, failed=0),
        Hour(provider="a", start=datetime(2026, 2, 2, 11, tzinfo=UTC), passes=2, failed=1),
        Hour(provider="a", start=datetime(2026, 2, 2, 10, tzinfo=UTC), passes=1, failed=0),
        Hour(provider="a", start=datetime(2026, 2, 2, 7, tzinfo=UTC), passes=1, failed=1),
    ]
    strips = chart.strips(hours, ["a", "b"], NOW)
    assert strips is not None
    assert [bar.tone for bar in strips[0]["bars"][-4:]] == ["none", "bad", "mixed", "good"]
    assert strips[0]["bars"][-2].title == "Mon 02 Feb 08:00 to 12:00 UTC: 3 passes, 1 with failures"
    assert (strips[0]["passes"], strips[0]["failed"]) == (7, 2)
    assert {bar.tone for bar in strips[1]["bars"]} == {"none"}
    assert chart.strips([], ["a"], NOW) is None


def _footprint(west: float, south: float, east: float, north: float) -> Footprint:
    return Footprint(provider="p", title="t", west=west, south=south, east=east, north=north)


def test_a_small_footprint_is_marked_and_the_map_comes_near() -> None:
    """A field of some hectares is a spot in its own part of the world."""
    drawn = worldmap.drawn([_footprint(13.0, 52.0, 13.01, 52.01)])
    assert drawn is not None
    x, y, width, height = (float(word) for word in drawn["view"].split())
    assert (width, height) == (72, 36)
    box = drawn["boxes"][0]
    assert box.small
    assert x < box.x < x + width
    assert y < box.y < y + height


def test_across_the_antimeridian() -> None:
    """A footprint from Fiji to Samoa is two boxes at the map's edges, counted once."""
    drawn = worldmap.drawn([_footprint(177, -20, -170, -12)])
    assert drawn is not None
    assert [(box.x, box.width) for box in reversed(drawn["boxes"])] == [(357, 3), (0, 10)]
    assert (drawn["count"], drawn["view"]) == (1, "0 0 360 180")


degrees = st.tuples(st.floats(-180, 180), st.floats(-90, 90), st.floats(-180, 180), st.floats(-90, 90))


@given(st.lists(degrees, max_size=8))
def test_the_view_holds_every_footprint(found: list[tuple[float, float, float, float]]) -> None:
    """Whatever there is lies inside the map, and the map inside the world."""
    drawn = worldmap.drawn([_footprint(w, min(s, n), e, max(s, n)) for w, s, e, n in found])
    if drawn is None:
        assert not found
        return
    x, y, width, height = (float(word) for word in drawn["view"].split())
    assert min(x, y) >= 0
    assert x + width <= 360.01
    assert y + height <= 180.01
    for box in drawn["boxes"]:
        assert x - 2 <= box.x <= box.x + box.width <= x + width + 2
        assert y - 2 <= box.y <= box.y + box.height <= y + height + 2


def test_the_land_is_on_the_earth() -> None:
    """Every ring of the outline has at least three corners, all of them on the globe."""
    assert len(OUTLINES) > 20
    for ring in OUTLINES:
        assert len(ring) >= 3
        assert all(-180 <= lon <= 180 and -90 <= lat <= 90 for lon, lat in ring)


@pytest.mark.parametrize(
    ("error", "parts"),
    [
        ("it broke (try again)", ("it broke", "try again")),
        ("it (really) broke (look at (a) and (b))", ("it (really) broke", "look at (a) and (b)")),
        ("it broke", ("it broke", "")),
        ("(all in brackets)", ("(all in brackets)", "")),
        ("a b) c (d", ("a b) c (d", "")),
    ],
)
def test_a_message_is_told_apart_from_its_remedy(error: str, parts: tuple[str, str]) -> None:
    """The last bracket of an error is what to do."""
    assert words.split_remedy(error) == parts


@given(st.text(max_size=80))
def test_any_message_can_be_told_apart(text: str) -> None:
    """No message is lost or breaks the page."""
    reason, remedy = words.split_remedy(text)
    assert re.sub(r"[() ]", "", reason + remedy) == re.sub(r"[() ]", "", text)


def test_a_provider_that_is_down_outweighs_a_failed_job() -> None:
    """The headline is the worst that is true."""
    down = {"enabled": True, "state": {"tone": "bad"}, "jobs": {}, "last_pass": "x"}
    well = {"enabled": True, "state": {"tone": "good"}, "jobs": {}, "last_pass": "x"}
    failure = {"provider": "a", "job": "j"}
    base = {"phase": "active", "error": None, "failures": [failure], "expiring": [], "waiting_for": None}
    assert words.headline({**base, "providers": {"a": down, "b": well}})["text"] == "1 of 2 providers in trouble"
    assert words.headline({**base, "providers": {"b": well}})["tone"] == "warn"
    assert words.headline({**base, "failures": [], "providers": {}})["tone"] == "idle"
