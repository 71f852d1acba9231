"""Put back what a lost ledger knew, read from the published catalog, once what a stale one knows is forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import orjson
from sqlalchemy import Connection, delete, exists, update

from stacsync.ledger.assets import AssetRow
from stacsync.ledger.jobs import JobState
from stacsync.ledger.schema import (
    aggregates,
    assets,
    contributions,
    dirty,
    documents,
    heads,
    items,
    jobs,
    obsolete,
    pushed,
)
from stacsync.ledger.staged import StagedItem, pack
from stacsync.ledger.upsert import upsert

_OF_THE_CATALOG = (aggregates, assets, contributions, dirty, documents, heads, items, obsolete)


def forget(conn: Connection) -> None:
    """Forget what the catalog holds. Jobs are looked at anew, those retired by hand stay so; STAC APIs are compared anew.

    What providers remember, the history of passes and uploads under way are no matter of the catalog, and stay.
    """
    for table in _OF_THE_CATALOG:
        conn.execute(delete(table))
    conn.execute(delete(jobs).where(jobs.c.state != JobState.RETIRED))
    conn.execute(update(pushed).values(settled=False))


def take_back_retired(conn: Connection) -> None:
    """Forget that jobs were retired that are published: they were taken in again since."""
    live = exists().where(items.c.provider == jobs.c.provider, items.c.job == jobs.c.job)
    conn.execute(delete(jobs).where(jobs.c.state == JobState.RETIRED, live))


def restore_items(conn: Connection, rows: Sequence[StagedItem]) -> None:
    """Keep published Items whose documents are in the store."""
    upsert(conn, items, [{**row.fields(), "staged": False, "written": True} for row in rows])


def restore_contribution(
    conn: Connection, provider: str, collection: str, job: str, body: Mapping[str, Any], sort_at: str
) -> None:
    """Keep what a published Collection says as the word of `job`."""
    row = {
        "provider": provider,
        "collection": collection,
        "job": job,
        "staged": False,
        "body": pack(body),
        "sort_at": sort_at,
    }
    upsert(conn, contributions, [row])


def restore_assets(conn: Connection, rows: Sequence[AssetRow]) -> int:
    """Keep assets that the store holds; return how many."""
    unique = {row.key: {**asdict(row), "facts": orjson.dumps(dict(row.facts)).decode()} for row in rows}
    upsert(conn, assets, list(unique.values()))
    return len(unique)
