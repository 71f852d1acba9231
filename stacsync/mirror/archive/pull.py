"""Reading exact numbers of bytes from a stream that comes in pieces of any size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stacsync.errors import JobUnusable


class Truncated(JobUnusable):
    """An archive ends in the middle of what it promised."""


class Pull:
    """A stream of pieces, read by exact lengths; holds one piece at a time."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")
        self.taken = 0
        """Bytes read so far."""

    def pieces(self, length: int) -> Iterator[memoryview]:
        """Yield exactly `length` bytes as they come. Raises `Truncated`."""
        while length:
            if not self._rest and not self._refill():
                raise Truncated("the archive ends too early: it is truncated")
            piece, self._rest = self._rest[:length], self._rest[length:]
            length -= len(piece)
            self.taken += len(piece)
            yield piece

    def exactly(self, length: int) -> bytes:
        """Return exactly `length` bytes. Raises `Truncated`."""
        return b"".join(self.pieces(length))

    def skip(self, length: int) -> None:
        """Read past `length` bytes. Raises `Truncated`."""
        for _ in self.pieces(length):
            pass

    def peek(self, length: int) -> bytes:
        """Return up to `length` of the next bytes without taking them; fewer only at the end of the stream."""
        held = bytes(self._rest)
        while len(held) < length and (piece := next(self._pieces, None)) is not None:
            held += piece
        self._rest = memoryview(held)
        return held[:length]

    def remaining(self) -> Iterator[memoryview]:
        """Yield everything that is left."""
        while self._rest or self._refill():
            piece, self._rest = self._rest, memoryview(b"")
            self.taken += len(piece)
            yield piece

    def _refill(self) -> bool:
        for piece in self._pieces:
            if piece:
                self._rest = memoryview(piece)
                return True
        return False
