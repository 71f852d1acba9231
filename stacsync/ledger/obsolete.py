"""Objects that nothing names any more, to be deleted once every document that named them was replaced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, case, delete, select

from stacsync import layout
from stacsync.ledger.schema import assets, documents, obsolete
from stacsync.ledger.upsert import upsert

BATCH = 500
RANKS = {"list": 0, "catalog": 0, "collection": 1, "index": 2, "item": 3, "asset": 4, "folder": 4}
"""The order of deletion: the reverse of that of writing, so that a reader meets a missing parent rather than a missing child."""


def batches(keys: Iterable[str]) -> Iterator[list[str]]:
    """Yield `keys` in lists that fit one statement."""
    source = iter(keys)
    while batch := list(islice(source, BATCH)):
        yield batch


def asset_keys(document: Mapping[str, Any], key: str) -> set[str]:
    """Return the keys of those assets of the document at `key` that lie in our own store."""
    hrefs = (asset.get("href") for asset in document.get("assets", {}).values())
    return {
        layout.resolve(key, href.rstrip("/"))
        for href in hrefs
        if isinstance(href, str) and href and not urlsplit(href).scheme and not href.startswith("/")
    }


def add_documents(conn: Connection, kind: str, keys: Iterable[str]) -> None:
    """Let documents of one kind be deleted; the ledger forgets them at once."""
    for batch in batches(keys):
        upsert(conn, obsolete, [{"key": key, "kind": kind} for key in batch])
        conn.execute(delete(documents).where(documents.c.key.in_(batch)))


def add_assets(conn: Connection, keys: Iterable[str]) -> None:
    """Let assets be deleted; the ledger forgets them when they are."""
    for batch in batches(keys):
        upsert(conn, obsolete, [{"key": key, "kind": "asset"} for key in batch])


def keep(conn: Connection, keys: Iterable[str]) -> None:
    """Take objects off the list: they are named again."""
    for batch in batches(keys):
        conn.execute(delete(obsolete).where(obsolete.c.key.in_(batch)))


def any_listed(conn: Connection) -> bool:
    """Whether anything waits to be deleted."""
    return conn.execute(select(obsolete.c.key).limit(1)).first() is not None


def take(conn: Connection) -> list[tuple[str, str]]:
    """Return the next (key, kind) to delete, parents first; from now on nobody reuses these assets."""
    rank = case(RANKS, value=obsolete.c.kind, else_=9)
    rows = conn.execute(select(obsolete).order_by(rank, obsolete.c.key).limit(BATCH)).all()
    named = [row.key for row in rows if row.kind == "asset"]
    folders = set(conn.execute(select(assets.c.key).where(assets.c.key.in_(named), assets.c.size.is_(None))).scalars())
    upsert(conn, obsolete, [{"key": key, "kind": "folder"} for key in sorted(folders)])
    conn.execute(delete(assets).where(assets.c.key.in_(named)))
    return [(row.key, "folder" if row.key in folders else row.kind) for row in rows]
