"""Ledgers of earlier versions are brought up to date where they lie."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Column, MetaData, String, create_engine, inspect, text
from stacsync import ledger as package
from stacsync.jobs import JobRecord
from stacsync.ledger import JobState, Ledger, Outcome, schema
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


def tables(url: str) -> dict[str, set[str]]:
    """Return every column and index of every table, in words."""
    engine = create_engine(url)
    found = inspect(engine)
    shown = {}
    for table in sorted(set(found.get_table_names()) - {"schema_version"}):
        keys = found.get_pk_constraint(table)["constrained_columns"]
        shown[table] = {
            f"{one['name']} {one['type']!r} null={one['nullable']} key={one['name'] in keys}"
            for one in found.get_columns(table)
        } | {f"index {one['name']} {one['column_names']} {one['unique']}" for one in found.get_indexes(table)}
    engine.dispose()
    return shown


def upgrade(old: str, new: str) -> None:
    make(old, "0001")
    assert "pushed" not in tables(old)
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
    assert tables(old) == tables(new)
    engine = create_engine(old)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM schema_version")).scalar() == HEAD
    engine.dispose()


def test_the_first_ledger_is_upgraded_in_place(tmp_path: Path) -> None:
    """A ledger of the first schema keeps its jobs and becomes what a new one is, to the last column and index."""
    upgrade(f"sqlite:///{tmp_path}/old.db", f"sqlite:///{tmp_path}/new.db")


def same(migrated: str, declared: str) -> None:
    Ledger.open(migrated, lambda: NOW).close()
    engine = create_engine(declared)
    METADATA.create_all(engine)
    engine.dispose()
    assert tables(migrated) == tables(declared)


def test_the_steps_lead_to_what_is_declared(tmp_path: Path) -> None:
    """A ledger made by all steps has the tables, columns and indexes of `ledger.schema`, no more and no less."""
    same(f"sqlite:///{tmp_path}/migrated.db", f"sqlite:///{tmp_path}/declared.db")


def test_what_is_declared_later_changes_no_earlier_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A column that a later version declares comes by a step of its own: new ledgers and upgraded ones stay alike."""
    before = f"sqlite:///{tmp_path}/before.db"
    make(before, HEAD)
    later = MetaData()
    for table in METADATA.tables.values():
        table.to_metadata(later).append_column(Column("later", String))
    monkeypatch.setattr(schema, "METADATA", later)
    after = f"sqlite:///{tmp_path}/after.db"
    make(after, HEAD)
    assert tables(after) == tables(before)


@pytest.mark.real
def test_the_steps_lead_to_what_is_declared_on_postgresql(postgres: Postgres) -> None:
    """The same on PostgreSQL."""
    same(postgres.database(), postgres.database())


@pytest.mark.real
def test_the_first_ledger_is_upgraded_on_postgresql(postgres: Postgres) -> None:
    """The same on PostgreSQL."""
    upgrade(postgres.database(), postgres.database())
