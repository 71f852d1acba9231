"""The summary of each month of each Collection, kept so that one Item more costs one merge."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, delete, select

from stacsync.ledger.schema import aggregates, items
from stacsync.ledger.staged import pack, unpack
from stacsync.ledger.upsert import upsert
from stacsync.stac import Summary

Month = tuple[str, str, str]
"""(provider, collection, month)"""
BATCH = 500
"""Rows held in memory at a time."""


def _is(month: Month) -> ColumnElement[bool]:
    provider, collection, name = month
    return and_(aggregates.c.provider == provider, aggregates.c.collection == collection, aggregates.c.month == name)


def load(conn: Connection, month: Month) -> Summary:
    """Return the summary of a month; that of nothing when there is none."""
    body = conn.execute(select(aggregates.c.body).where(_is(month))).scalar()
    return Summary() if body is None else Summary.from_json(unpack(body))


def save(conn: Connection, month: Month, summary: Summary) -> None:
    """Keep the summary of a month; one of no Items is forgotten."""
    if summary.count == 0:
        conn.execute(delete(aggregates).where(_is(month)))
        return
    provider, collection, name = month
    row = {
        "provider": provider,
        "collection": collection,
        "month": name,
        "count": summary.count,
        "body": pack(summary.to_json()),
    }
    upsert(conn, aggregates, [row])


def recompute(conn: Connection, month: Month) -> None:
    """Make the summary of a month anew from all its live Items: what left a set cannot be taken out of its summary."""
    provider, collection, name = month
    query = (
        select(items.c.body)
        .where(
            items.c.provider == provider,
            items.c.collection == collection,
            items.c.staged.is_(False),
            items.c.month == name,
        )
        .execution_options(yield_per=BATCH)
    )
    save(conn, month, Summary.of(unpack(body) for body in conn.execute(query).scalars()))


def whole(conn: Connection, provider: str, collection: str) -> Summary:
    """Return the summary of all live Items of a Collection."""
    query = (
        select(aggregates.c.body)
        .where(aggregates.c.provider == provider, aggregates.c.collection == collection)
        .order_by(aggregates.c.month)
        .execution_options(yield_per=BATCH)
    )
    total = Summary()
    for body in conn.execute(query).scalars():
        total = total.merge(Summary.from_json(unpack(body)))
    return total
