"""A ledger that is only read stays as it is, to the last byte and file, whatever state it is in."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect
from stacsync.demo.openeo import OpenEOStandIn
from stacsync.errors import LedgerError
from stacsync.jobs import JobRecord
from stacsync.ledger import JobState, Ledger, Outcome
from tests.kit.postgres import Postgres
from tests.kit.workspace import FolderStore, Workspace
from tests.ledger.test_ledger_migrations import make

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PUBLISHED = {"cdse": {"published": 1}}


def found(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return every file of a folder and below: its bytes, and when it was written."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def counted(url: str) -> dict[str, dict[str, int]]:
    """Return what a reader finds."""
    with closing(Ledger.open(url, lambda: NOW, writing=False)) as ledger:
        return ledger.jobs.counts()


def finish(ledger: Ledger, name: str = "j-1") -> None:
    record = JobRecord(id=name, fingerprint="f")
    ledger.jobs.finish("cdse", record, Outcome(state=JobState.PUBLISHED, fingerprint="f"))


def test_a_ledger_that_is_up_to_date(tmp_path: Path) -> None:
    """It is read where it lies, and no log is left beside it."""
    url = f"sqlite:///{tmp_path}/odd ?#%name.db"
    with closing(Ledger.open(url, lambda: NOW)) as ledger:
        finish(ledger)
    before = found(tmp_path)
    assert counted(url) == PUBLISHED
    assert found(tmp_path) == before
    assert len(before) == 1


def test_a_ledger_of_an_older_version(tmp_path: Path) -> None:
    """It is understood and not brought up to date: the older program that works with it can go on."""
    url = f"sqlite:///{tmp_path}/old.db"
    make(url, "0001")
    with closing(sqlite3.connect(tmp_path / "old.db")) as older:
        older.execute("PRAGMA journal_mode=WAL")
    before = found(tmp_path)
    assert counted(url) == PUBLISHED
    assert found(tmp_path) == before


def test_an_older_version_that_is_at_work(tmp_path: Path) -> None:
    """What it wrote last is read from its log, and what it has not ended is not seen."""
    url = f"sqlite:///{tmp_path}/old.db"
    make(url, "0001")
    with closing(sqlite3.connect(tmp_path / "old.db", isolation_level=None)) as older:
        older.execute("PRAGMA journal_mode=WAL")
        older.execute("UPDATE jobs SET state = 'failed'")
        older.execute("BEGIN IMMEDIATE")
        older.execute("UPDATE jobs SET state = 'parked'")
        before = {name: what for name, what in found(tmp_path).items() if not name.endswith("-shm")}
        assert counted(url) == {"cdse": {"failed": 1}}
        assert {name: what for name, what in found(tmp_path).items() if not name.endswith("-shm")} == before
        older.execute("COMMIT")
        assert counted(url) == {"cdse": {"parked": 1}}


def test_a_service_that_works_on_beside_a_reader(tmp_path: Path) -> None:
    """A reader that was opened while nobody wrote sees what a writer that came later has written."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    Ledger.open(url, lambda: NOW).close()
    with closing(Ledger.open(url, lambda: NOW, writing=False)) as reader:
        assert reader.jobs.counts() == {}
        with closing(Ledger.open(url, lambda: NOW)) as writer:
            finish(writer)
            assert reader.jobs.counts() == PUBLISHED
            finish(writer, "j-2")
            assert reader.jobs.counts() == {"cdse": {"published": 2}}
        assert reader.jobs.counts() == {"cdse": {"published": 2}}
        with pytest.raises(LedgerError, match="cannot be written"):
            finish(reader)


def test_no_ledger(tmp_path: Path) -> None:
    """Where there is none yet it is empty, and none is made, nor a folder for it."""
    assert counted(f"sqlite:///{tmp_path}/deep/ledger.db") == {}
    assert list(tmp_path.iterdir()) == []


def test_commands_that_tell_write_nothing(tmp_path: Path) -> None:
    """`status` and `sync --dry-run` leave ledger and catalog of an older version as they are."""
    with OpenEOStandIn() as openeo:
        workspace = Workspace(tmp_path, FolderStore(tmp_path / "catalog"), providers={"cdse": openeo.settings()})
        assert workspace.config.exists()
        make(f"sqlite:///{workspace.ledger}", "0001")
        before = found(tmp_path)
        before.pop("stacsync.toml")
        status = workspace.run("status", "--json")
        dry = workspace.run("sync", "--dry-run", "--json")
        after = found(tmp_path)
        after.pop("stacsync.toml")
    assert (status.code, status.json["providers"]["cdse"]["jobs"]) == (0, {"published": 1}), status.stderr
    assert (dry.code, dry.json["providers"]["cdse"]["published"]) == (0, 4), dry.stderr
    assert after == before


@pytest.mark.real
def test_on_postgresql(postgres: Postgres) -> None:
    """A ledger there is only read, an older one is refused with the way out, and an empty database stays empty."""
    current, older, empty = (postgres.database() for _ in range(3))
    with closing(Ledger.open(current, lambda: NOW)) as ledger:
        finish(ledger)
    assert counted(current) == PUBLISHED
    with closing(Ledger.open(current, lambda: NOW, writing=False)) as reader, pytest.raises(LedgerError):
        finish(reader)
    make(older, "0001")
    with pytest.raises(LedgerError, match=r"older stacsync.*stacsync sync"):
        counted(older)
    assert counted(empty) == {}
    for url, there in ((older, False), (empty, False), (current, True)):
        engine = create_engine(url)
        assert inspect(engine).has_table("pushed") is there
        engine.dispose()
