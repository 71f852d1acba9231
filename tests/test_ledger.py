"""The ledger remembers what was done, counts failures, and explains itself when it cannot be used."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from stacsync.errors import LedgerError
from stacsync.jobs import JobRecord
from stacsync.ledger import AssetRow, JobState, Ledger, Outcome, UploadRow

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
JOB = JobRecord(id="j-1", fingerprint="f1", title="NDVI", created=NOW, finished=NOW)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    opened = Ledger.open(f"sqlite:///{tmp_path}/ledger.db", clock)
    yield opened
    opened.close()


def test_a_published_job_is_known_by_its_fingerprint_after_a_restart(ledger: Ledger, tmp_path: Path) -> None:
    """What was published is still known when the file is opened again."""
    ledger.jobs.finish("cdse", JOB, Outcome(state=JobState.PUBLISHED, fingerprint="f1"))
    ledger.close()
    again = Ledger.open(f"sqlite:///{tmp_path}/ledger.db", lambda: NOW)
    known = again.jobs.known("cdse")["j-1"]
    again.close()
    assert (known.state, known.fingerprint) == (JobState.PUBLISHED, "f1")


def test_failures_back_off_ever_longer_and_end_parked(ledger: Ledger, clock: Clock) -> None:
    """Each failure in a row doubles the wait, up to a day; after many the job counts as parked."""
    waits = []
    for _ in range(12):
        ledger.jobs.fail("cdse", JOB, "boom")
        due = ledger.jobs.known("cdse")["j-1"].next_attempt
        assert due is not None
        waits.append(due - clock.now)
    assert waits[:3] == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    assert max(waits) == timedelta(hours=24)
    assert ledger.jobs.troubled()[0].state is JobState.PARKED


def test_a_clock_that_was_set_back_makes_no_job_wait(ledger: Ledger, clock: Clock) -> None:
    """A next attempt that is further away than any wait is long is forgiven; an ordinary one stands."""
    ledger.jobs.fail("cdse", JOB, "no")
    clock.now += timedelta(days=3650)
    ledger.jobs.fail("cdse", replace(JOB, id="j-2"), "no")
    clock.now -= timedelta(days=3650)
    ledger.forgive()
    known = ledger.jobs.known("cdse")
    assert known["j-1"].next_attempt == clock.now + timedelta(minutes=1)
    assert known["j-2"].next_attempt is None


def test_success_ends_a_row_of_failures(ledger: Ledger) -> None:
    """A job that works again starts counting from nothing."""
    ledger.jobs.fail("cdse", JOB, "boom")
    ledger.jobs.finish("cdse", JOB, Outcome(state=JobState.PUBLISHED, fingerprint="f1"))
    assert ledger.jobs.fail("cdse", JOB, "boom again") == 1


def test_forgetting_makes_a_job_be_taken_anew(ledger: Ledger) -> None:
    """`--force` forgets the fingerprint and the back-off of what it names, and of nothing else."""
    other = JobRecord(id="j-2", fingerprint="g")
    for record in (JOB, other):
        ledger.jobs.finish("cdse", record, Outcome(state=JobState.PUBLISHED, fingerprint=record.fingerprint))
    ledger.jobs.forget("cdse", "j-1")
    known = ledger.jobs.known("cdse")
    assert (known["j-1"].fingerprint, known["j-2"].fingerprint) == (None, "g")


def test_staged_jobs_are_published_when_the_documents_are_written(ledger: Ledger) -> None:
    """Settling turns what is staged into published, of one provider alone."""
    for provider in ("a", "b"):
        ledger.jobs.finish(provider, JOB, Outcome(state=JobState.STAGED, fingerprint="f1"))
    ledger.jobs.settle("a")
    assert ledger.jobs.counts() == {"a": {"published": 1}, "b": {"staged": 1}}


def test_assets_are_found_by_key_however_many(ledger: Ledger) -> None:
    """Asking for thousands of keys at once works on every SQLite."""
    rows = [AssetRow(key=f"k{n}", provider="p", job="j", identity=f"i{n}", size=n, sha256="00") for n in range(3000)]
    ledger.assets.record(*rows)
    assert len(ledger.assets.get_many([row.key for row in rows])) == 3000
    ledger.assets.delete([row.key for row in rows[:2999]])
    assert list(ledger.assets.of_job("p", "j")) == ["k2999"]


def test_an_upload_under_way_is_remembered_until_it_is_dropped(ledger: Ledger) -> None:
    """What is needed to continue a large upload survives."""
    row = UploadRow(key="k", upload_id="u", identity="i", size=5, part_size=2, source_etag=None, started_at="t")
    ledger.uploads.put(row)
    assert ledger.uploads.get("k") == row
    ledger.uploads.drop("k")
    assert ledger.uploads.all() == []


def test_gone_assets_are_counted_by_pass(ledger: Ledger) -> None:
    """Each pass in which an asset is gone counts once, until the job is published."""
    ledger.gone.add("p", "j", ["i1", "i1"])
    ledger.gone.add("p", "j", ["i1", "i2"])
    assert ledger.gone.count("p", "j") == {"i1": 2, "i2": 1}
    ledger.gone.clear("p", "j")
    assert ledger.gone.count("p", "j") == {}


def test_passes_tell_the_last_and_the_last_good_one(ledger: Ledger, clock: Clock) -> None:
    """`status` shows when a provider last worked, although it fails now."""
    good = ledger.passes.begin("p")
    ledger.passes.finish(good, ok=True, counts={"seen": 3}, error=None)
    clock.now += timedelta(minutes=5)
    bad = ledger.passes.begin("p")
    ledger.passes.finish(bad, ok=False, counts={}, error="unreachable")
    last, success = ledger.passes.last("p"), ledger.passes.last_success("p")
    assert last is not None
    assert success is not None
    assert (last.error, success.counts) == ("unreachable", {"seen": 3})


def kept(ledger: Ledger) -> dict[str, list[str]]:
    with ledger.read() as conn:
        rows = conn.execute(text("SELECT provider, started_at FROM passes ORDER BY id")).all()
    return {name: [row.started_at[5:10] for row in rows if row.provider == name] for name in ("p", "q")}


def test_a_providers_passes_are_kept_for_a_week(ledger: Ledger, clock: Clock) -> None:
    """Passes are forgotten by age, whatever other providers do; the last one and the last good one never are."""
    for day in range(30):
        for name in ("p", *["q"] * 9):
            number = ledger.passes.begin(name)
            ledger.passes.finish(number, ok=name == "q" or not day, counts={}, error=None)
        clock.now = NOW + timedelta(days=day + 1)
    last = [f"03-{day}" for day in range(22, 31)]
    assert kept(ledger) == {"p": ["03-01", *last], "q": [day for day in last for _ in range(9)]}
    clock.now = NOW + timedelta(days=300)
    ledger.passes.begin("p")
    assert kept(ledger)["p"] == ["03-01", "03-30", "12-26"]


def test_a_providers_memory_is_its_own(ledger: Ledger) -> None:
    """Two providers may use the same key."""
    ledger.memory("a").put("k", {"n": 1})
    assert ledger.memory("b").get("k") is None
    ledger.memory("a").drop("k")
    assert ledger.memory("a").get("k") is None


def test_the_file_is_for_its_owner_alone(ledger: Ledger, tmp_path: Path) -> None:
    """Nobody else on the machine can read the ledger."""
    assert ledger.engine is not None
    assert stat.S_IMODE((tmp_path / "ledger.db").stat().st_mode) == 0o600


def test_a_damaged_file_is_explained_with_the_way_back(tmp_path: Path) -> None:
    """A corrupt ledger says so, and that nothing has to be transferred again."""
    path = tmp_path / "ledger.db"
    path.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(LedgerError, match=r"damaged.*adopts what the bucket holds"):
        Ledger.open(f"sqlite:///{path}", lambda: NOW)


def test_a_ledger_of_a_newer_version_is_refused_untouched(ledger: Ledger, tmp_path: Path) -> None:
    """An older stacsync does not write into a schema that it does not know."""
    ledger.close()
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.execute("UPDATE schema_version SET version_num = '9999'")
    with pytest.raises(LedgerError, match="newer stacsync"):
        Ledger.open(f"sqlite:///{tmp_path}/ledger.db", lambda: NOW)


def test_foreign_tables_are_refused(tmp_path: Path) -> None:
    """A database that belongs to something else is left alone."""
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE jobs (id INTEGER)")
    with pytest.raises(LedgerError, match="foreign tables"):
        Ledger.open(f"sqlite:///{tmp_path}/other.db", lambda: NOW)


def test_a_password_in_the_url_is_never_shown() -> None:
    """An unreachable database is named without its password."""
    with pytest.raises(LedgerError) as caught:
        Ledger.open("postgresql+psycopg://u:hunter2@127.0.0.1:1/db", lambda: NOW)
    assert "hunter2" not in str(caught.value)
