"""Cuts a stream into the parts of a resumable upload, with a bounded number of them on their way to the store.

Each upload fills one block of its own. As long as the process as a whole has blocks to spare, a full one is sent by
a helper thread while the next is read; otherwise the reader sends it itself. So many large assets at once need no more
memory than (transfers + spare) parts, and none of them ever waits for another.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Executor, Future
from contextlib import suppress
from threading import BoundedSemaphore

from stacsync.mirror.blocks import Block, Blocks
from stacsync.storage import Upload

MOST_ON_THE_WAY = 2
PIECE = 1024 * 1024
"""Bytes read at once: few enough that they are still in the processor's cache when they are hashed."""


class Spare:
    """Blocks that all uploads share, and the threads that send them."""

    def __init__(self, helpers: Executor, count: int, blocks: Blocks) -> None:
        self._helpers = helpers
        self._free = BoundedSemaphore(count) if count else None
        self.blocks = blocks

    def send(self, upload: Upload, number: int, block: Block) -> Future[None] | None:
        """Send a whole block from another thread and give it back; None when there is no other to go on with."""
        if self._free is None or not self._free.acquire(blocking=False):
            return None
        free = self._free

        def put() -> None:
            try:
                upload.put_part(number, block.data)
            finally:
                block.give_back()
                free.release()

        return self._helpers.submit(put)


class Parts:
    """Takes the bytes of an upload, from part `first` on; `block` is to be filled, and holds so many bytes already."""

    def __init__(self, upload: Upload, spare: Spare, first: int, block: Block, filled: int = 0) -> None:
        self._upload = upload
        self._spare = spare
        self._number = first
        self._block = block
        self._filled = filled
        self._on_the_way: deque[Future[None]] = deque()

    def room(self) -> memoryview:
        """Return where the next bytes go. Sends a part whenever one is full.

        Raises `StorageError`, also for a part sent earlier.
        """
        if self._filled == len(self._block.data):
            self._send()
        return memoryview(self._block.data)[self._filled : self._filled + PIECE]

    def add(self, count: int) -> None:
        """Note that so many bytes were put into `room`."""
        self._filled += count

    def finish(self) -> None:
        """Send what is left and wait until every part arrived. Raises `StorageError`."""
        if self._filled:
            self._upload.put_part(self._number, memoryview(self._block.data)[: self._filled])
        while self._on_the_way:
            self._on_the_way.popleft().result()
        self._block.give_back()

    def give_up(self) -> None:
        """Wait for the parts on their way, whatever comes of them."""
        while self._on_the_way:
            with suppress(Exception):  # there is a reason already why it is given up
                self._on_the_way.popleft().result()
        self._block.give_back()

    def _send(self) -> None:
        while len(self._on_the_way) >= MOST_ON_THE_WAY:
            self._on_the_way.popleft().result()
        sent = self._spare.send(self._upload, self._number, self._block)
        if sent is None:
            self._upload.put_part(self._number, self._block.data)
        else:
            self._on_the_way.append(sent)
            self._block = self._spare.blocks.take(self._upload.part_size)
        self._number += 1
        self._filled = 0
