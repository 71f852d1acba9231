"""What waits to be sent to a target, and how the database tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, or_

from stacsync.ledger.schema import items, pushed


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A Collection that has to be looked at."""

    provider: str
    collection: str
    """Its id in the ledger."""
    name: str
    """Its published id: what it is called at the target."""
    key: str
    digest: str
    """SHA-256 (hex) of its published document."""
    taken: str
    """The digest that the target has; empty: none."""
    blocked: bool
    """Whether the target refused it of late, so that it is not to be asked again yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An Item to send."""

    item: str
    key: str
    digest: str
    document: Mapping[str, Any]
    """Without what depends on where it stands."""
    known: bool
    """Whether the target took an earlier state of it."""


differs: ColumnElement[bool] = or_(pushed.c.digest.is_(None), pushed.c.digest != items.c.digest)
"""Of an Item, joined with what a target took of it: that is not what is published."""


def within(table: Any, provider: Any, collection: Any) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return what picks the rows of one Collection."""
    return table.c.provider == provider, table.c.collection == collection
