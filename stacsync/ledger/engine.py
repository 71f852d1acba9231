"""Open the ledger's database: SQLite (WAL) on a local disk, or PostgreSQL; bring its schema up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from stacsync.errors import LedgerError
from stacsync.ledger.migrations import HEAD

BUSY_SECONDS = 30.0
_WRITER = 0x57AC57  # among PostgreSQL's advisory locks of this database: the right to write the ledger
_REBUILD = (
    "restore a backup, or move the file away: the next pass adopts what the bucket holds and transfers no file again"
)


def _sqlite_path(url: str) -> Path | None:
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


class Database:
    """A database with one writer at a time, in whichever process, and any number of readers.

    Raises `LedgerError` for whatever the database refuses, with the way back; a password in the URL is never shown.
    """

    def __init__(self, url: str) -> None:
        """Open `url` (sqlite:///… or postgresql+psycopg://…), creating or migrating the tables."""
        try:
            self.shown = make_url(url).render_as_string(hide_password=True)
            self.path = _sqlite_path(url)
            self.engine = self._create(url)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise LedgerError(
                f"[ledger] url: {type(error).__name__}",
                'use "sqlite:///file.db" or "postgresql+psycopg://…" (extra stacsync[postgresql])',
            ) from None
        self._lock = RLock()
        with self.explained():
            self._migrate()

    def _create(self, url: str) -> Engine:
        if self.path is None:
            return self._elsewhere(url)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch(mode=0o600)
        except OSError as error:
            raise LedgerError(
                f"ledger {self.path}: {error.strerror}", "choose a writable place in [ledger] url"
            ) from None
        engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})
        event.listen(engine, "connect", _tune_sqlite)
        return engine

    @staticmethod
    def _elsewhere(url: str) -> Engine:
        if make_url(url).get_backend_name() != "sqlite":
            return create_engine(url, pool_pre_ping=True)
        # A ledger in memory is one connection that all threads share.
        engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
        event.listen(engine, "connect", _tune_sqlite)
        return engine

    @property
    def local(self) -> bool:
        """Whether the ledger is SQLite."""
        return self.engine.dialect.name == "sqlite"

    def _begin(self, connection: Connection) -> None:
        """Begin to write; from here on what is read stays true until the end."""
        if self.local:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_SECONDS:g}s'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER})")

    def _migrate(self) -> None:
        with self.engine.connect() as connection:
            if _revision(connection)[0] == HEAD:  # most often: then whoever only reads waits for no writer
                return
        with self.engine.connect() as connection:
            self._begin(connection)
            current, foreign = _revision(connection)
            if current != HEAD:
                self._upgrade(connection, current, foreign=foreign)
            connection.commit()

    def _upgrade(self, connection: Connection, current: str | None, *, foreign: bool) -> None:
        from alembic import command  # noqa: PLC0415 - a ledger that is up to date starts without Alembic
        from alembic.config import Config  # noqa: PLC0415 - the same

        if foreign:
            raise LedgerError(f"{self.shown} holds foreign tables", "give stacsync a database of its own")
        if current is not None and current > HEAD:
            raise LedgerError(
                f"ledger {self.shown} was written by a newer stacsync (schema {current}, this one knows {HEAD})",
                "run that version, or move the ledger away to start a new one",
            )
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn the database's own errors into `LedgerError`s that name the way back."""
        try:
            yield
        except DBAPIError as error:
            raise _explain(self.shown, str(error.orig)) from None
        except SQLAlchemyError as error:
            raise LedgerError(f"ledger {self.shown}: {type(error).__name__}", "look at [ledger] url") from None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield a connection in a write transaction; commits at the end, rolls back on any exception."""
        with self._lock, self.explained(), self.engine.connect() as connection:
            self._begin(connection)
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection for reading: one consistent statement at a time."""
        with self.explained(), self.engine.connect() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _revision(connection: Connection) -> tuple[str | None, bool]:
    """Return the schema's revision (None: there is none), and whether the tables there are somebody else's."""
    tables = set(inspect(connection).get_table_names())
    if "schema_version" in tables:
        return connection.execute(text("SELECT version_num FROM schema_version")).scalar(), False
    return None, "jobs" in tables


def _explain(shown: str, reason: str) -> LedgerError:
    lowered = reason.lower()
    if "locked" in lowered or "lock timeout" in lowered:
        return LedgerError(
            f"ledger {shown} is locked by another process", "stop that process, or wait for its pass to end"
        )
    if "malformed" in lowered or "not a database" in lowered or "corrupt" in lowered:
        return LedgerError(f"ledger {shown} is damaged ({reason})", _REBUILD)
    if "full" in lowered or "no space left" in lowered:
        return LedgerError(
            f"ledger {shown}: the disk is full", "free some space; nothing was lost, the next pass goes on"
        )
    if "read-only transaction" in lowered:
        return LedgerError(f"ledger {shown} takes no writes", "let [ledger] url name the primary server")
    if "readonly" in lowered or "read-only" in lowered or "unable to open" in lowered:
        return LedgerError(f"ledger {shown} cannot be written ({reason})", "check the file's rights and its folder's")
    return LedgerError(f"ledger {shown}: {reason.splitlines()[0][:200]}", "check that the database is up and reachable")
