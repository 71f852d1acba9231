"""Bytes go from hand to hand in buffers that whoever reads them owns: `read_into(buffer)` fills its beginning.

That is how a socket gives them, so nothing is copied that need not be. Streams that come in pieces of their own are
poured into such buffers, and whoever wants pieces gets them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

ReadInto = Callable[[memoryview], int]
"""Fills the beginning of a buffer with the next bytes; returns how many, 0 at the end only."""
PIECE = 1024 * 1024


class Poured:
    """A stream of pieces, read into buffers."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def read_into(self, buffer: memoryview) -> int:
        """Fill the beginning of `buffer`; 0 at the end. Raises what the stream raises."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def in_pieces(read_into: ReadInto, size: int = PIECE) -> Iterator[bytes]:
    """Yield what `read_into` gives, up to `size` bytes at a time."""
    buffer = memoryview(bytearray(size))
    while count := read_into(buffer):
        yield bytes(buffer[:count])
