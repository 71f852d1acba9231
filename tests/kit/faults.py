"""An HTTP server on a real socket that serves files with ranges and validators, and that can be told to misbehave.

A path holds a `File`; `fail` queues faults that are used up one per request before the file is served well again.
Every request is kept, headers and all, so that a test can say what was asked for and what was not.
"""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
import struct
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Self, cast
from urllib.parse import urlsplit

EXPIRED = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>'


@dataclass(frozen=True)
class File:
    """What a path serves."""

    body: bytes
    etag: str | None = None
    """With quotes; "" for none; None: made from the body."""
    ranges: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    size_told: bool = True
    """False: the end of the connection ends the body."""

    @property
    def tag(self) -> str:
        return f'"{hashlib.md5(self.body).hexdigest()}"' if self.etag is None else self.etag


@dataclass(frozen=True)
class Fault:
    """One way to misbehave."""

    status: int | None = None
    """Answer this status, with `body` and `headers`, instead of the file."""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    reset_after: int | None = None
    """Send so many bytes of the body, then reset the connection."""
    close_after: int | None = None
    """Send so many bytes of the body, then end the connection as if all was well."""
    drip: float = 0.0
    """Seconds between single bytes of the body."""
    drip_after: int = 0
    """Bytes of the body that come at full speed before that."""
    silent: float = 0.0
    """Seconds of silence before the head of the answer."""


@dataclass(frozen=True)
class Seen:
    """A request as it came in; header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]


class FaultServer:
    """See the module. `place` is its "host:port"."""

    def __init__(self, address: str = "127.0.0.1", context: ssl.SSLContext | None = None) -> None:
        self.files: dict[str, File] = {}
        self.seen: list[Seen] = []
        self.sent = 0
        """Bytes of bodies that were sent."""
        self._faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._lock = Lock()
        self._server = _Server((address, 0), _Handler)
        self._server.daemon_threads = True
        self._server.faults = self  # type: ignore[attr-defined]  # for the handler
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.scheme = "http" if context is None else "https"
        self.port = int(self._server.server_address[1])
        self.place = f"{address}:{self.port}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def url(self, path: str, host: str | None = None) -> str:
        """Return the address of `path`."""
        return f"{self.scheme}://{host or self.place}{path}"

    def fail(self, path: str, *faults: Fault) -> None:
        """Let the next requests of `path` go wrong."""
        with self._lock:
            self._faults[path].extend(faults)

    def next_fault(self, path: str) -> Fault | None:
        with self._lock:
            return self._faults[path].popleft() if self._faults[path] else None

    def note(self, seen: Seen) -> None:
        with self._lock:
            self.seen.append(seen)

    def count(self, sent: int) -> None:
        with self._lock:
            self.sent += sent

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is what many tests are about."""
        del request, client_address


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 64 * 1024

    @property
    def _faults(self) -> FaultServer:
        return cast("FaultServer", cast("Any", self.server).faults)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._faults.note(Seen(self.command, parts.path, parts.query, headers))
        fault = self._faults.next_fault(parts.path) or Fault()
        if fault.silent:
            time.sleep(fault.silent)
        if fault.status is not None:
            self._answer(fault.status, fault.body, dict(fault.headers), fault)
        elif (file := self._faults.files.get(parts.path)) is not None:
            self._serve(file, headers, fault)
        else:
            self._answer(404, b"not here", {}, fault)

    def _serve(self, file: File, headers: Mapping[str, str], fault: Fault) -> None:
        answer = dict(file.headers) | ({"ETag": file.tag} if file.tag else {})
        asked = re.fullmatch(r"bytes=(\d+)-", headers.get("range", ""))
        if file.tag and headers.get("if-none-match") == file.tag:
            self._answer(304, b"", answer, fault, length=False)
            return
        if asked and file.ranges and headers.get("if-range", file.tag) == file.tag:
            start = int(asked[1])
            if start >= len(file.body):
                self._answer(416, b"", {"Content-Range": f"bytes */{len(file.body)}"}, fault)
                return
            answer["Content-Range"] = f"bytes {start}-{len(file.body) - 1}/{len(file.body)}"
            self._answer(206, file.body[start:], answer, fault)
            return
        self._answer(200, file.body, answer, fault, length=file.size_told)

    def _answer(self, status: int, body: bytes, headers: dict[str, str], fault: Fault, *, length: bool = True) -> None:
        self.send_response(status)
        if length:
            self.send_header("Content-Length", str(len(body)))
        elif status != 304:
            self.send_header("Connection", "close")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self._send(body, fault)
        except OSError:
            self.close_connection = True

    def _send(self, body: bytes, fault: Fault) -> None:
        wished = next((at for at in (fault.reset_after, fault.close_after) if at is not None), len(body))
        cut = min(wished, len(body))
        start = 0
        while start < cut:
            dripping = fault.drip > 0 and start >= fault.drip_after
            piece = body[start : min(start + (1 if dripping else 64 * 1024), cut)]
            start += len(piece)
            self.wfile.write(piece)
            self._faults.count(len(piece))
            if dripping:
                self.wfile.flush()
                time.sleep(fault.drip)
        self.wfile.flush()
        if fault.reset_after is not None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        if cut < len(body) or fault.reset_after is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is the base class's
        del format, args


@contextmanager
def faulty(files: Mapping[str, bytes] | None = None) -> Iterator[FaultServer]:
    """Serve `files` by path for as long as the block runs."""
    with FaultServer() as server:
        server.files.update({path: File(body) for path, body in (files or {}).items()})
        yield server
