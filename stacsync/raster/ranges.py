"""An object of the store as a file to seek in, read by ranges."""

from __future__ import annotations

import io
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
        self._blocks: dict[int, bytes] = {}

    def again(self, most_blocks: int | None = None) -> RangeFile:
        """Return another handle at the start of the same file: what either reads, both have."""
        other = RangeFile(self._store, self._key, self._size, self._most if most_blocks is None else most_blocks)
        other._blocks = self._blocks
        return other

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
        """Fill `buffer` as far as the file reaches; what is missing of it comes in one request."""
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        first, last = self._at // BLOCK, (self._at + wanted - 1) // BLOCK
        self._fetch([number for number in range(first, last + 1) if number not in self._blocks])
        data = b"".join(self._blocks[number] for number in range(first, last + 1))
        offset = self._at - first * BLOCK
        data = data[offset : offset + wanted]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _fetch(self, missing: list[int]) -> None:
        if not missing:
            return
        if len(self._blocks) + len(missing) > self._most:
            raise TooMuch(f"more than {self._most * BLOCK} bytes of {self.name} are asked for")
        start = missing[0] * BLOCK
        data = self._store.get_range(self._key, start, min((missing[-1] + 1) * BLOCK, self._size) - start)
        for number in missing:
            self._blocks[number] = data[number * BLOCK - start : (number + 1) * BLOCK - start]
