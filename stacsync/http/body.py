"""The body of one answer: read as it comes, given up when it stalls, its line released at the end."""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPException

from urllib3.exceptions import HTTPError

from stacsync.http.download import FetchInterrupted
from stacsync.http.pinned import Line

SLOWEST = 1024
"""Bytes per second below which a body counts as stalled."""
GATHERED = 0.2
"""Seconds for which small arrivals (TLS gives 16 KiB at a time) are gathered into one."""


class Body:
    """Bytes of `line`, which comes from `place`; `patience` is the seconds after which their pace is judged."""

    def __init__(self, line: Line, place: str, patience: float, monotonic: Callable[[], float]) -> None:
        self._line = line
        self._place = place
        self._patience = patience
        self._monotonic = monotonic
        self._since = monotonic()
        self._seen = 0
        self._ended = False
        self._trouble: FetchInterrupted | None = None

    def read_into(self, buffer: memoryview) -> int:
        """Fill the beginning of `buffer`; 0 at the end. Raises `FetchInterrupted` or `Stopped`."""
        filled, begun = 0, self._monotonic()
        while filled < len(buffer) and not (self._ended or self._trouble):
            filled += self._receive(buffer[filled:])
            if self._monotonic() - begun > GATHERED:
                break
        if self._ended or self._trouble or self._line.waiting.interrupted:
            self._line.close()
        self._line.waiting.raise_if_interrupted()
        if filled == 0 and self._trouble:
            raise self._trouble
        return filled

    def _receive(self, buffer: memoryview) -> int:
        try:
            count = self._line.read_into(buffer)
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            self._trouble = FetchInterrupted(f"{self._place} dropped the connection ({type(error).__name__})")
            return 0
        self._ended = count == 0
        self._judge(count)
        return count

    def _judge(self, count: int) -> None:
        """Note that `count` bytes came; a body that is too slow becomes a trouble."""
        self._seen += count
        now = self._monotonic()
        if now - self._since < self._patience:
            return
        if self._seen < SLOWEST * self._patience and not self._ended:
            told = f"{self._place} sends {self._seen} bytes in {now - self._since:.0f} seconds: stalled"
            self._trouble = FetchInterrupted(told)
        self._since, self._seen = now, 0
