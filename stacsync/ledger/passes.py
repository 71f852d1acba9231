"""The passes of each provider, and what providers remember between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from stacsync.ledger.engine import Database
from stacsync.ledger.schema import memories, passes
from stacsync.ledger.times import from_text, to_text
from stacsync.ledger.upsert import upsert

KEPT = timedelta(days=8)
"""How long passes are remembered; of each provider also the last and the last good one, however old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassRow:
    """One pass of one provider."""

    id: int
    provider: str
    started: datetime
    finished: datetime | None
    ok: bool | None
    """None: it is under way, or the process died in it."""
    counts: Mapping[str, Any]
    error: str | None


def _row(row: Row[Any]) -> PassRow:
    started = from_text(row.started_at)
    assert started is not None  # noqa: S101 - the column is not nullable
    return PassRow(
        id=row.id,
        provider=row.provider,
        started=started,
        finished=from_text(row.finished_at),
        ok=row.ok,
        counts=orjson.loads(row.counts),
        error=row.error,
    )


def _last(provider: str) -> Select[Any]:
    return select(func.max(passes.c.id)).where(passes.c.provider == provider, passes.c.finished_at.is_not(None))


def _last_success(provider: str) -> Select[Any]:
    return select(func.max(passes.c.id)).where(passes.c.provider == provider, passes.c.ok.is_(True))


class Passes:
    """The passes of the ledger."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        """Work on `database`; `clock` tells now, in UTC."""
        self._database = database
        self._clock = clock

    def begin(self, provider: str) -> int:
        """Record that a pass begins; return its id."""
        with self._database.write() as connection:
            made = connection.execute(
                insert(passes).values(provider=provider, started_at=to_text(self._clock()), counts="{}")
            )
            assert made.inserted_primary_key is not None  # noqa: S101 - the key is made by the database
            number = int(made.inserted_primary_key[0])
            self._drop_old(connection, provider)
        return number

    def finish(self, number: int, *, ok: bool, counts: Mapping[str, Any], error: str | None) -> None:
        """Record how a pass ended."""
        body = orjson.dumps(dict(counts), option=orjson.OPT_SORT_KEYS).decode()
        change = update(passes).where(passes.c.id == number)
        with self._database.write() as connection:
            connection.execute(change.values(finished_at=to_text(self._clock()), ok=ok, counts=body, error=error))

    def last(self, provider: str) -> PassRow | None:
        """Return the newest pass that ended."""
        return self._one(_last(provider))

    def last_success(self, provider: str) -> PassRow | None:
        """Return the newest pass that ended well."""
        return self._one(_last_success(provider))

    def recent(self, since: datetime) -> list[PassRow]:
        """Return all passes that began after `since`, oldest first."""
        query = select(passes).where(passes.c.started_at >= to_text(since)).order_by(passes.c.id)
        with self._database.read() as connection:
            return [_row(row) for row in connection.execute(query)]

    def _drop_old(self, connection: Connection, provider: str) -> None:
        newest = [connection.execute(one(provider)).scalar() for one in (_last, _last_success)]
        connection.execute(
            delete(passes).where(
                passes.c.provider == provider,
                passes.c.started_at < to_text(self._clock() - KEPT),
                passes.c.id.not_in([number for number in newest if number is not None]),
            )
        )

    def _one(self, newest: Select[Any]) -> PassRow | None:
        with self._database.read() as connection:
            row = connection.execute(select(passes).where(passes.c.id == newest.scalar_subquery())).one_or_none()
        return None if row is None else _row(row)


class ProviderMemory:
    """What one provider remembers between passes (see `stacsync.provider.Memory`)."""

    def __init__(self, database: Database, provider: str) -> None:
        """Keep the memory of `provider` in `database`."""
        self._database = database
        self._provider = provider

    def get(self, key: str) -> dict[str, Any] | None:
        """Return what was put last under `key`, or None."""
        query = select(memories.c.value).where(memories.c.provider == self._provider, memories.c.key == key)
        with self._database.read() as connection:
            value = connection.execute(query).scalar()
        return None if value is None else orjson.loads(value)

    def put(self, key: str, value: dict[str, Any]) -> None:
        """Keep `value` under `key`, durably, at once."""
        body = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
        with self._database.write() as connection:
            upsert(connection, memories, [{"provider": self._provider, "key": key, "value": body}])

    def drop(self, key: str) -> None:
        """Forget `key`; nothing happens when there is nothing."""
        with self._database.write() as connection:
            connection.execute(delete(memories).where(memories.c.provider == self._provider, memories.c.key == key))
