"""Waits that no clock would note today: the one that did was ahead, and has been set back since."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import exists, select, update

from stacsync.ledger.engine import Database
from stacsync.ledger.jobs import LAST_RETRY
from stacsync.ledger.schema import jobs, pushed
from stacsync.ledger.times import to_text


def forgive(database: Database, now: datetime) -> None:
    """End waits that are longer than any is."""
    for table in (jobs, pushed):
        beyond = table.c.next_attempt > to_text(now + LAST_RETRY)
        with database.read() as connection:
            found = connection.execute(select(exists().where(beyond))).scalar()
        if found:
            with database.write() as connection:
                connection.execute(update(table).where(beyond).values(next_attempt=None))
