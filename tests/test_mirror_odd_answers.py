"""Answers that are odd on the wire: each is a script of bytes over a real socket, and the file is whole or not taken."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread

import pytest
from stacsync.errors import TransferFailed
from stacsync.http.fetch import Fetcher
from stacsync.http.poured import in_pieces
from stacsync.mirror.feed import Hope, Patience
from stacsync.mirror.remote import RemoteFeed
from stacsync.provider import Signed

BODY = bytes(number % 251 for number in range(1000))
Script = Callable[[socket.socket, int], None]
"""(line, which request it is): says the answer."""


@contextmanager
def answering(script: Script) -> Iterator[tuple[str, list[bytes]]]:
    """Answer one request per connection; yield where, and the heads of what was asked."""
    listener = socket.create_server(("127.0.0.1", 0))
    asked: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            with line, suppress(OSError):
                asked.append(line.recv(65536))
                script(line, len(asked))

    thread = Thread(target=serve, daemon=True)
    thread.start()
    yield f"127.0.0.1:{listener.getsockname()[1]}", asked
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


@contextmanager
def feed_of(place: str, stated: int | None = None, patience: float = 5.0) -> Iterator[RemoteFeed]:
    fetcher = Fetcher(frozenset({place}), read_timeout=patience)
    feed = RemoteFeed(
        fetcher,
        lambda _fresh: Signed(url=f"http://{place}/x"),
        Patience(lambda _seconds: None, Hope()),
        ceiling=1 << 30,
        stated_size=stated,
        tell=lambda _count: None,
    )
    try:
        yield feed
    finally:
        feed.close()
        fetcher.close()


def head(status: str, *lines: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", 'ETag: "a"', "Connection: close", *lines, "", ""]).encode()


def test_a_whole_body_whose_end_came_slowly_is_whole() -> None:
    """Bytes that complete a file are taken, even if they came at a pace that is given up otherwise; nothing is asked again."""

    def slow(line: socket.socket, _number: int) -> None:
        line.sendall(head("200 OK", f"Content-Length: {len(BODY)}") + BODY[:500])
        time.sleep(0.7)
        line.sendall(BODY[500:900])
        time.sleep(0.5)
        line.sendall(BODY[900:])

    with answering(slow) as (place, asked), feed_of(place, patience=1.0) as feed:
        feed.open()
        assert b"".join(in_pieces(feed.read_into, len(BODY) + 1)) == BODY
        assert len(asked) == 1


def test_a_length_told_twice_ends_the_body() -> None:
    """`Content-Length: n, n` is what some proxies make of it: the body ends after n bytes, not with the next silence."""

    def twice(line: socket.socket, _number: int) -> None:
        line.sendall(head("200 OK", f"Content-Length: {len(BODY)}, {len(BODY)}") + BODY)
        with suppress(OSError):
            line.recv(1)  # the line stays open

    with answering(twice) as (place, asked), feed_of(place) as feed:
        feed.open()
        assert b"".join(in_pieces(feed.read_into)) == BODY
        assert len(asked) == 1


def test_a_rest_that_is_cut_short_is_noticed() -> None:
    """A file of untold length breaks off; its rest tells the total and ends too early without a word: it is asked for on."""

    def cut(line: socket.socket, number: int) -> None:
        if number == 1:
            line.sendall(head("200 OK", "Transfer-Encoding: chunked") + b"190\r\n" + BODY[:400] + b"\r\n")
        elif number == 2:
            line.sendall(head("206 Partial", f"Content-Range: bytes 400-999/{len(BODY)}") + BODY[400:700])
        else:
            line.sendall(head("206 Partial", f"Content-Range: bytes 700-999/{len(BODY)}") + BODY[700:])

    with answering(cut) as (place, asked), feed_of(place) as feed:
        feed.open()
        assert b"".join(in_pieces(feed.read_into)) == BODY
        assert feed.size == len(BODY)
        assert [b"Range: bytes=%d-" % start in one for one, start in zip(asked[1:], (400, 700), strict=True)] == [
            True
        ] * 2


def test_a_cut_rest_of_a_stated_size_is_never_whole() -> None:
    """Where nothing but the end of the connection ends a body, the size that the provider stated has to be reached."""

    def cut(line: socket.socket, _number: int) -> None:
        line.sendall(head("200 OK") + BODY[:300])

    with answering(cut) as (place, _), feed_of(place, stated=len(BODY)) as feed:
        feed.open()
        with pytest.raises(TransferFailed, match="300 of 1000"):
            list(in_pieces(feed.read_into))


def test_reading_past_what_is_known_takes_no_longer_for_little_room() -> None:
    """A host that ignores Range sends all again: it is read past in large steps, however little room the reader has left."""
    size = 4 << 20

    def ignoring(line: socket.socket, number: int) -> None:
        sent = size if number > 1 else size - 10
        line.sendall(head("200 OK", f"Content-Length: {size}") + bytes(sent))

    with answering(ignoring) as (place, _), feed_of(place) as feed:
        feed.open()
        room, steps = memoryview(bytearray(size + 1)), 0
        filled = 0
        while count := feed.read_into(room[filled:]):
            filled += count
            steps += 1
        assert filled == size
        assert steps < 1000
