"""Which branches of the catalog must be written again: noted with every change, crossed out once they were."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, exists, or_, select, update

from stacsync.ledger.schema import aggregates, dirty, heads, items, pushed
from stacsync.ledger.upsert import inserting

ROOT = ("", "")
"""The root, as (provider, collection); a provider's Catalog is (provider, "")."""
PREFIX = 2
"""Digits of `spread` that a note keeps: at most 256 notes a month."""


@dataclass(frozen=True, slots=True)
class Note:
    """One branch that must be written again."""

    month: str
    """Empty: the top document alone."""
    spread: str
    """The first digits; empty: the whole month."""
    changes: int


def mark(conn: Connection, provider: str, collection: str, branches: Iterable[tuple[str, str]] = ()) -> None:
    """Note that the top document of a list, and the `branches` (month, spread) below it, must be written again."""
    wanted = {("", ""), *((month, spread[:PREFIX]) for month, spread in branches)}
    statement = inserting(conn.dialect.name, dirty)
    statement = statement.on_conflict_do_update(
        index_elements=list(dirty.primary_key.columns), set_={"changes": dirty.c.changes + 1}
    )
    rows = [
        {"provider": provider, "collection": collection, "month": month, "spread": spread, "changes": 1}
        for month, spread in sorted(wanted)
    ]
    conn.execute(statement, rows)
    mine = (pushed.c.provider == provider, pushed.c.collection == collection, pushed.c.item == "")
    conn.execute(update(pushed).where(*mine).values(settled=False))


def mark_whole(conn: Connection, provider: str, collection: str) -> None:
    """Note that every document of a Collection's list (or, without `collection`, of a provider's) must be written again."""
    mark(conn, provider, collection, [(month, "") for month in conn.execute(_months(provider, collection)).scalars()])


def _months(provider: str, collection: str) -> Select[Any]:
    if collection:
        return select(aggregates.c.month).where(
            aggregates.c.provider == provider, aggregates.c.collection == collection
        )
    return select(heads.c.month).where(heads.c.provider == provider, heads.c.collection != "").distinct()


def mark_items(conn: Connection, provider: str, collection: str) -> None:
    """Note that every Item of a Collection must be written again."""
    mine = (items.c.provider == provider, items.c.collection == collection, items.c.staged.is_(False))
    conn.execute(update(items).where(*mine).values(written=False))


def lists(conn: Connection) -> list[tuple[str, str]]:
    """Return every (provider, collection) that has notes, in order."""
    query = select(dirty.c.provider, dirty.c.collection).distinct()
    return sorted((row.provider, row.collection) for row in conn.execute(query))


def notes(conn: Connection, provider: str, collection: str) -> list[Note]:
    """Return the notes of one list."""
    query = select(dirty.c.month, dirty.c.spread, dirty.c.changes).where(
        dirty.c.provider == provider, dirty.c.collection == collection
    )
    return [Note(row.month, row.spread, row.changes) for row in conn.execute(query)]


def cross_out(conn: Connection, provider: str, collection: str, done: Iterable[Note]) -> None:
    """Forget `done`, but for branches that changed once more since the notes were read."""
    rows = [{"b_month": note.month, "b_spread": note.spread, "b_changes": note.changes} for note in done]
    if not rows:
        return
    statement = delete(dirty).where(
        dirty.c.provider == provider,
        dirty.c.collection == collection,
        dirty.c.month == bindparam("b_month"),
        dirty.c.spread == bindparam("b_spread"),
        dirty.c.changes == bindparam("b_changes"),
    )
    conn.execute(statement, rows)


def anything_left(conn: Connection) -> bool:
    """Whether an Item or a branch waits to be written."""
    unwritten = exists().where(items.c.written.is_(False), items.c.staged.is_(False))
    noted = exists().where(dirty.c.changes > 0)
    return bool(conn.execute(select(or_(unwritten, noted))).scalar())
