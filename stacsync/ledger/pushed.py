"""What each STAC API took of the catalog, so that only what changed since is sent.

A Collection is *settled* at a target when all of it was taken and nothing changed since: `dirty.mark` unsettles it in the
transaction of the change, and settled Collections are not even looked at. Within an unsettled one the database compares
digests; only what differs is read. What a target refused is kept with its reason and a time before which `run` leaves it
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, not_, or_, select, update

from stacsync.ledger.items import Transactions
from stacsync.ledger.jobs import retry_delay
from stacsync.ledger.pending import Pending, Place, differs, within
from stacsync.ledger.schema import dirty, documents, heads, items, pushed
from stacsync.ledger.staged import unpack
from stacsync.ledger.times import from_text, to_text
from stacsync.ledger.upsert import upsert

PAGE = 200
"""Rows read at a time."""
_live = and_(
    items.c.provider == pushed.c.provider,
    items.c.collection == pushed.c.collection,
    items.c.item == pushed.c.item,
    items.c.staged.is_(False),
)
_same_name = and_(
    heads.c.provider == pushed.c.provider,
    heads.c.collection == pushed.c.collection,
    heads.c.name == pushed.c.name,
)


class Pushed:
    """What targets took; every method is about one target."""

    def __init__(self, database: Transactions, clock: Callable[[], datetime], target: str) -> None:
        """Work on the ledger, or its database, for the API at the address `target`; `clock` tells now, in UTC."""
        self._database = database
        self._clock = clock
        self.target = target

    def begin(self, form: str) -> None:
        """Let everything be sent again if what was taken has another `form` (how documents are made for the target)."""
        with self._database.read() as conn:
            if conn.execute(select(pushed.c.digest).where(self._is())).scalar() == form:
                return
        with self._database.write() as conn:
            self._forget(conn)
            upsert(conn, pushed, [self._row("", "", "", name="", digest=form)])

    def forget(self) -> None:
        """Let everything be sent again."""
        with self._database.write() as conn:
            self._forget(conn)

    def due(self) -> datetime | None:
        """Return the time before which `run` leaves the target alone."""
        with self._database.read() as conn:
            return from_text(conn.execute(select(pushed.c.next_attempt).where(self._is())).scalar())

    def failed(self, reason: str) -> int:
        """Record that the target could not be used at all; return how many times in a row."""
        with self._database.write() as conn:
            return self._count(conn, self._is(), reason)

    def worked(self) -> None:
        """Record that the target could be used."""
        with self._database.write() as conn:
            calm = {"reason": "", "attempts": 0, "next_attempt": None}
            conn.execute(update(pushed).where(self._is(), pushed.c.attempts > 0).values(**calm))

    def places(self, *, patient: bool) -> list[Place]:
        """Return the published Collections that are not settled; `patient`: without asking again too soon."""
        top = and_(self._mine(heads), pushed.c.item == "")
        query = (
            select(heads.c.provider, heads.c.collection, heads.c.name, heads.c.key, documents.c.digest)
            .add_columns(pushed.c.digest.label("taken"), pushed.c.next_attempt)
            .join(documents, documents.c.key == heads.c.key)
            .outerjoin(pushed, top)
            .where(heads.c.collection != "", heads.c.listing.is_not(None))
            .where(or_(pushed.c.settled.is_(None), pushed.c.settled.is_(False)))
            .order_by(heads.c.provider, heads.c.collection)
        )
        now = to_text(self._clock()) or ""
        with self._database.read() as conn:
            return [
                Place(
                    provider=row.provider,
                    collection=row.collection,
                    name=row.name,
                    key=row.key,
                    digest=row.digest,
                    taken=row.taken or "",
                    blocked=patient and (row.next_attempt or "") > now,
                )
                for row in conn.execute(query)
            ]

    def gone(self) -> list[tuple[str, str, str]]:
        """Return (provider, collection, name) of Collections that the target has and the catalog has not (so named)."""
        query = select(pushed.c.provider, pushed.c.collection, pushed.c.name).where(
            pushed.c.target == self.target,
            pushed.c.collection != "",
            pushed.c.item == "",
            not_(exists().where(_same_name)),
        )
        with self._database.read() as conn:
            return [(row.provider, row.collection, row.name) for row in conn.execute(query)]

    def listing(self, place: Place) -> dict[str, Any] | None:
        """Return the Collection's entry in the list of all Collections: its hrefs are relative to the root."""
        query = select(heads.c.listing).where(
            heads.c.provider == place.provider, heads.c.collection == place.collection
        )
        with self._database.read() as conn:
            body = conn.execute(query).scalar()
        return None if body is None else unpack(body)

    def pending(self, place: Place, *, patient: bool) -> Iterator[list[Pending]]:
        """Yield the written Items of a Collection that the target has not as they are, some at a time."""
        query = (
            select(items.c.item, items.c.key, items.c.digest, items.c.body, pushed.c.digest.label("taken"))
            .outerjoin(pushed, and_(self._mine(items), pushed.c.item == items.c.item))
            .where(
                *within(items, place.provider, place.collection), items.c.staged.is_(False), items.c.written.is_(True)
            )
            .where(differs)
        )
        if patient:
            query = query.where(or_(pushed.c.next_attempt.is_(None), pushed.c.next_attempt <= to_text(self._clock())))
        after: str | None = None
        while True:
            more = query if after is None else query.where(items.c.item > after)
            with self._database.read() as conn:
                rows = conn.execute(more.order_by(items.c.item).limit(PAGE)).all()
            if not rows:
                return
            after = rows[-1].item
            yield [
                Pending(item=row.item, key=row.key, digest=row.digest, document=unpack(row.body), known=bool(row.taken))
                for row in rows
            ]

    def removed(self, provider: str, collection: str, *, all_of_it: bool = False) -> Iterator[str]:
        """Yield the ids of Items that the target has and the Collection has not any more (`all_of_it`: all that it has)."""
        query = select(pushed.c.item).where(
            pushed.c.target == self.target, *within(pushed, provider, collection), pushed.c.item != ""
        )
        if not all_of_it:
            query = query.where(not_(exists().where(_live)))
        after: str | None = None
        while True:
            more = query if after is None else query.where(pushed.c.item > after)
            with self._database.read() as conn:
                found = conn.execute(more.order_by(pushed.c.item).limit(PAGE)).scalars().all()
            if not found:
                return
            after = found[-1]
            yield from found

    def took(self, place: Place, done: Sequence[Pending]) -> None:
        """Remember that the target has these Items as they are."""
        rows = [
            self._row(place.provider, place.collection, one.item, name=place.name, digest=one.digest) for one in done
        ]
        with self._database.write() as conn:
            upsert(conn, pushed, rows)

    def took_collection(self, place: Place) -> None:
        """Remember that the target has the Collection's own document as it is."""
        with self._database.write() as conn:
            upsert(
                conn,
                pushed,
                [self._row(place.provider, place.collection, "", name=place.name, digest=place.digest)],
            )

    def refused(self, place: Place, reasons: Mapping[str, str]) -> None:
        """Remember why the target refused some Items (or, under "", the Collection itself)."""
        with self._database.write() as conn:
            for item, reason in reasons.items():
                one = self._is(place.provider, place.collection, item)
                if not self._count(conn, one, reason):
                    row = self._row(place.provider, place.collection, item, name=place.name, digest="")
                    upsert(conn, pushed, [row])
                    self._count(conn, one, reason)

    def dropped(self, provider: str, collection: str, item: str) -> None:
        """Forget one Item (or, with an empty id, the Collection with all of its Items): the target has it no more."""
        where = [pushed.c.target == self.target, *within(pushed, provider, collection)]
        with self._database.write() as conn:
            conn.execute(delete(pushed).where(*where, *([pushed.c.item == item] if item else [])))

    def lost(self, place: Place) -> None:
        """Let a Collection be sent again as a whole: the target does not know it any more."""
        mine = (pushed.c.target == self.target, *within(pushed, place.provider, place.collection))
        with self._database.write() as conn:
            conn.execute(update(pushed).where(*mine).values(digest="", settled=False))

    def settle(self, place: Place) -> bool:
        """Mark a Collection as settled if the target has all of it; return whether it is."""
        differing = (
            select(items.c.item)
            .outerjoin(pushed, and_(self._mine(items), pushed.c.item == items.c.item))
            .where(*within(items, place.provider, place.collection), items.c.staged.is_(False), differs)
        )
        extra = select(pushed.c.item).where(
            pushed.c.target == self.target,
            *within(pushed, place.provider, place.collection),
            pushed.c.item != "",
            not_(exists().where(_live)),
        )
        noted = select(dirty.c.month).where(*within(dirty, place.provider, place.collection))
        changed = select(documents.c.key).where(documents.c.key == place.key, documents.c.digest != place.digest)
        top = self._is(place.provider, place.collection, "")
        with self._database.write() as conn:
            if any(conn.execute(query.limit(1)).first() for query in (differing, extra, noted, changed)):
                return False
            done = update(pushed).where(top, pushed.c.digest == place.digest).values(settled=True)
            return conn.execute(done).rowcount > 0

    def _mine(self, table: Any) -> ColumnElement[bool]:
        return and_(
            pushed.c.target == self.target,
            pushed.c.provider == table.c.provider,
            pushed.c.collection == table.c.collection,
        )

    def _is(self, provider: str = "", collection: str = "", item: str = "") -> ColumnElement[bool]:
        return and_(pushed.c.target == self.target, *within(pushed, provider, collection), pushed.c.item == item)

    def _row(self, provider: str, collection: str, item: str, *, name: str, digest: str) -> dict[str, Any]:
        return {
            "target": self.target,
            "provider": provider,
            "collection": collection,
            "item": item,
            "name": name,
            "digest": digest,
            "settled": False,
            "reason": "",
            "attempts": 0,
            "next_attempt": None,
        }

    def _forget(self, conn: Connection) -> None:
        calm = {"digest": "", "settled": False, "reason": "", "attempts": 0, "next_attempt": None}
        conn.execute(update(pushed).where(pushed.c.target == self.target).values(**calm))

    def _count(self, conn: Connection, one: ColumnElement[bool], reason: str) -> int:
        attempts = (conn.execute(select(pushed.c.attempts).where(one)).scalar() or 0) + 1
        due = to_text(self._clock() + retry_delay(attempts))
        changed = conn.execute(update(pushed).where(one).values(reason=reason, attempts=attempts, next_attempt=due))
        return attempts if changed.rowcount else 0
