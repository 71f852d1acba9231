"""Cuts a stream into the parts of a resumable upload, with a bounded number of them on their way to the store.

Each upload fills one buffer of its own. As long as the process as a whole has buffers to spare, a full part is sent by
a helper thread while the next is read; otherwise the reader sends it itself. So many large assets at once need no more
memory than (transfers + spare) parts, and none of them ever waits for another.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Executor, Future
from contextlib import suppress
from threading import BoundedSemaphore

from stacsync.errors import StacsyncError
from stacsync.storage import Upload

MOST_ON_THE_WAY = 2


class Spare:
    """Buffers that all uploads share, and the threads that send them."""

    def __init__(self, helpers: Executor, count: int) -> None:
        self._helpers = helpers
        self._free = BoundedSemaphore(count) if count else None

    def send(self, upload: Upload, number: int, data: memoryview) -> Future[None] | None:
        """Send a part from another thread; None when there is no buffer to spare."""
        if self._free is None or not self._free.acquire(blocking=False):
            return None
        free = self._free

        def put() -> None:
            try:
                upload.put_part(number, data)
            finally:
                free.release()

        return self._helpers.submit(put)


class Parts:
    """Writes bytes to an upload, from part `first` on."""

    def __init__(self, upload: Upload, spare: Spare, first: int = 1) -> None:
        self._upload = upload
        self._spare = spare
        self._number = first
        self._buffer = bytearray(upload.part_size)
        self._filled = 0
        self._on_the_way: deque[Future[None]] = deque()

    def write(self, chunk: bytes) -> None:
        """Add bytes; sends a part whenever one is full. Raises `StorageError`, also for a part sent earlier."""
        rest = memoryview(chunk)
        while rest:
            piece = rest[: len(self._buffer) - self._filled]
            self._buffer[self._filled : self._filled + len(piece)] = piece
            self._filled += len(piece)
            rest = rest[len(piece) :]
            if self._filled == len(self._buffer):
                self._send()

    def finish(self) -> None:
        """Send what is left and wait until every part arrived. Raises `StorageError`."""
        if self._filled:
            self._send()
        while self._on_the_way:
            self._on_the_way.popleft().result()

    def give_up(self) -> None:
        """Wait for the parts on their way, whatever comes of them."""
        while self._on_the_way:
            with suppress(StacsyncError):
                self._on_the_way.popleft().result()

    def _send(self) -> None:
        while len(self._on_the_way) >= MOST_ON_THE_WAY:
            self._on_the_way.popleft().result()
        data = memoryview(self._buffer)[: self._filled]
        sent = self._spare.send(self._upload, self._number, data)
        if sent is None:
            self._upload.put_part(self._number, data)
        else:
            self._on_the_way.append(sent)
            self._buffer = bytearray(len(self._buffer))
        self._number += 1
        self._filled = 0
