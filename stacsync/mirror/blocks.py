"""Buffers for the parts of uploads, used again and again: making one and letting it go costs as much as filling it."""

from __future__ import annotations

from threading import Lock


class Block:
    """A buffer lent to one owner at a time; whoever holds it last gives it back."""

    def __init__(self, blocks: Blocks, data: bytearray) -> None:
        self._blocks = blocks
        self.data = data

    def give_back(self) -> None:
        """Let others have the buffer; a second call does nothing. Nobody may touch `data` afterwards."""
        data, self.data = self.data, bytearray()
        if data:
            self._blocks.returned(data)


class Blocks:
    """Lends buffers; those of `size` bytes are kept as long as any is in use, so that a service at rest holds none."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = Lock()
        self._free: list[bytearray] = []
        self._lent = 0

    def take(self, size: int | None = None) -> Block:
        """Return a buffer with anything in it; one of another size than usual is made for this use alone."""
        if size is not None and size != self._size:
            return Block(self, bytearray(size))
        with self._lock:
            self._lent += 1
            data = self._free.pop() if self._free else None
        return Block(self, data or bytearray(self._size))

    def returned(self, data: bytearray) -> None:
        """Have a buffer back; called by `Block`."""
        if len(data) != self._size:
            return
        with self._lock:
            self._lent -= 1
            self._free.append(data)
            if not self._lent:
                self._free.clear()
