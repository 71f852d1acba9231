"""Open the ledger's database: SQLite (WAL) on a local disk, or PostgreSQL; bring its schema up to date, or only read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

from sqlalchemy import Connection, Engine, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from stacsync.errors import LedgerError
from stacsync.ledger import engines
from stacsync.ledger.migrations import HEAD

_WRITER = 0x57AC57  # among PostgreSQL's advisory locks of this database: the right to write the ledger
_RIGHTS = "check the file's rights and its folder's"
_TROUBLES = (
    (
        ("locked", "lock timeout"),
        "is locked by another process",
        "stop that process, or wait for its pass to end",
    ),
    (
        ("malformed", "not a database", "corrupt"),
        "is damaged ({reason})",
        "restore a backup, or move the file away: the next pass adopts what the bucket holds and transfers no file again",
    ),
    (
        ("full", "no space left"),
        "cannot grow: the disk is full",
        "free some space; nothing was lost, the next pass goes on",
    ),
    (("read-only transaction",), "takes no writes", "let [ledger] url name the primary server"),
    (("unable to open",), "cannot be opened ({reason})", _RIGHTS),
    (("readonly", "read-only"), "cannot be written ({reason})", _RIGHTS),
)
"""(what the database says, what we say, the way back)"""


class Database:
    """A database with one writer at a time, in whichever process, and any number of readers.

    Raises `LedgerError` for whatever the database refuses, with the way back; a password in the URL is never shown.
    """

    def __init__(self, url: str, *, writing: bool = True) -> None:
        """Open `url` (sqlite:///… or postgresql+psycopg://…), creating or migrating the tables.

        With `writing=False` nothing is written: a ledger that is not there is an empty one in memory, and one of an
        older version is read in a copy there; in PostgreSQL that one is refused.
        """
        self._writing = writing
        try:
            self.shown = make_url(url).render_as_string(hide_password=True)
            self.path = engines.sqlite_path(url)
            self.engine = self._create(url) if writing else self._look(url)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise LedgerError(
                f"[ledger] url: {type(error).__name__}",
                'use "sqlite:///file.db" or "postgresql+psycopg://…" (extra stacsync[postgresql])',
            ) from None
        self._lock = RLock()
        try:
            with self.explained():
                self._migrate() if writing else self._lift()
        except LedgerError:
            self.close()
            raise

    def _create(self, url: str) -> Engine:
        if self.path is None:
            return engines.elsewhere(url)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch(mode=0o600)
        except OSError as error:
            raise LedgerError(
                f"ledger {self.path}: {error.strerror}", "choose a writable place in [ledger] url"
            ) from None
        return engines.writing(url)

    def _look(self, url: str) -> Engine:
        try:
            return engines.reading(url)
        except OSError as error:
            raise LedgerError(f"ledger {self.path}: {error.strerror}", _RIGHTS) from None

    @property
    def local(self) -> bool:
        """Whether the ledger is SQLite."""
        return self.engine.dialect.name == "sqlite"

    def _begin(self, connection: Connection) -> None:
        """Begin to write; from here on what is read stays true until the end."""
        if self.local:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{engines.BUSY_SECONDS:g}s'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER})")

    def _migrate(self) -> None:
        with self.engine.connect() as connection:
            if _revision(connection)[0] == HEAD:  # most often: then whoever only reads waits for no writer
                return
        with self.engine.connect() as connection:
            self._begin(connection)
            current, foreign = _revision(connection)
            if current != HEAD:
                self._check(current, foreign=foreign)
                _upgrade(connection)
            connection.commit()

    def _lift(self) -> None:
        """Go on in memory, where tables can be made and changed, unless what is there is up to date."""
        with self.engine.connect() as connection:
            current, foreign = _revision(connection)
            if current == HEAD:
                return
            self._check(current, foreign=foreign)
            if current is not None and not self.local:
                raise LedgerError(
                    f"ledger {self.shown} was written by an older stacsync (schema {current}, this one knows {HEAD})",
                    "stop that version; the next `stacsync sync` or `stacsync run` of this one brings it up to date",
                )
            memory = engines.elsewhere(engines.MEMORY)
            if current is not None:
                engines.copy(connection, memory)
        self.engine.dispose()
        self.engine = memory
        self._migrate()

    def _check(self, current: str | None, *, foreign: bool) -> None:
        if foreign:
            raise LedgerError(f"{self.shown} holds foreign tables", "give stacsync a database of its own")
        if current is not None and current > HEAD:
            raise LedgerError(
                f"ledger {self.shown} was written by a newer stacsync (schema {current}, this one knows {HEAD})",
                "run that version, or move the ledger away to start a new one",
            )

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn the database's own errors into `LedgerError`s that name the way back."""
        try:
            yield
        except DBAPIError as error:
            raise self._explained(str(error.orig)) from None
        except SQLAlchemyError as error:
            raise LedgerError(f"ledger {self.shown}: {type(error).__name__}", "look at [ledger] url") from None

    def _explained(self, reason: str) -> LedgerError:
        if not self._writing and self.path is not None and engines.logged(self.path) and "malformed" in reason:
            return LedgerError(f"ledger {self.shown} was changed while it was read", "run the command again")
        return _explain(self.shown, reason)

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


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - a ledger that is up to date starts without Alembic
    from alembic.config import Config  # noqa: PLC0415 - the same

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _explain(shown: str, reason: str) -> LedgerError:
    lowered = reason.lower()
    for signs, told, remedy in _TROUBLES:
        if any(sign in lowered for sign in signs):
            return LedgerError(f"ledger {shown} {told.format(reason=reason)}", remedy)
    return LedgerError(f"ledger {shown}: {reason.splitlines()[0][:200]}", "check that the database is up and reachable")
