"""What users write for places and times on the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from stacsync.cli.words import bbox_of, interval_of


def test_a_bbox_is_four_degrees() -> None:
    """West, south, east, north; west beyond east crosses the antimeridian."""
    assert bbox_of("-10,40.5,5,50") == (-10, 40.5, 5, 50)
    assert bbox_of(" 170, -20, -170, -10 ") == (170, -20, -170, -10)
    assert bbox_of(None) is None


@pytest.mark.parametrize(
    "text", ["", "1,2,3", "1,2,3,4,5,6", "a,b,c,d", "1,2,nan,4", "0,10,1,5", "-190,0,0,1", "0,0,1,91", "1;2;3;4"]
)
def test_a_bad_bbox_is_refused(text: str) -> None:
    """Wrong counts, words, impossible degrees and south above north are refused."""
    with pytest.raises(typer.BadParameter, match="--bbox"):
        bbox_of(text)


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("2026-01-31", "2026-01-31T00:00:00Z/2026-01-31T23:59:59.999999Z"),
        ("2024-02", "2024-02-01T00:00:00Z/2024-02-29T23:59:59.999999Z"),
        ("2025/2026-06", "2025-01-01T00:00:00Z/2026-06-30T23:59:59.999999Z"),
        ("2026-01-01/2026-01-31", "2026-01-01T00:00:00Z/2026-01-31T23:59:59.999999Z"),
        ("2026-01-01T12:00:00Z", "2026-01-01T12:00:00Z/2026-01-01T12:00:00Z"),
        ("2026-01-01T12:00:00+02:00/..", "2026-01-01T10:00:00Z/.."),
        ("../2026-01-01", "../2026-01-01T23:59:59.999999Z"),
        ("/2026-01-01T00:00:00", "../2026-01-01T00:00:00Z"),
    ],
)
def test_times_become_utc_intervals(text: str, interval: str) -> None:
    """A date means its whole day, a month or a year the whole of it, a time without a zone is UTC, `..` or nothing leaves an end open."""
    assert interval_of(text) == interval


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2026-13-01",
        "2026-13",
        "2026-1",
        "26",
        "20266",
        "0000",
        "2026-0x",
        "2026-02-01/2026-01-01",
        "a/b/c",
        "../..",
        "/",
        "2026-01-01/2026-02-01/2026-03-01",
    ],
)
def test_bad_times_are_refused(text: str) -> None:
    """Words, impossible dates, backward and endless intervals are refused."""
    with pytest.raises(typer.BadParameter, match="--datetime"):
        interval_of(text)


MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


@given(MOMENTS, st.timedeltas(timedelta(0), timedelta(days=4000)))
def test_intervals_keep_their_ends(start: datetime, length: timedelta) -> None:
    """Both ends of an interval come through to the microsecond."""
    told = interval_of(f"{start.isoformat()}/{(start + length).isoformat()}")
    assert told is not None
    assert [datetime.fromisoformat(end) for end in told.split("/")] == [start, start + length]
