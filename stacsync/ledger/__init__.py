"""The ledger: what was done, so that the next pass does only what is left (SQLAlchemy Core; SQLite or PostgreSQL).

It decides nothing and holds no secret. If it is lost, `stacsync.catalog.adopt` makes a new one from the bucket.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

from sqlalchemy import Connection, Engine

from stacsync.ledger.assets import AssetRow, Assets, Gone, UploadRow, Uploads
from stacsync.ledger.documents import DocumentRow, Documents
from stacsync.ledger.engine import Database
from stacsync.ledger.items import Difference, Items, StagedItem
from stacsync.ledger.jobs import Failure, Jobs, JobState, KnownJob, Outcome
from stacsync.ledger.passes import Passes, PassRow, ProviderMemory
from stacsync.ledger.waits import forgive

__all__ = [
    "AssetRow",
    "Database",
    "Difference",
    "DocumentRow",
    "Failure",
    "JobState",
    "KnownJob",
    "Ledger",
    "Outcome",
    "PassRow",
    "ProviderMemory",
    "StagedItem",
    "UploadRow",
]


class Ledger:
    """One database, told apart by what is remembered: jobs, assets, uploads, gone, passes, items, documents."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        """Work on an open `database`; `clock` tells now, in UTC."""
        self.database = database
        self._clock = clock
        self.jobs = Jobs(database, clock)
        self.assets = Assets(database)
        self.uploads = Uploads(database)
        self.gone = Gone(database)
        self.passes = Passes(database, clock)
        self.items = Items(database)
        self.documents = Documents(database)

    @classmethod
    def open(cls, url: str, clock: Callable[[], datetime], *, writing: bool = True) -> Ledger:
        """Open the ledger at `url`, made or migrated when needed; with `writing=False` it is only read.

        Raises `LedgerError`.
        """
        return cls(Database(url, writing=writing), clock)

    def forgive(self) -> None:
        """End waits that are longer than any is: they were noted by a clock that has been set back since."""
        forgive(self.database, self._clock())

    @property
    def engine(self) -> Engine:
        """The SQLAlchemy engine below."""
        return self.database.engine

    def memory(self, provider: str) -> ProviderMemory:
        """Return what `provider` remembers between passes."""
        return ProviderMemory(self.database, provider)

    def write(self) -> AbstractContextManager[Connection]:
        """Open a write transaction: commits at the end, rolls back on any exception."""
        return self.database.write()

    def read(self) -> AbstractContextManager[Connection]:
        """Open a connection for reading."""
        return self.database.read()

    def close(self) -> None:
        """Close all connections."""
        self.database.close()
