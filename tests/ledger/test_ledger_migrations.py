"""Ledgers of earlier versions are brought up to date where they lie."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, inspect, text
from stacsync import ledger as package
from stacsync.jobs import JobRecord
from stacsync.ledger import JobState, Ledger, Outcome
from stacsync.ledger.behind import state_of
from stacsync.ledger.migrations import HEAD
from stacsync.ledger.pushed import Pushed
from stacsync.ledger.schema import METADATA
from tests.kit.postgres import Postgres

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
JOB = JobRecord(id="j-1", fingerprint="f1")


def make(url: str, revision: str) -> None:
    """Make a ledger as the version of that revision did, with one published job."""
    engine = create_engine(url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(package.__file__).parent / "migrations"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.execute(
            text(
                "INSERT INTO jobs (provider, job, state, fingerprint, reason, left_out, attempts, updated_at) "
                "VALUES ('cdse', 'j-1', 'published', 'f1', '', '{}', 0, '2026-01-01T00:00:00.000000Z')"
            )
        )
    engine.dispose()


def columns(url: str) -> dict[str, set[str]]:
    engine = create_engine(url)
    found = inspect(engine)
    shown = {table: {column["name"] for column in found.get_columns(table)} for table in found.get_table_names()}
    shown |= {f"{table} indexes": {str(one["name"]) for one in found.get_indexes(table)} for table in list(shown)}
    engine.dispose()
    return shown


def upgrade(old: str, new: str) -> None:
    make(old, "0001")
    assert "pushed" not in columns(old)
    opened = Ledger.open(old, lambda: NOW)
    try:
        assert opened.jobs.known("cdse")["j-1"].fingerprint == "f1"
        assert opened.jobs.known("cdse")["j-1"].state is JobState.PUBLISHED
        opened.jobs.finish("cdse", JOB, Outcome(state=JobState.PUBLISHED, fingerprint="f2"))
        Pushed(opened, lambda: NOW, "https://api.example").begin("mark")
        with opened.read() as conn:
            assert state_of(conn, "https://api.example").pending == 0
    finally:
        opened.close()
    Ledger.open(new, lambda: NOW).close()
    assert columns(old) == columns(new)
    assert columns(old)["pushed"] == {column.name for column in METADATA.tables["pushed"].columns}
    engine = create_engine(old)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM schema_version")).scalar() == HEAD
    engine.dispose()


def test_the_first_ledger_is_upgraded_in_place(tmp_path: Path) -> None:
    """A ledger of the first schema keeps its jobs and becomes what a new one is, to the last column and index."""
    upgrade(f"sqlite:///{tmp_path}/old.db", f"sqlite:///{tmp_path}/new.db")


@pytest.mark.real
def test_the_first_ledger_is_upgraded_on_postgresql(postgres: Postgres) -> None:
    """The same on PostgreSQL."""
    upgrade(postgres.database(), postgres.database())
