"""One answer of the data plane: its size, its validator and its bytes, decoded and checked to be whole."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from stacsync.errors import TransferFailed
from stacsync.http.poured import PIECE, ReadInto

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_DECODED = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
_GZIP = b"\x1f\x8b"
_PLAIN = frozenset({"", "identity", "aws-chunked"})
"""Codings that change no byte; `aws-chunked` is what some stores leave over from an upload."""


class FetchRefused(TransferFailed):
    """The host refuses this very request: a fresh address may work (400, 401, 403, 404, 410), or other bytes (416)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class FetchInterrupted(TransferFailed):
    """A trouble that may pass by itself: a dropped connection, a stall, 429, 5xx."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """An open answer. Read it to its end, or call `close`."""

    status: int
    """200 whole, 206 from `start` on, 304 unchanged."""
    start: int
    """The first byte that `read_into` gives."""
    size: int | None
    """Bytes of the whole object, None when the host does not say (or sends it compressed)."""
    validator: str | None
    """A strong ETag (with its quotes) or a Last-Modified date, to continue with; None when there is neither."""
    delimited: bool
    """False when nothing but the end of the connection marks the end of the body."""
    filename: str | None
    """What the host calls it, from Content-Disposition; foreign text."""
    read_into: ReadInto
    """The bytes; raises `FetchInterrupted` when they end too early."""
    close: Callable[[], None]


def start_and_size(status: int, headers: Mapping[str, str]) -> tuple[int, int | None]:
    """Return the first byte of an answer and the size of the whole object, as its headers say."""
    if status == 206:
        match = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
        if match is None:
            raise TransferFailed("a host answers 206 without saying which bytes it sends")
        return int(match[1]), None if match[3] == "*" else int(match[3])
    length = headers.get("Content-Length", "")
    return 0, int(length) if length.isascii() and length.isdigit() else None


def delimited(headers: Mapping[str, str]) -> bool:
    """Say whether something else than the end of the connection marks the end of the body."""
    return headers.get("Content-Length") is not None or headers.get("Transfer-Encoding") is not None


def validator(headers: Mapping[str, str]) -> str | None:
    """Return what an If-Range header may hold for this answer: a strong ETag, else the date, else None (RFC 9110 §13.1.5)."""
    etag = headers.get("ETag", "").strip()
    if len(etag) > 2 and etag.startswith('"') and etag.endswith('"'):
        return etag
    return headers.get("Last-Modified", "").strip() or None


def coding(headers: Mapping[str, str]) -> str:
    """Return how the body is compressed although we asked for no compression; "" when it is not.

    Raises `TransferFailed` when its bytes cannot be had back.
    """
    transfer = headers.get("Transfer-Encoding", "").strip().lower()
    if transfer not in ("", "chunked", "identity"):
        raise TransferFailed(f"a host sends an asset in the transfer coding {transfer[:40]!r}, which was not asked for")
    name = headers.get("Content-Encoding", "").strip().lower()
    if name in _PLAIN:
        return ""
    if name in _DECODED:
        return name
    raise TransferFailed(
        f"a host sends an asset in the coding {name[:40]!r}, which was not asked for and cannot be undone"
    )


def decoded(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Yield the bytes behind the coding `name`, never more than a chunk at once.

    A gzip body may have several members (RFC 1952 §2.2); what else follows its end is no part of it.
    """
    engine = zlib.decompressobj(_DECODED[name])
    beyond = b""
    for chunk in chunks:
        pending, more = beyond + chunk, True
        while more:
            if engine.eof:
                beyond = pending[:2]
                if name == "deflate" or beyond != _GZIP:
                    break
                engine, beyond = zlib.decompressobj(_DECODED[name]), b""
            try:
                piece = engine.decompress(pending, PIECE)
            except zlib.error as error:
                raise TransferFailed("a host sends an asset compressed, and the compression is broken") from error
            pending = engine.unused_data if engine.eof else engine.unconsumed_tail
            more = engine.eof or bool(pending) or len(piece) == PIECE
            yield piece
    if not engine.eof:
        raise FetchInterrupted("the compressed body ended too early")


def filename(headers: Mapping[str, str]) -> str | None:
    """Return the plain file name of a Content-Disposition header, if there is one."""
    match = re.search(r'filename="?([^";]+)"?', headers.get("Content-Disposition", ""))
    return match[1].strip() if match else None
