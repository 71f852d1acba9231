"""Connections to one checked address that still speak to the original name, and that can be cut from another thread."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPResponse
from threading import Event, Lock
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from stacsync.errors import Stopped

DRAINED = 64 * 1024
"""Bytes of an uninteresting body that are read so that its connection can be used again."""


class Waiting:
    """The sockets that threads are blocked on; a read that lasts a minute must not keep the process from stopping."""

    def __init__(self) -> None:
        self._interrupted = Event()
        self._lock = Lock()
        self._sockets: set[socket.socket] = set()

    def add(self, line: socket.socket) -> None:
        """Remember that somebody waits on `line`. Raises `Stopped` after `interrupt`."""
        with self._lock:
            self.raise_if_interrupted()
            self._sockets.add(line)

    def discard(self, line: socket.socket | None) -> None:
        """Forget `line`."""
        with self._lock:
            self._sockets.discard(line)

    def interrupt(self) -> None:
        """Cut all lines, now and from now on."""
        with self._lock:
            self._interrupted.set()
            for line in self._sockets:
                with suppress(OSError):
                    # The plain socket's method: TLS must not tidy up under the thread that reads.
                    socket.socket.shutdown(line, socket.SHUT_RDWR)

    @property
    def interrupted(self) -> bool:
        """Say whether `interrupt` was called."""
        return self._interrupted.is_set()

    def raise_if_interrupted(self) -> None:
        """Raise `Stopped` after `interrupt`."""
        if self.interrupted:
            raise Stopped("asked to stop while an asset was being read")

    def request(
        self,
        pool: urllib3.HTTPConnectionPool,
        method: str,
        target: str,
        headers: Mapping[str, str],
        timeout: urllib3.Timeout,
    ) -> Line:
        """Send a request and return the line once the head of the answer is there. Raises urllib3's errors or `Stopped`."""
        self.raise_if_interrupted()
        try:
            response = pool.urlopen(
                method,
                target,
                headers=headers,
                timeout=timeout,
                redirect=False,
                retries=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
            )
        except Exception:
            self.raise_if_interrupted()
            raise
        return Line(response, self)


@dataclass(frozen=True, slots=True)
class Line:
    """An answer on its connection."""

    response: urllib3.BaseHTTPResponse
    waiting: Waiting

    def read_into(self, buffer: memoryview) -> int:
        """Fill the beginning of `buffer` with what is there; 0 at the end. Raises urllib3's errors and those below them."""
        answer: _Answer = self.response.stacsync_answer  # type: ignore[attr-defined]  # set by `_Watched`
        count = answer.read_into(buffer)
        if self.response.length_remaining is not None:
            self.response.length_remaining -= count
        if not count:
            self._let_go()  # before another thread gets this connection and waits on it
            self.response.read1(1)  # checks that nothing is missing, and gives the connection back
        return count

    def close(self) -> None:
        """Give the connection back if the answer was read to its end, else drop it."""
        self._let_go()
        self.response.close()

    def drain(self) -> None:
        """Give the connection back after a short answer that nobody reads."""
        length = self.response.headers.get("Content-Length", "")
        if length.isdigit() and int(length) <= DRAINED:
            self._let_go()
            self.response.drain_conn()
        self.close()

    def _let_go(self) -> None:
        line: socket.socket | None = self.response.__dict__.pop("stacsync_socket", None)
        self.waiting.discard(line)


def pinned_pool(
    address: str, port: int, host: str, context: ssl.SSLContext | None, connections: int, waiting: Waiting
) -> urllib3.HTTPConnectionPool:
    """Return a pool of connections to `address` that asks for `host`; TLS when there is a `context`."""
    pool: urllib3.HTTPConnectionPool
    if context is None:
        pool = urllib3.HTTPConnectionPool(address, port, maxsize=connections)
        pool.ConnectionCls = partial(_Watched, waiting=waiting)  # type: ignore[assignment]  # called like a class
    else:
        pool = urllib3.HTTPSConnectionPool(
            address, port, maxsize=connections, ssl_context=context, server_hostname=host
        )
        pool.ConnectionCls = partial(_WatchedTls, waiting=waiting)  # type: ignore[assignment]  # called like a class
    return pool


class _Answer(HTTPResponse):
    """An answer whose bytes go from the socket straight into the reader's buffer."""

    def read_into(self, buffer: memoryview) -> int:
        """Fill the beginning of `buffer` with what is there, like `read1`."""
        if self.fp is None or self.chunked:
            data = self.read1(len(buffer))
            buffer[: len(data)] = data
            return len(data)
        if self.length is not None:
            buffer = buffer[: self.length]
        count = self.fp.readinto1(buffer)
        if self.length is not None:
            self.length -= count
        return count


class _Watched(HTTPConnection):
    """A connection whose socket is known to `Waiting` from the request on until its answer is closed."""

    def __init__(self, *args: Any, waiting: Waiting, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting = waiting

    def response_class(self, *args: Any, **kwargs: Any) -> _Answer:  # type: ignore[override]  # called like a class
        """Make the answer, and remember it."""
        self._answer = _Answer(*args, **kwargs)
        return self._answer

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]  # as urllib3 itself does
        line: socket.socket = self.sock
        self._waiting.add(line)
        try:
            response = super().getresponse()
        except BaseException:
            self._waiting.discard(line)
            raise
        if self._answer.length is None and not self._answer.chunked:
            self._answer.length = response.length_remaining  # urllib3 reads headers that http.client does not
        response.stacsync_socket = line  # type: ignore[attr-defined]  # ours, for `Line.close`
        response.stacsync_answer = self._answer  # type: ignore[attr-defined]  # ours, for `Line.read_into`
        return response


class _WatchedTls(_Watched, HTTPSConnection):
    """The same over TLS."""
