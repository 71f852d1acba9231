"""Make a job's staged Items the published ones, in one transaction: the difference to what was published before.

What stays equal is not touched. What changed, came or went is noted: branches to write again, summaries of months,
objects that nothing names any more. Work grows with the job and the months that it falls in, not with the catalog;
memory holds one batch of Items.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, delete, exists, not_, select, update

from stacsync.ledger import aggregates, dirty, obsolete
from stacsync.ledger.aggregates import BATCH, Month
from stacsync.ledger.schema import items
from stacsync.ledger.staged import unpack
from stacsync.stac import Summary

_live = items.alias("live")
_fresh = items.alias("fresh")
_same_item = and_(
    _live.c.provider == _fresh.c.provider,
    _live.c.collection == _fresh.c.collection,
    _live.c.item == _fresh.c.item,
    _live.c.staged.is_(False),
    _fresh.c.staged.is_(True),
)
_same_content = and_(_live.c.digest == _fresh.c.digest, _live.c.key == _fresh.c.key)


@dataclass(frozen=True, slots=True)
class Difference:
    """How many Items of a job came, changed, went, or stayed as they were."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.added or self.changed or self.removed)


@dataclass(slots=True)
class _Work:
    """What a commit gathers on its way."""

    conn: Connection
    provider: str
    job: str
    keep_assets: bool
    grown: dict[Month, Summary] = field(default_factory=dict)
    """Summaries of what came, by month."""
    stale: set[Month] = field(default_factory=set)
    """Months that something left."""
    branches: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    """(month, spread) to write again, by Collection."""
    shared: bool = False
    """Whether an asset outside its Item's own folder lost a user."""

    def note(self, row: Row[Any]) -> Month:
        """Note the branch that `row` stands in; return its month."""
        self.branches.setdefault(row.collection, set()).add((row.month, row.spread[: dirty.PREFIX]))
        return (row.provider, row.collection, row.month)

    def drop_assets(self, row: Row[Any], still: set[str]) -> None:
        """Let the assets of a live Item be deleted that are not in `still`."""
        lost = set() if self.keep_assets else obsolete.asset_keys(unpack(row.body), row.key) - still
        own = f"{posixpath.dirname(row.key)}/"
        self.shared = self.shared or any(not key.startswith(own) for key in lost)
        obsolete.add_assets(self.conn, sorted(lost))


def replace_items(conn: Connection, provider: str, job: str, *, keep_assets: bool = False) -> Difference:
    """Publish the staged Items of a job in place of its live ones. Runs inside the caller's write transaction."""
    work = _Work(conn, provider, job, keep_assets)
    removed = _repeat(conn, _removed(provider, job), lambda rows: _remove(work, rows))
    changed = _repeat(conn, _changed(provider, job), lambda rows: _change(work, rows))
    unchanged = _drop_equal(conn, provider, job)
    entered = _repeat(conn, _staged(provider, job), lambda rows: _enter(work, rows))
    if work.shared:
        _keep_used(conn, provider, job)
    for month in sorted(work.stale):
        aggregates.recompute(conn, month)
    for month in sorted(work.grown.keys() - work.stale):
        aggregates.save(conn, month, aggregates.load(conn, month).merge(work.grown[month]))
    for collection, branches in sorted(work.branches.items()):
        dirty.mark(conn, provider, collection, branches)
    return Difference(added=entered - changed, changed=changed, removed=removed, unchanged=unchanged)


def _repeat(conn: Connection, query: Select[Any], handle: Callable[[Sequence[Row[Any]]], None]) -> int:
    """Hand batches to `handle`, which takes them out of what `query` finds; return how many there were."""
    total = 0
    while rows := conn.execute(query.limit(BATCH)).all():
        handle(rows)
        total += len(rows)
    return total


def _of_job(table: Any, provider: str, job: str, *, staged: bool) -> ColumnElement[bool]:
    return and_(table.c.provider == provider, table.c.job == job, table.c.staged.is_(staged))


def _removed(provider: str, job: str) -> Select[Any]:
    return select(_live).where(_of_job(_live, provider, job, staged=False), not_(exists().where(_same_item)))


def _changed(provider: str, job: str) -> Select[Any]:
    pairs = _fresh.join(_live, _same_item)
    return (
        select(_live, _fresh.c.body.label("new_body"), _fresh.c.key.label("new_key"))
        .select_from(pairs)
        .where(_of_job(_fresh, provider, job, staged=True), not_(_same_content))
    )


def _staged(provider: str, job: str) -> Select[Any]:
    return select(items).where(_of_job(items, provider, job, staged=True))


def _pick(staged: bool) -> ColumnElement[bool]:
    return and_(
        items.c.provider == bindparam("b_provider"),
        items.c.collection == bindparam("b_collection"),
        items.c.item == bindparam("b_item"),
        items.c.staged.is_(staged),
    )


def _names(rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    return [{"b_provider": row.provider, "b_collection": row.collection, "b_item": row.item} for row in rows]


def _remove(work: _Work, rows: Sequence[Row[Any]]) -> None:
    for row in rows:
        work.stale.add(work.note(row))
        work.drop_assets(row, set())
    obsolete.add_documents(work.conn, "item", [row.key for row in rows])
    work.conn.execute(delete(items).where(_pick(False)), _names(rows))  # noqa: FBT003 - as above


def _change(work: _Work, rows: Sequence[Row[Any]]) -> None:
    for row in rows:
        work.stale.add(work.note(row))
        work.drop_assets(row, obsolete.asset_keys(unpack(row.new_body), row.new_key))
    obsolete.add_documents(work.conn, "item", [row.key for row in rows if row.key != row.new_key])
    work.conn.execute(delete(items).where(_pick(False)), _names(rows))  # noqa: FBT003 - as above


def _drop_equal(conn: Connection, provider: str, job: str) -> int:
    """Take away staged Items that are live already; their live rows become this job's."""
    pairs = _fresh.join(_live, _same_item)
    query = select(_live).select_from(pairs).where(_of_job(_fresh, provider, job, staged=True), _live.c.job != job)
    taken = _names(conn.execute(query).all())
    if taken:
        conn.execute(update(items).where(_pick(False)).values(job=job), taken)  # noqa: FBT003 - as above
    inner = and_(
        _live.c.provider == items.c.provider,
        _live.c.collection == items.c.collection,
        _live.c.item == items.c.item,
        _live.c.staged.is_(False),
    )
    return conn.execute(delete(items).where(_of_job(items, provider, job, staged=True), exists().where(inner))).rowcount


def _enter(work: _Work, rows: Sequence[Row[Any]]) -> None:
    named: list[str] = []
    for row in rows:
        month = work.note(row)
        document = unpack(row.body)
        work.grown[month] = work.grown.get(month, Summary()).add(document)
        named += [row.key, *obsolete.asset_keys(document, row.key)]
    if obsolete.any_listed(work.conn):
        obsolete.keep(work.conn, named)
    statement = update(items).where(_pick(True)).values(staged=False, written=False)  # noqa: FBT003 - as above
    work.conn.execute(statement, _names(rows))


def _keep_used(conn: Connection, provider: str, job: str) -> None:
    """Keep assets that other Items of the job still name: files of a package may serve several."""
    query = select(items.c.key, items.c.body).where(_of_job(items, provider, job, staged=False))
    for row in conn.execute(query.execution_options(yield_per=BATCH)):
        obsolete.keep(conn, sorted(obsolete.asset_keys(unpack(row.body), row.key)))
