"""Writes down what arrived: a large asset at once, small ones together.

A transaction for each small asset costs more than its transfer. After a crash some dozen small assets are fetched once
more; nothing large ever is.
"""

from __future__ import annotations

from threading import Lock
from types import TracebackType
from typing import Self

from stacsync.ledger.assets import AssetRow
from stacsync.mirror.notes import Book
from stacsync.mirror.order import CHEAP

TOGETHER = 64
"""Small assets in one transaction."""


class Pen:
    """Notes of one batch of transfers, made from many threads; all of them are in `book` once the block is left."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._lock = Lock()
        self._pending: list[AssetRow] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pending:
            self._book.record(*self._pending)

    def note(self, row: AssetRow) -> None:
        """Note an asset that lies in the store. Raises `LedgerError`, also for one noted earlier."""
        if row.size is None or row.size > CHEAP:
            self._book.record(row)
            return
        with self._lock:
            self._pending.append(row)
            if len(self._pending) < TOGETHER:
                return
            full, self._pending = self._pending, []
        self._book.record(*full)
