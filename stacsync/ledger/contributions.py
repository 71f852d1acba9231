"""What each job says of each Collection that it feeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, select

from stacsync import layout
from stacsync.ledger import dirty, obsolete
from stacsync.ledger.schema import assets, contributions, items
from stacsync.ledger.staged import pack, unpack
from stacsync.ledger.upsert import upsert
from stacsync.stac import records

ADOPTED = ""
"""Stands for the jobs of a Collection that was read back from the bucket, until they are described again."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one job says of one Collection."""

    job: str
    body: Mapping[str, Any]
    """The record as JSON, see `stacsync.stac.records`."""
    sort_at: str
    """The job's created time, as UTC text that sorts; empty when unknown."""


def of_collection(conn: Connection, provider: str, collection: str) -> list[Said]:
    """Return what the jobs say of a Collection, oldest job first; what was read back from the bucket comes before all.

    Jobs that say the very same are heard once: a Collection that thousands of like jobs feed stays cheap.
    """
    query = (
        select(
            func.min(contributions.c.job).label("job"),
            contributions.c.body,
            func.min(contributions.c.sort_at).label("sort_at"),
        )
        .where(contributions.c.provider == provider, contributions.c.collection == collection)
        .group_by(contributions.c.body)
    )
    said = [_said(row) for row in conn.execute(query)]
    return sorted(said, key=lambda one: (one.job != ADOPTED, one.sort_at, one.job))


def _said(row: Any) -> Said:
    return Said(row.job, unpack(row.body), row.sort_at or "")


def replace(conn: Connection, said: Mapping[str, Said], provider: str, job: str, *, keep_assets: bool = False) -> bool:
    """Let `said` (by Collection) be all that a job contributes; return whether anything differs."""
    rows = conn.execute(select(contributions).where(_of_job(provider, job))).all()
    before = {row.collection: _said(row) for row in rows}
    both = sorted(before.keys() | said.keys())
    changed = [collection for collection in both if before.get(collection) != said.get(collection)]
    for collection in changed:
        _put(conn, provider, collection, job, said.get(collection))
        dirty.mark(conn, provider, collection)
        if not keep_assets:
            _forget_assets(conn, provider, collection, job, said.get(collection))
    for collection in sorted(said):
        _let_adopted_go(conn, provider, collection)
    return bool(changed)


def _of_job(provider: str, job: str) -> ColumnElement[bool]:
    return and_(contributions.c.provider == provider, contributions.c.job == job)


def _put(conn: Connection, provider: str, collection: str, job: str, said: Said | None) -> None:
    if said is None:
        conn.execute(delete(contributions).where(_of_job(provider, job), contributions.c.collection == collection))
        return
    row = {
        "provider": provider,
        "collection": collection,
        "job": job,
        "staged": False,
        "body": pack(said.body),
        "sort_at": said.sort_at,
    }
    upsert(conn, contributions, [row])


def _let_adopted_go(conn: Connection, provider: str, collection: str) -> None:
    """Drop what was read back from the bucket once every job of the Collection's Items speaks for itself again."""
    adopted = and_(
        contributions.c.provider == provider, contributions.c.collection == collection, contributions.c.job == ADOPTED
    )
    if conn.execute(select(contributions.c.job).where(adopted)).first() is None:
        return
    speaks = exists().where(
        contributions.c.provider == items.c.provider,
        contributions.c.collection == items.c.collection,
        contributions.c.job == items.c.job,
    )
    silent = select(items.c.job).where(
        items.c.provider == provider, items.c.collection == collection, items.c.staged.is_(False), ~speaks
    )
    if conn.execute(silent.limit(1)).first() is None:
        conn.execute(delete(contributions).where(adopted))
        dirty.mark(conn, provider, collection)


def _forget_assets(conn: Connection, provider: str, collection: str, job: str, said: Said | None) -> None:
    """Let the files be deleted that a job once gave to the Collection itself and no longer names."""
    folder = layout.collection_assets_folder(provider, collection, job)
    named = {asset.identity for asset in records.from_json(said.body).assets} if said else set()
    query = select(assets.c.key, assets.c.identity).where(assets.c.key >= f"{folder}/", assets.c.key < f"{folder}0")
    rows = conn.execute(query).all()
    obsolete.keep(conn, [row.key for row in rows if row.identity in named])
    obsolete.add_assets(conn, [row.key for row in rows if row.identity not in named])
