"""The ledger misbehaves: a clear message, an exit code, and a way back that loses nothing."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from stacsync.demo.openeo import OpenEOStandIn
from stacsync.ledger import engines
from tests.drill.conftest import few
from tests.drill.scene import CHANGED, KEEP, NEW, OLD
from tests.kit.commands import Command, Done, commands
from tests.kit.workspace import FolderStore, Workspace, published


@pytest.fixture
def openeo() -> Iterator[OpenEOStandIn]:
    with OpenEOStandIn((OLD, KEEP)) as found:
        yield found


@pytest.fixture
def workspace(tmp_path: Path, openeo: OpenEOStandIn) -> Workspace:
    place = tmp_path / "work"
    place.mkdir()
    return Workspace(place, FolderStore(place / "catalog"), providers={"cdse": openeo.settings()})


@pytest.fixture
def command(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    with commands(tmp_path, monkeypatch, capsys) as run:
        yield lambda *words: run(*words, "--config", str(workspace.config))


@pytest.fixture
def wanted(workspace: Workspace, openeo: OpenEOStandIn, tmp_path: Path) -> dict[str, bytes]:
    """What the store holds once the new jobs are taken without trouble; the workspace has taken the old ones."""
    workspace.sync()
    openeo.jobs = (CHANGED, NEW, KEEP)
    calm = tmp_path / "calm"
    shutil.copytree(workspace.root, calm)
    copy = Workspace(calm, FolderStore(calm / "catalog"), providers={"cdse": openeo.settings()})
    copy.sync()
    return published(copy.store)


def refused(done: Done, *words: str) -> None:
    """The command says so in a sentence, on the error stream, with exit code 1 and no trace."""
    told = " ".join((done.err + done.out).split())
    assert done.code == 1, told
    for word in words:
        assert word in told
    assert "Traceback" not in told
    assert "internal error" not in told


def comes_back(workspace: Workspace, wanted: dict[str, bytes]) -> None:
    """The next pass completes."""
    workspace.sync()
    assert published(workspace.store) == wanted


@pytest.mark.promise("a ledger that cannot be used is told of with the way back, and the way back works")
def test_locked_by_another_process(
    workspace: Workspace,
    command: Command,
    wanted: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    tried: Callable[[int], None],
) -> None:
    """While another process holds the ledger's lock, sync and status end with the reason; afterwards all is well."""
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.2)
    with closing(sqlite3.connect(workspace.ledger, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        refused(command("sync"), "locked by another process", "stop that process")
        other.execute("ROLLBACK")
    comes_back(workspace, wanted)
    tried(1)


@pytest.mark.promise("a ledger that cannot be used is told of with the way back, and the way back works")
@pytest.mark.parametrize("schema", ["9999", "9999_from_the_future"])
def test_written_by_a_newer_version(
    workspace: Workspace, command: Command, wanted: dict[str, bytes], schema: str, tried: Callable[[int], None]
) -> None:
    """A ledger of a newer version is left as it is; moved away, the next pass makes a new one from the store."""
    with closing(sqlite3.connect(workspace.ledger)) as other, other:
        other.execute("UPDATE schema_version SET version_num = ?", [schema])
    for words in (("sync",), ("status",), ("rebuild",)):
        refused(command(*words), "written by a newer stacsync", "move the ledger away")
    workspace.forget_ledger()
    comes_back(workspace, wanted)
    tried(3)


@pytest.mark.promise("a ledger that cannot be used is told of with the way back, and the way back works")
def test_no_ledger_of_ours(
    workspace: Workspace, command: Command, wanted: dict[str, bytes], tried: Callable[[int], None]
) -> None:
    """A database of somebody else, and a file that is none, are refused and left as they are."""
    workspace.forget_ledger()
    with closing(sqlite3.connect(workspace.ledger)) as other, other:
        other.execute("CREATE TABLE jobs (mine TEXT)")
    refused(command("sync"), "foreign tables", "database of its own")
    workspace.ledger.write_bytes(b"this is a letter, not a database\n" * 200)
    refused(command("sync"), "damaged", "move the file away")
    assert workspace.ledger.read_bytes().startswith(b"this is a letter")
    workspace.forget_ledger()
    workspace.ledger.mkdir()
    refused(command("sync"), "ledger")
    workspace.ledger.rmdir()
    comes_back(workspace, wanted)
    tried(3)


@pytest.mark.promise("a ledger that cannot be used is told of with the way back, and the way back works")
def test_an_empty_file(workspace: Workspace, wanted: dict[str, bytes], tried: Callable[[int], None]) -> None:
    """A ledger of no bytes is a new one: it takes over what the store holds."""
    workspace.forget_ledger()
    workspace.ledger.touch()
    comes_back(workspace, wanted)
    tried(1)


@pytest.mark.promise("a ledger that cannot be used is told of with the way back, and the way back works")
@pytest.mark.parametrize("pages", few([0, 1, 4], 1))
def test_disk_full(
    workspace: Workspace,
    openeo: OpenEOStandIn,
    command: Command,
    wanted: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    pages: int,
    tried: Callable[[int], None],
) -> None:
    """When the ledger cannot grow, the pass ends with the reason and nothing half-done; with room again it completes."""
    titled = tuple(replace(job, title=f"{job.title} " * 20_000) for job in (CHANGED, NEW, KEEP))
    openeo.jobs = titled
    with closing(sqlite3.connect(workspace.ledger)) as other:
        other.execute("VACUUM")
        size = other.execute("PRAGMA page_count").fetchone()[0]
    tune = engines._tune_sqlite

    def narrow(connection: sqlite3.Connection, record: object) -> None:
        tune(connection, record)
        connection.execute(f"PRAGMA max_page_count={size + pages}")

    with monkeypatch.context() as patched:
        patched.setattr(engines, "_tune_sqlite", narrow)
        refused(command("sync"), "the disk is full", "free some space")
    openeo.jobs = (CHANGED, NEW, KEEP)
    comes_back(workspace, wanted)
    tried(1)


@pytest.mark.promise("a damaged ledger never damages what is published, and moved away it is made anew")
@pytest.mark.parametrize("every", [pytest.param(16, id="sampled"), pytest.param(1, id="all", marks=pytest.mark.real)])
@pytest.mark.timeout(1200)
def test_any_page_corrupt(
    workspace: Workspace,
    wanted: dict[str, bytes],
    openeo: OpenEOStandIn,
    tmp_path: Path,
    command: Command,
    every: int,
    tried: Callable[[int], None],
) -> None:
    """With any page overwritten, a pass either tells that the ledger is damaged or works; moved away, all is made anew."""
    del command  # it keeps the logs to itself
    with closing(sqlite3.connect(workspace.ledger)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = int(other.execute("PRAGMA page_size").fetchone()[0])
    noise = random.Random(4)
    pages = range(0, workspace.ledger.stat().st_size // size, every)
    for page in pages:
        place = tmp_path / f"page-{page}"
        shutil.copytree(workspace.root, place)
        copy = Workspace(place, FolderStore(place / "catalog"), providers={"cdse": openeo.settings()})
        with copy.ledger.open("r+b") as file:
            file.seek(page * size)
            file.write(noise.randbytes(size))
        done = copy.run("sync", "--json")
        assert done.code in {0, 1}, (page, done.stderr[-2000:])
        assert "internal error" not in done.stdout, (page, done.stdout)
        assert "Traceback" not in done.stderr, (page, done.stderr[-2000:])
        if done.code == 1:
            assert "ledger" in done.stdout + done.stderr, (page, done.stdout, done.stderr[-500:])
        copy.forget_ledger()
        copy.sync()
        found = published(copy.store)
        assert {key: found.get(key) for key in wanted} == wanted, page
        shutil.rmtree(place)
    tried(len(pages))
