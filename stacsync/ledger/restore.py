"""Put back what a lost ledger knew, read from the published catalog. What is known already is written over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import orjson
from sqlalchemy import Connection

from stacsync.ledger.assets import AssetRow
from stacsync.ledger.schema import assets, contributions, items
from stacsync.ledger.staged import StagedItem, pack
from stacsync.ledger.upsert import upsert


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
