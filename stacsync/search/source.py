"""What an index is made from: the published Items of a Collection in the ledger, read a few at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, and_, func, select

from stacsync.ledger import Ledger
from stacsync.ledger.schema import items
from stacsync.ledger.staged import unpack
from stacsync.search.order import Numbers, mark, orders, quarter

AT_ONCE = 250
"""Documents in one question."""
_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Listed:
    """Some Items, by what their rows are sorted and known by."""

    names: pa.Array
    order: Numbers
    marks: Numbers

    def __len__(self) -> int:
        return len(self.order)

    def sorted(self) -> Listed:
        """Return them in the order of the index."""
        place = np.lexsort((self.marks, self.order))
        return Listed(self.names.take(pa.array(place)), self.order[place], self.marks[place])


class Source:
    """The live Items of one Collection."""

    def __init__(self, ledger: Ledger, provider: str, collection: str) -> None:
        self._ledger = ledger
        self._mine = and_(items.c.provider == provider, items.c.collection == collection, items.c.staged.is_(False))

    def count(self) -> int:
        """Return how many Items there are."""
        with self._ledger.read() as conn:
            return conn.execute(select(func.count()).select_from(items).where(self._mine)).scalar_one()

    def listed(self, months: Sequence[str] | None = None, known: Numbers | None = None) -> tuple[Listed, Numbers]:
        """Return the Items of some months (default: all) whose mark is not in `known` (sorted), and the marks of all."""
        wanted: ColumnElement[bool] = self._mine if months is None else and_(self._mine, items.c.month.in_(months))
        columns = (items.c.item, items.c.key, items.c.digest, items.c.month)
        sides = (items.c.west, items.c.south, items.c.east, items.c.north)
        parts, seen = [], [np.empty(0, np.int64)]
        with self._ledger.read() as conn:
            query = select(*columns, *sides).where(wanted).execution_options(yield_per=_ROWS)
            for rows in conn.execute(query).partitions(_ROWS):
                marks = np.array([mark(row[0], row[1], row[2]) for row in rows], np.int64)
                seen.append(marks)
                fresh = np.arange(len(rows)) if known is None else np.flatnonzero(~contains(known, marks))
                parts.append(_listed([rows[int(place)] for place in fresh], marks[fresh]))
        if not parts:
            parts = [_listed([], np.empty(0, np.int64))]
        names = pa.chunked_array([part.names for part in parts]).combine_chunks()
        order = np.concatenate([part.order for part in parts])
        return Listed(names, order, np.concatenate([part.marks for part in parts])), np.concatenate(seen)

    def documents(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (key, document) of all Items, in no order."""
        with self._ledger.read() as conn:
            query = select(items.c.key, items.c.body).where(self._mine).execution_options(yield_per=AT_ONCE)
            for row in conn.execute(query):
                yield row.key, unpack(row.body)

    def named(self, names: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
        """Return (key, document) of some Items, in their order."""
        found: dict[str, tuple[str, bytes]] = {}
        with self._ledger.read() as conn:
            for start in range(0, len(names), AT_ONCE):
                some = items.c.item.in_(names[start : start + AT_ONCE])
                query = select(items.c.item, items.c.key, items.c.body).where(self._mine, some)
                found |= {row.item: (row.key, row.body) for row in conn.execute(query)}
        return [(found[name][0], unpack(found[name][1])) for name in names]


def contains(known: Numbers, marks: Numbers) -> NDArray[np.bool_]:
    """Return which of `marks` are in `known`, which is sorted."""
    if not len(known):
        return np.zeros(len(marks), np.bool_)
    place = np.minimum(np.searchsorted(known, marks), len(known) - 1)
    found: NDArray[np.bool_] = known[place] == marks
    return found


def _listed(rows: Sequence[Any], marks: Numbers) -> Listed:
    boxes = np.array([row[4:8] for row in rows], np.float64).reshape(len(rows), 4)
    quarters = np.array([quarter(row[3]) for row in rows], np.int64)
    return Listed(pa.array([row[0] for row in rows], pa.string()), orders(quarters, boxes), marks)
