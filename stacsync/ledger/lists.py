"""The long lists of the catalog, counted and read by branch: the Items of a Collection, the Collections of a provider.

A list is named like its head: (provider, collection), without a collection for the provider's own. Every question is
answered by an index: its cost is that of the branch asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, literal, select

from stacsync.ledger.schema import aggregates, heads, items

AFTER_DIGITS = "g"


@dataclass(frozen=True, slots=True)
class Entry:
    """One child of a list."""

    name: str
    """Its published id."""
    key: str
    title: str
    sort_at: str


def months(conn: Connection, provider: str, collection: str) -> dict[str, int]:
    """Return the number of children by month."""
    if collection:
        query = select(aggregates.c.month, aggregates.c.count).where(
            aggregates.c.provider == provider, aggregates.c.collection == collection
        )
    else:
        query = (
            select(heads.c.month, func.count().label("count"))
            .where(heads.c.provider == provider, heads.c.collection != "")
            .group_by(heads.c.month)
        )
    return {month: count for month, count in conn.execute(query)}  # noqa: C416 - rows are no pairs for mypy


def count(conn: Connection, provider: str, collection: str, month: str, digits: str, limit: int) -> int:
    """Return the number of children in a branch; `limit` when there are as many or more."""
    some = select(literal(1)).where(_branch(provider, collection, month, digits)).limit(limit).subquery()
    return conn.execute(select(func.count()).select_from(some)).scalar_one()


def entries(
    conn: Connection, provider: str, collection: str, month: str | None = None, digits: str = ""
) -> list[Entry]:
    """Return the children in a branch (without `month`: all), in no order."""
    where = _branch(provider, collection, month, digits)
    table: Any = items if collection else heads
    name = items.c.item if collection else heads.c.name
    query = select(name, table.c.key, table.c.title, table.c.sort_at).where(where)
    return [Entry(*row) for row in conn.execute(query)]


def _branch(provider: str, collection: str, month: str | None, digits: str) -> ColumnElement[bool]:
    table: Any = items if collection else heads
    mine = (
        and_(items.c.provider == provider, items.c.collection == collection, items.c.staged.is_(False))
        if collection
        else and_(heads.c.provider == provider, heads.c.collection != "")
    )
    if month is None:
        return mine
    mine = and_(mine, table.c.month == month)
    return and_(mine, table.c.spread >= digits, table.c.spread < digits + AFTER_DIGITS) if digits else mine
