"""The ledger on a real PostgreSQL: what holds on SQLite holds here, and several processes share it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import psycopg
import pytest
from sqlalchemy import text
from stacsync.demo.openeo import OpenEOStandIn
from stacsync.errors import LedgerError
from stacsync.jobs import JobRecord
from stacsync.ledger import JobState, Ledger, Outcome
from tests import test_ledger
from tests.catalog import bench as benches
from tests.catalog import test_catalog_adopt, test_catalog_publish
from tests.catalog.bench import Bench
from tests.kit.postgres import Postgres
from tests.kit.workspace import FolderStore, Workspace, crawl, published
from tests.targets import test_targets_push
from tests.targets.test_targets_push import api, connect, target
from tests.test_ledger import Clock, clock

pytestmark = pytest.mark.real
__all__ = ["api", "clock", "connect", "target"]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ABOUT_FILES = {"test_the_file_is_for_its_owner_alone", "test_a_publication_with_nothing_new_is_silent"}
"""Tests that look into a SQLite file."""


def _again(*modules: ModuleType) -> None:
    """Collect the tests of `modules` here once more: their fixtures `ledger` and `bench` are those below."""
    for module in modules:
        for name, test in vars(module).items():
            needs = getattr(test, "__annotations__", {})
            if name.startswith("test_") and name not in ABOUT_FILES and "tmp_path" not in needs:
                globals()[name] = test


_again(test_ledger, test_catalog_publish, test_catalog_adopt, test_targets_push)


@pytest.fixture
def ledger(postgres: Postgres, ledger_template: str, clock: Clock) -> Iterator[Ledger]:
    opened = Ledger.open(postgres.database(ledger_template), clock)
    yield opened
    opened.close()


@pytest.fixture
def bench(postgres: Postgres, ledger_template: str) -> Iterator[Bench]:
    opened = Ledger.open(postgres.database(ledger_template), benches.clock)
    yield Bench(opened)
    opened.close()


@pytest.fixture
def openeo() -> Iterator[OpenEOStandIn]:
    with OpenEOStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def workspace(tmp_path: Path, openeo: OpenEOStandIn, postgres: Postgres) -> Workspace:
    store = FolderStore(tmp_path / "catalog")
    made = Workspace(tmp_path, store, providers={"cdse": openeo.settings()})
    made.sections["ledger"] = {"url": postgres.database(), "state_dir": str(tmp_path)}
    return made


def finished(openeo: OpenEOStandIn) -> int:
    return sum(job.status == "finished" for job in openeo.jobs)


def test_a_whole_pass(workspace: Workspace, openeo: OpenEOStandIn) -> None:
    """All finished jobs are published, a second pass does nothing, and `status` tells so from another process."""
    first = workspace.run("sync", "--json")
    assert (first.code, first.json["providers"]["cdse"]["published"]) == (0, finished(openeo)), first.stderr
    list(crawl(workspace.store))
    again = workspace.run("sync", "--json")
    assert (again.code, again.json["documents"]["written"], again.json["assets"]["bytes"]) == (0, 0, 0)
    status = workspace.run("status", "--json")
    assert status.json["providers"]["cdse"]["jobs"] == {"published": finished(openeo)}
    assert "made-up-database-password" not in first.stderr + first.stdout + status.stdout


def test_two_processes_at_the_same_time(workspace: Workspace, openeo: OpenEOStandIn) -> None:
    """Of two passes started at once one waits for the other, or stops and names it; nothing is doubled."""
    running = [
        subprocess.Popen(
            workspace.command("sync", "--json"),
            env=workspace.environment(),
            cwd=workspace.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [one.communicate(timeout=120) for one in running]
    assert 0 in [one.returncode for one in running], outputs
    for one, (_, said) in zip(running, outputs, strict=True):
        assert one.returncode == 0 or "the lease ends" in said
    assert workspace.sync()["documents"]["written"] == 0
    once = workspace.run("status", "--json").json["providers"]["cdse"]["jobs"]
    assert once == {"published": finished(openeo)}
    list(crawl(workspace.store))


def test_a_lost_database_is_made_anew_from_the_bucket(
    workspace: Workspace, openeo: OpenEOStandIn, postgres: Postgres
) -> None:
    """With an empty database the next pass takes over what is published: no file again, no byte changed."""
    workspace.sync()
    before = published(workspace.store)
    workspace.sections["ledger"] = {"url": postgres.database(), "state_dir": str(workspace.root)}
    again = workspace.sync()
    assert again["assets"]["transferred"] == 0
    assert again["providers"]["cdse"]["seen"] == finished(openeo)
    assert published(workspace.store) == before


WRITER = """
import sys
from datetime import UTC, datetime
from stacsync.jobs import JobRecord
from stacsync.ledger import Ledger
ledger = Ledger.open(sys.argv[1], lambda: datetime(2026, 3, 1, tzinfo=UTC))
for _ in range(int(sys.argv[2])):
    ledger.jobs.fail("p", JobRecord(id="j", fingerprint="f"), "boom")
ledger.close()
"""


def test_processes_open_and_write_side_by_side(postgres: Postgres) -> None:
    """An empty database opened by several processes at once gets its tables once; no count of theirs is lost."""
    url = postgres.database()
    running = [subprocess.Popen([sys.executable, "-c", WRITER, url, "25"]) for _ in range(3)]
    assert [one.wait(120) for one in running] == [0, 0, 0]
    opened = Ledger.open(url, lambda: NOW)
    assert opened.jobs.fail("p", JobRecord(id="j", fingerprint="f"), "boom") == 76
    opened.close()


def test_readers_wait_for_no_writer(postgres: Postgres, ledger_template: str) -> None:
    """`status` answers while another process is in the middle of a long write."""
    url = postgres.database(ledger_template)
    writer = Ledger.open(url, lambda: NOW)
    with writer.write():
        reader = Ledger.open(url, lambda: NOW)
        assert reader.jobs.counts() == {}
        reader.close()
    writer.close()


def test_a_second_writer_is_told_who_is_in_the_way(
    postgres: Postgres, ledger_template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever cannot write in time is told that another process does, rather than waiting forever."""
    monkeypatch.setattr("stacsync.ledger.engines.BUSY_SECONDS", 0.2)
    url = postgres.database(ledger_template)
    one, other = Ledger.open(url, lambda: NOW), Ledger.open(url, lambda: NOW)
    with one.write(), pytest.raises(LedgerError, match="locked by another process"):
        other.jobs.set_state("p", "j", JobState.RETIRED, "")
    one.close()
    other.close()


def test_a_connection_that_broke_is_replaced(postgres: Postgres, ledger_template: str) -> None:
    """After the database was restarted, or cut our connections, the ledger goes on."""
    name = postgres.create(ledger_template)
    opened = Ledger.open(postgres.url(name), lambda: NOW)
    opened.jobs.finish("p", JobRecord(id="j", fingerprint="f"), Outcome(state=JobState.PUBLISHED, fingerprint="f"))
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        cut = connection.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s", (name,)
        ).fetchone()
    assert cut is not None
    assert cut[0] > 0
    assert opened.jobs.counts() == {"p": {"published": 1}}
    opened.close()


def test_odd_characters_of_a_title_break_nothing(ledger: Ledger) -> None:
    """A NUL in a provider's text, which PostgreSQL cannot keep, costs that character and no pass."""
    record = JobRecord(id="j", fingerprint="f", title="odd\0title")
    ledger.jobs.finish("p", record, Outcome(state=JobState.PUBLISHED, fingerprint="f"))
    assert ledger.jobs.known("p")["j"].fingerprint == "f"


def test_a_read_only_server_is_told(postgres: Postgres, ledger_template: str) -> None:
    """A standby that takes no writes is named as such."""
    name = postgres.create(ledger_template)
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
    opened = Ledger.open(postgres.url(name), lambda: NOW)
    with pytest.raises(LedgerError, match="primary"):
        opened.jobs.finish("p", JobRecord(id="j", fingerprint="f"), Outcome(state=JobState.PUBLISHED, fingerprint="f"))
    with opened.read() as conn:
        assert conn.execute(text("SELECT count(*) FROM jobs")).scalar() == 0
    opened.close()
