"""An object of the store as a file to seek in, read by ranges."""

from __future__ import annotations

import io
from collections import OrderedDict
from typing import Protocol

BLOCK = 64 * 1024
MOST_BLOCKS = 64
"""Blocks read of one file before it is given up, 4 MiB: a header that needs more is broken or hostile."""


class Ranges(Protocol):
    """What is needed of a store."""

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return up to `length` bytes from `start`."""
        ...


class TooMuch(OSError):
    """A header asks for more of the file than any sound one does."""


class RangeFile(io.RawIOBase):
    """A readable, seekable file over `key` of `store`; raises `TooMuch` after `MOST_BLOCKS` blocks."""

    def __init__(self, store: Ranges, key: str, size: int, most_blocks: int = MOST_BLOCKS) -> None:
        """Read nothing yet; `size` is the object's size in bytes."""
        super().__init__()
        self.name = key.rsplit("/", 1)[-1]
        self._store = store
        self._key = key
        self._size = size
        self._most = most_blocks
        self._at = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place of the file, counted in bytes; return it."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise OSError("before the start of the file")
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        """Return the place in the file, in bytes."""
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer is 3.12
        """Fill `buffer` as far as the current block reaches."""
        if self._at >= self._size:
            return 0
        number, offset = divmod(self._at, BLOCK)
        data = self._block(number)[offset : offset + len(buffer)]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            if len(self._blocks) >= self._most:
                raise TooMuch(f"more than {self._most * BLOCK} bytes of {self.name} are asked for")
            self._blocks[number] = self._store.get_range(
                self._key, number * BLOCK, min(BLOCK, self._size - number * BLOCK)
            )
        return self._blocks[number]
