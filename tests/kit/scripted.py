"""A server that answers what a test tells it to, on a real socket."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from time import sleep

import orjson


@dataclass(frozen=True)
class Asked:
    """A request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What to answer; `cut` closes the connection after so many bytes of the body, `slow` waits before each byte."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    slow: float = 0.0


def reply(document: object = None, status: int = 200, **headers: str) -> Reply:
    """Return a JSON answer; underscores in header names become dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, orjson.dumps(document), {"Content-Type": "application/json", **named})


class Script:
    """Answers come from `answer` if it is set, else one after the other from `replies`; the last one is repeated."""

    def __init__(self) -> None:
        self.replies: list[Reply] = [reply({})]
        self.answer: Callable[[Asked], Reply] | None = None
        self.asked: list[Asked] = []
        self.url = ""
        self._lock = Lock()

    def next(self, asked: Asked) -> Reply:
        """Return the answer to a request."""
        with self._lock:
            self.asked.append(asked)
            if self.answer is not None:
                return self.answer(asked)
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@contextmanager
def serving() -> Iterator[Script]:
    """Serve a script on a free port until the end of the block."""
    script = Script()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            found = script.next(Asked(self.command, self.path, headers, body))
            self.send_response(found.status)
            for name, value in {"Content-Length": str(len(found.body)), **found.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(ConnectionError):
                self._write(found)

        def _write(self, found: Reply) -> None:
            if found.slow:
                for byte in found.body:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    sleep(found.slow)
                return
            self.wfile.write(found.body[: found.cut])
            if found.cut is not None:
                self.wfile.flush()
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    script.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
