"""A stream on its way to S3: counted, and blamed for what breaks it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from stacsync.errors import StorageError
from stacsync.storage.contract import PART_SIZE

PARTS_LIMIT = 10_000
"""S3 joins no more parts than these."""


class Counted:
    """The pieces of a stream, counted; keeps the error that broke it, so that it comes out as itself."""

    def __init__(self, chunks: Iterable[bytes], url: str) -> None:
        self._begun: deque[bytes] = deque()
        self._rest = iter(chunks)
        self._url = url
        self.size = 0
        self.failure: BaseException | None = None

    def begin(self, limit: int) -> bytes | None:
        """Read until more than `limit` bytes came; return the whole stream when it ends before, else None."""
        size = 0
        for piece in self._rest:
            self._begun.append(piece)
            size += len(piece)
            if size > limit:
                return None
        return b"".join(self._begun)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            piece = self._begun.popleft() if self._begun else next(self._rest)
        except StopIteration:
            raise
        except BaseException as error:
            self.failure = error
            raise
        self.size += len(piece)
        if self.size > PART_SIZE * PARTS_LIMIT:
            told = f"{self._url}: the stream is longer than {PARTS_LIMIT} parts"
            self.failure = StorageError(told, "lower mirror.max_asset_size")
            raise self.failure
        return piece
