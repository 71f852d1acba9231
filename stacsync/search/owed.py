"""Indexes that could not be brought up to date: remembered in the ledger, told by `status`, tried again."""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from sqlalchemy import and_, select

from stacsync.ledger import Ledger
from stacsync.ledger.schema import heads, memories

_PREFIX = "index/"


@dataclass(frozen=True, slots=True)
class Failure:
    """A Collection whose index is not up to date."""

    provider: str
    collection: str
    """The id in the ledger."""
    error: str
    attempts: int


def failures(ledger: Ledger) -> list[Failure]:
    """Return the failures of Collections that are published, by name."""
    live = heads.join(
        memories, and_(memories.c.provider == heads.c.provider, memories.c.key == _PREFIX + heads.c.collection)
    )
    query = select(heads.c.provider, heads.c.collection, memories.c.value).select_from(live)
    with ledger.read() as conn:
        rows = conn.execute(query.where(memories.c.key.startswith(_PREFIX, autoescape=True))).all()
    return sorted(
        (
            Failure(row.provider, row.collection, told["error"], told["attempts"])
            for row in rows
            if (told := orjson.loads(row.value))
        ),
        key=lambda one: (one.provider, one.collection),
    )


def failed(ledger: Ledger, provider: str, collection: str) -> bool:
    """Whether the last update of this index failed."""
    return ledger.memory(provider).get(_PREFIX + collection) is not None


def remember(ledger: Ledger, provider: str, collection: str, error: str) -> None:
    """Remember that an update failed, and how often in a row."""
    memory = ledger.memory(provider)
    before = memory.get(_PREFIX + collection) or {"attempts": 0}
    memory.put(_PREFIX + collection, {"error": error, "attempts": before["attempts"] + 1})


def forget(ledger: Ledger, provider: str, collection: str) -> None:
    """Remember that an index is up to date again."""
    ledger.memory(provider).drop(_PREFIX + collection)
