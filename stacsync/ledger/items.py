"""The Items of the catalog: staged while their job is taken, then published as a whole.

A staged Item is invisible: nothing links to it and nothing is written of it. `commit` makes the staged Items of a job
its published ones and notes what has to be written and what may be deleted; `stacsync.catalog` does both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, bindparam, delete, func, select, update

from stacsync.errors import LedgerError
from stacsync.ledger import contributions, obsolete
from stacsync.ledger.commit import Difference, replace_items
from stacsync.ledger.contributions import Said
from stacsync.ledger.schema import assets, items
from stacsync.ledger.schema import contributions as contributions_table
from stacsync.ledger.staged import StagedItem, unpack, utc_text
from stacsync.ledger.upsert import upsert

__all__ = ["Difference", "Items", "LiveItem", "StagedItem", "Transactions"]


class Transactions(Protocol):
    """What is needed of the ledger, or of its database."""

    def write(self) -> AbstractContextManager[Connection]:
        """Open a write transaction."""
        ...

    def read(self) -> AbstractContextManager[Connection]:
        """Open a connection for reading."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveItem:
    """A published Item as the catalog writes it."""

    provider: str
    collection: str
    item: str
    key: str
    digest: str
    document: Mapping[str, Any]
    """Without what depends on where it stands."""


class Items:
    """The Items of the ledger."""

    def __init__(self, database: Transactions) -> None:
        """Work on the ledger, or its database."""
        self._database = database

    def stage(self, provider: str, job: str, rows: Sequence[StagedItem]) -> None:
        """Keep some Items of a job for `commit`; one staged twice counts once, as it was last."""
        for row in rows:
            if (row.provider, row.job) != (provider, job):
                raise LedgerError(f"Item {row.item} is not of job {job} of {provider}")
        with self._database.write() as conn:
            upsert(conn, items, [{**row.fields(), "staged": True, "written": False} for row in rows])

    def discard_staged(self, provider: str, job: str) -> None:
        """Forget what was staged of a job and not committed."""
        with self._database.write() as conn:
            _discard(conn, provider, job)

    def commit(
        self,
        conn: Connection,
        provider: str,
        job: str,
        said: Mapping[str, tuple[Mapping[str, Any], str | None]],
    ) -> Difference:
        """Publish the staged Items of a job in place of those it had, inside the caller's write transaction.

        `said` is all that the job contributes to Collections, by their wished id: the record as JSON
        (`stacsync.stac.records.to_json`) and the job's created time (ISO, or empty).
        """
        staged = select(items.c.collection).where(
            items.c.provider == provider, items.c.job == job, items.c.staged.is_(True)
        )
        unsaid = set(conn.execute(staged.distinct()).scalars()) - said.keys()
        if unsaid:
            raise LedgerError(f"job {job} of {provider} has Items in {sorted(unsaid)[0]}, but says nothing of it")
        difference = replace_items(conn, provider, job)
        told = {name: Said(job, body, utc_text(sort_at)) for name, (body, sort_at) in said.items()}
        contributions.replace(conn, told, provider, job)
        return difference

    def retire(self, conn: Connection, provider: str, job: str, *, delete_assets: bool = False) -> Difference:
        """Take all that a job published out of the catalog; its files stay in the store unless `delete_assets`."""
        _discard(conn, provider, job)
        difference = replace_items(conn, provider, job, keep_assets=not delete_assets)
        contributions.replace(conn, {}, provider, job, keep_assets=not delete_assets)
        if delete_assets:
            mine = select(assets.c.key).where(assets.c.provider == provider, assets.c.job == job)
            obsolete.add_assets(conn, conn.execute(mine).scalars().all())
        return difference

    def jobs(self, *, files: bool = False) -> list[tuple[str, str]]:
        """Return every (provider, job) of which something is published, or (`files`) of which files are in the store."""
        live = select(items.c.provider, items.c.job).where(items.c.staged.is_(False)).distinct()
        said = select(contributions_table.c.provider, contributions_table.c.job).distinct()
        queries = [live, said, *([select(assets.c.provider, assets.c.job).distinct()] if files else [])]
        with self._database.read() as conn:
            return sorted({(row.provider, row.job) for query in queries for row in conn.execute(query)})

    def unwritten(self, batch: int) -> list[LiveItem]:
        """Return up to `batch` published Items whose document is not in the store as it should be."""
        query = select(items).where(items.c.written.is_(False), items.c.staged.is_(False)).limit(batch)
        with self._database.read() as conn:
            return [
                LiveItem(
                    provider=row.provider,
                    collection=row.collection,
                    item=row.item,
                    key=row.key,
                    digest=row.digest,
                    document=unpack(row.body),
                )
                for row in conn.execute(query)
            ]

    def mark_written(self, conn: Connection, done: Iterable[LiveItem]) -> None:
        """Remember that the documents of `done` are in the store; not of those that changed meanwhile."""
        rows = [
            {"b_provider": one.provider, "b_collection": one.collection, "b_item": one.item, "b_digest": one.digest}
            for one in done
        ]
        statement = (
            update(items)
            .where(
                items.c.provider == bindparam("b_provider"),
                items.c.collection == bindparam("b_collection"),
                items.c.item == bindparam("b_item"),
                items.c.digest == bindparam("b_digest"),
                items.c.staged.is_(False),
            )
            .values(written=True)
        )
        if rows:
            conn.execute(statement, rows)

    def count(self) -> int:
        """Return the number of published Items."""
        with self._database.read() as conn:
            query = select(func.count()).select_from(items).where(items.c.staged.is_(False))
            return conn.execute(query).scalar_one()


def _discard(conn: Connection, provider: str, job: str) -> None:
    staged = (items.c.provider == provider, items.c.job == job, items.c.staged.is_(True))
    conn.execute(delete(items).where(*staged))
