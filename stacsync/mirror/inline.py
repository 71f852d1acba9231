"""Bytes that a provider handed over with its records."""

from __future__ import annotations

from stacsync.http.poured import Poured


class InlineFeed:
    """A `Feed` over bytes that the provider handed over."""

    def __init__(self, data: bytes) -> None:
        self._poured = Poured([data])
        self.size: int | None = len(data)
        self.validator: str | None = None
        self.start = 0
        self.unchanged = False
        self.moved = 0

    def open(self, start: int = 0, validator: str | None = None, unless: str | None = None) -> None:
        """Nothing has to be opened; always at the first byte."""

    def read_into(self, buffer: memoryview) -> int:
        """Read the next bytes; see `Feed`."""
        return self._poured.read_into(buffer)

    def close(self) -> None:
        """Nothing is open."""
