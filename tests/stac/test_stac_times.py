"""Times of Items."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stacsync.stac.times import from_filename, parse, rfc3339
from tests.stac.making import asset, bare, made

ZONES = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
EARLIEST, LATEST = datetime.fromisoformat("0002-01-01"), datetime.fromisoformat("9998-12-31")
MOMENTS = st.datetimes(EARLIEST, LATEST, timezones=ZONES)
JUNE = datetime(2025, 6, 1, tzinfo=UTC)
JULY = datetime(2025, 7, 1, tzinfo=UTC)


@given(MOMENTS)
def test_a_time_survives_being_written_and_read(moment: datetime) -> None:
    """Any instant in any zone comes back as the same instant, and is written in UTC."""
    text = rfc3339(moment)
    assert parse(text) == moment
    assert text.endswith("Z")


@given(MOMENTS, MOMENTS)
def test_whole_seconds_sort_as_texts_as_they_do_in_time(one: datetime, other: datetime) -> None:
    """Texts without fractions have one length, so they sort."""
    first, second = one.replace(microsecond=0), other.replace(microsecond=0)
    assert (rfc3339(first) < rfc3339(second)) is (first < second)


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_none(text: str) -> None:
    """Nonsense never raises."""
    found = parse(text)
    assert found is None or found.tzinfo is UTC
    from_filename(text)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2025-06-03", "2025-06-03T00:00:00Z"),
        ("2021-05-31T09:51:52.100000+00:00", "2021-05-31T09:51:52.100Z"),
        ("2017-04-02 05:42:20.704644", "2017-04-02T05:42:20.704644Z"),
        ("2025-06-03T02:00:00+0200", "2025-06-03T00:00:00Z"),
        ("2023-03-16T12:56:22.205845123Z", "2023-03-16T12:56:22.205845Z"),
        ("2025-06-03T10:20Z", "2025-06-03T10:20:00Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
    ],
)
def test_spellings_of_times_are_understood(text: str, written: str) -> None:
    """What services write is read, and written in one way."""
    found = parse(text)
    assert found is not None
    assert rfc3339(found) == written


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("openEO_2025-06-03Z.tif", "2025-06-03T00:00:00Z"),
        ("_20250603.tif", "2025-06-03T00:00:00Z"),
        ("tile/01/ndvi_20250603_20250603.tif", "2025-06-03T00:00:00Z"),
        ("S2A_MSIL2A_20220714T104629_N0510_R051_T31UFS_20240724T011152.SAFE", "2022-07-14T10:46:29Z"),
        ("20201211_223832_CS25.tif", "2020-12-11T22:38:32Z"),
        ("ndvi_20250601_20250630.tif", None),
        ("LC08_L1TP_193024_20200820_20200905_02_T1.tif", None),
        ("openEO.tif", None),
        ("7e17f023-a8e3-43bd-aaac-5bbef749c7f4.tif", None),
        ("job_99999999.tif", None),
        ("12345678901234.tif", None),
    ],
)
def test_a_file_name_tells_a_time_only_if_it_tells_one(name: str, written: str | None) -> None:
    """Two dates may be a period or an acquisition and its processing: then the name tells nothing."""
    found = from_filename(name)
    assert (None if found is None else rfc3339(found)) == written


def test_a_period_stays_a_period() -> None:
    """datetime is null, both ends are given, the title starts with both dates."""
    found = made(bare(start_datetime=JULY, end_datetime=JUNE))["properties"]
    assert (found["datetime"], found["start_datetime"], found["end_datetime"]) == (
        None,
        "2025-06-01T00:00:00Z",
        "2025-07-01T00:00:00Z",
    )
    assert found["title"] == "2025-06-01/2025-07-01 i"
    assert "stacsync:datetime_source" not in found


def test_a_period_of_no_length_is_the_instant_that_it_is() -> None:
    """Nothing is invented: start, end and datetime are one."""
    found = made(bare(start_datetime=JUNE, end_datetime=JUNE))["properties"]
    assert found["datetime"] == found["start_datetime"] == found["end_datetime"] == "2025-06-01T00:00:00Z"


def test_an_open_period_says_which_end_is_known() -> None:
    """STAC Items cannot be open: the known end stands for both, and says so."""
    found = made(bare(start_datetime=JUNE))["properties"]
    assert (found["datetime"], found["end_datetime"]) == (None, "2025-06-01T00:00:00Z")
    assert found["stacsync:datetime_source"] == "start_datetime"


def test_times_of_assets_come_before_those_of_file_names() -> None:
    """Assets of different times make a period."""
    dated = [asset(f"{day}_2020-01-01Z.tif", {"datetime": f"2025-06-0{day}T00:00:00Z"}) for day in (3, 1, 2)]
    found = made(bare(assets=tuple(dated)))["properties"]
    assert (found["start_datetime"], found["end_datetime"]) == ("2025-06-01T00:00:00Z", "2025-06-03T00:00:00Z")
    assert (found["datetime"], found["stacsync:datetime_source"]) == (None, "assets")


def test_a_file_name_is_better_than_the_jobs_own_time() -> None:
    """The date in the name is taken, and said to be."""
    found = made(bare(assets=(asset("openEO_2025-06-03Z.tif", {}),)))["properties"]
    assert (found["datetime"], found["stacsync:datetime_source"]) == ("2025-06-03T00:00:00Z", "filename")


def test_last_of_all_the_job_dates_its_item() -> None:
    """The job's time is taken when nothing else is known, and said to be."""
    found = made(bare())["properties"]
    assert (found["datetime"], found["stacsync:datetime_source"]) == ("2025-07-01T08:30:00Z", "job")


@given(st.none() | MOMENTS, st.none() | MOMENTS, st.none() | MOMENTS)
def test_whatever_times_are_stated_the_item_is_valid(
    instant: datetime | None, start: datetime | None, end: datetime | None
) -> None:
    """No combination of datetime, start and end breaks an Item, and its period never runs backwards."""
    found = made(bare(datetime=instant, start_datetime=start, end_datetime=end))["properties"]
    first, last = parse(found.get("start_datetime")), parse(found.get("end_datetime"))
    assert (first is None) is (last is None)
    assert first is None or last is None or first <= last
