"""How far a target is behind what is published, for `status`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, exists, func, not_, select

from stacsync.ledger.pending import differs, within
from stacsync.ledger.schema import items, pushed
from stacsync.ledger.times import from_text

EXAMPLES = 20
"""Refusals that are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """How things stand with one target, for `status`."""

    pushed: int
    """Items that it has as they are published."""
    pending: int
    """Items that it has not, or not as they are published."""
    refused: Sequence[tuple[str, str, str, str]]
    """(provider, Collection, Item or empty, reason), a few."""
    error: str
    attempts: int
    next_attempt: datetime | None


def state_of(conn: Connection, target: str) -> TargetState:
    """Return how things stand with the API at the address `target`."""
    mine = pushed.c.target == target
    pending = _pending(conn, target)
    refused = (
        select(pushed.c.provider, pushed.c.name, pushed.c.item, pushed.c.reason)
        .where(mine, pushed.c.collection != "", pushed.c.reason != "")
        .order_by(pushed.c.provider, pushed.c.name, pushed.c.item)
        .limit(EXAMPLES)
    )
    live = select(func.count()).select_from(items).where(items.c.staged.is_(False))
    whole = conn.execute(select(pushed).where(mine, *within(pushed, "", ""), pushed.c.item == "")).one_or_none()
    return TargetState(
        pushed=conn.execute(live).scalar_one() - pending,
        pending=pending,
        refused=[(row.provider, row.name, row.item, row.reason) for row in conn.execute(refused)],
        error=whole.reason if whole else "",
        attempts=whole.attempts if whole else 0,
        next_attempt=from_text(whole.next_attempt) if whole else None,
    )


def _pending(conn: Connection, target: str) -> int:
    """Count the Items that differ; settled Collections hold none."""
    place = within(pushed, items.c.provider, items.c.collection)
    settled = exists().where(pushed.c.target == target, *place, pushed.c.item == "", pushed.c.settled.is_(True))
    taken = and_(pushed.c.target == target, *place, pushed.c.item == items.c.item)
    query = (
        select(func.count())
        .select_from(items.outerjoin(pushed, taken))
        .where(items.c.staged.is_(False), not_(settled.correlate(items)), differs)
    )
    return conn.execute(query).scalar_one()
