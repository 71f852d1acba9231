"""Unpacks gzip from a stream in bounded pieces, and notices bombs by what really came out."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

from stacsync.errors import JobUnusable
from stacsync.mirror.archive.pull import Truncated

MAGIC = b"\x1f\x8b"
PIECE = 256 * 1024


class Engine(Protocol):
    """What `zlib.decompressobj` returns; its type has no public name."""

    @property
    def eof(self) -> bool:
        """Say whether the end of a gzip member was reached."""
        ...

    @property
    def unused_data(self) -> bytes:
        """Return what came after the end."""
        ...

    @property
    def unconsumed_tail(self) -> bytes:
        """Return what was not looked at yet."""
        ...

    def decompress(self, data: bytes, /, max_length: int = 0) -> bytes:
        """Return up to `max_length` bytes."""
        ...


class Ratio:
    """Compares bytes out with bytes in; 1 KiB can become 1 MiB, and nobody's images do."""

    def __init__(self, most: int, looked_at_from: int) -> None:
        self._most = most
        self._from = looked_at_from
        self.bytes_in = 0
        self.bytes_out = 0

    def check(self, bytes_in: int, bytes_out: int) -> None:
        """Count. Raises `JobUnusable` for an archive that grows beyond measure."""
        self.bytes_in += bytes_in
        self.bytes_out += bytes_out
        if self.bytes_out > self._from and self.bytes_out > self._most * max(1, self.bytes_in):
            raise JobUnusable(
                f"the archive grows more than {self._most} times when unpacked: it looks like a bomb",
                "look at the package by hand; if it is meant, exclude the job and publish its files otherwise",
            )


def gunzip(pieces: Iterable[bytes | memoryview], ratio: Ratio) -> Iterator[bytes]:
    """Yield what is inside, over all members of the gzip stream. Raises `JobUnusable`, `Truncated`."""
    engine = _engine()
    touched = False
    for piece in pieces:
        ratio.check(len(piece), 0)
        pending, more = bytes(piece), bool(piece)
        while more:
            if engine.eof:
                pending = pending.lstrip(b"\0")
                if not pending:
                    break
                engine = _engine()
            touched = True
            out = _decompress(engine, pending)
            ratio.check(0, len(out))
            pending = engine.unused_data if engine.eof else engine.unconsumed_tail
            more = bool(pending) or len(out) == PIECE
            if out:
                yield out
    if not touched or not engine.eof:
        raise Truncated("the archive's gzip stream ends too early: it is truncated")


def first_bytes(head: bytes, length: int) -> bytes:
    """Return the first bytes inside a gzip stream that begins with `head`; what can be had, without an error."""
    try:
        return _engine().decompress(head, length)
    except zlib.error:
        return b""


def _engine() -> Engine:
    return zlib.decompressobj(zlib.MAX_WBITS | 16)


def _decompress(engine: Engine, data: bytes) -> bytes:
    try:
        return engine.decompress(data, PIECE)
    except zlib.error as error:
        raise JobUnusable("the archive's gzip compression is broken") from error
