"""SQLAlchemy engines of the ledger's databases: to write, or to read without leaving a trace."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.pool import NullPool, StaticPool

BUSY_SECONDS = 30.0
MEMORY = "sqlite://"


def sqlite_path(url: str) -> Path | None:
    """Return the file of a SQLite database; None for any other."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    return Path(parsed.database) if parsed.database and parsed.database != ":memory:" else None


def _tune_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver would begin a transaction at the first write only, too late to wait for another writer.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")  # power loss may undo the last commits: a pass does them again
    cursor.close()


def writing(url: str) -> Engine:
    """Return an engine of a SQLite file."""
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})
    event.listen(engine, "connect", _tune_sqlite)
    return engine


def elsewhere(url: str) -> Engine:
    """Return an engine of a server, or of memory, which is one connection that all threads share."""
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _tune_sqlite)
    return engine


def reading(url: str) -> Engine:
    """Return an engine that cannot write: no table, no file, no folder; of memory where there is no file.

    Beside a log that a crash left, SQLite leaves an index of that log (`-shm`).
    """
    path = sqlite_path(url)
    if path is not None and path.exists():
        return create_engine(MEMORY, creator=lambda: _look(path.resolve()), poolclass=NullPool)
    if make_url(url).get_backend_name() == "sqlite":
        return elsewhere(MEMORY)
    return elsewhere(url).execution_options(postgresql_readonly=True)


def logged(path: Path) -> bool:
    """Say whether a log lies beside a SQLite file: somebody writes it, or did so until a crash."""
    return path.with_name(f"{path.name}-wal").exists()


def _look(path: Path) -> sqlite3.Connection:
    # Without a log beside it nobody is writing, and SQLite would leave one behind if it were not told so. That holds
    # for a moment only: each connection looks anew, and is closed after what it was opened for.
    quiet = "" if logged(path) else "&immutable=1"
    place = f"{path.as_uri()}?mode=ro{quiet}"
    return sqlite3.connect(place, uri=True, timeout=BUSY_SECONDS, check_same_thread=False)


def copy(connection: Connection, memory: Engine) -> None:
    """Copy a whole SQLite database into that of `memory`."""
    with memory.connect() as target:
        source, into = connection.connection.driver_connection, target.connection.driver_connection
        assert isinstance(source, sqlite3.Connection)  # noqa: S101 - of SQLite, as `memory` is
        assert isinstance(into, sqlite3.Connection)  # noqa: S101 - the same
        source.backup(into)
