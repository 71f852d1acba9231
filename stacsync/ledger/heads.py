"""The Catalogs and Collections that are published, and how others name them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, and_, delete, select, update

from stacsync.ledger.schema import heads
from stacsync.ledger.staged import month_of, spread_of
from stacsync.ledger.upsert import upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The top document of a list: the root (no provider), a provider's Catalog (no collection), or a Collection."""

    provider: str
    collection: str
    name: str
    """The id, as published."""
    key: str
    title: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    """The settings that its documents were made with."""
    sort_at: str = ""
    width: int = 0
    """How its list is split, see `stacsync.catalog.tree`."""

    @property
    def month(self) -> str:
        """The month that it stands in, in the list above."""
        return month_of(self.sort_at)

    @property
    def spread(self) -> str:
        """Hex digits that tell its branch, in the list above."""
        return spread_of(self.collection)


def _head(row: Row[Any]) -> Head:
    return Head(
        provider=row.provider,
        collection=row.collection,
        name=row.name,
        key=row.key,
        title=row.title,
        facts=orjson.loads(row.facts),
        sort_at=row.sort_at,
        width=row.width,
    )


def _is(provider: str, collection: str) -> ColumnElement[bool]:
    return and_(heads.c.provider == provider, heads.c.collection == collection)


_COLUMNS = [column for column in heads.columns if column.name != "listing"]


def get(conn: Connection, provider: str, collection: str) -> Head | None:
    """Return one head, or None."""
    row = conn.execute(select(*_COLUMNS).where(_is(provider, collection))).one_or_none()
    return None if row is None else _head(row)


def providers(conn: Connection) -> list[Head]:
    """Return the heads of all providers of which something is published, by title."""
    query = select(*_COLUMNS).where(heads.c.provider != "", heads.c.collection == "")
    return sorted(map(_head, conn.execute(query)), key=by_title)


def by_title(head: Head) -> tuple[str, str]:
    """Return what providers are listed by."""
    return (head.title.casefold(), head.provider)


def collections(conn: Connection, provider: str) -> list[Head]:
    """Return the heads of a provider's Collections."""
    query = select(*_COLUMNS).where(heads.c.provider == provider, heads.c.collection != "")
    return [_head(row) for row in conn.execute(query)]


def put(conn: Connection, head: Head) -> None:
    """Keep a head; its entry in the list of all Collections stays as it was."""
    row = {
        "provider": head.provider,
        "collection": head.collection,
        "name": head.name,
        "key": head.key,
        "title": head.title,
        "facts": orjson.dumps(dict(head.facts), option=orjson.OPT_SORT_KEYS).decode(),
        "sort_at": head.sort_at,
        "month": head.month if head.collection else "",
        "spread": head.spread if head.collection else "",
        "width": head.width,
    }
    upsert(conn, heads, [row])


def drop(conn: Connection, head: Head) -> None:
    """Forget a head."""
    conn.execute(delete(heads).where(_is(head.provider, head.collection)))


def set_width(conn: Connection, head: Head, width: int) -> Head:
    """Remember how the list of `head` is split now."""
    conn.execute(update(heads).where(_is(head.provider, head.collection)).values(width=width))
    return replace(head, width=width)


def set_listing(conn: Connection, head: Head, entry: bytes) -> None:
    """Keep a Collection's entry in the list of all Collections."""
    conn.execute(update(heads).where(_is(head.provider, head.collection)).values(listing=entry))


def listings(conn: Connection) -> Iterator[bytes]:
    """Yield the entries of all Collections, by published id."""
    query = select(heads.c.listing).where(heads.c.listing.is_not(None)).order_by(heads.c.name)
    yield from conn.execute(query.execution_options(yield_per=100)).scalars()


def free_name(conn: Connection, provider: str, collection: str) -> str:
    """Return the id to publish a Collection under: the wished one, unless another provider has it already."""
    name, number = collection, 1
    while conn.execute(select(heads.c.key).where(heads.c.collection != "", heads.c.name == name)).first() is not None:
        name = f"{collection}-{provider}" if number == 1 else f"{collection}-{provider}-{number}"
        number += 1
    return name
