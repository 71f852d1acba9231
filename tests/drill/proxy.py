"""A proxy before a real S3 server or a provider: passes everything on, and misbehaves as it is told."""

from __future__ import annotations

import http.client
import re
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Self
from urllib.parse import urlsplit

HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
FOREVER = 10**9


@dataclass(frozen=True)
class Answer:
    """What a server said, or what is said in its place."""

    status: int
    headers: dict[str, str]
    body: bytes
    asked: str = ""
    """The address that was asked, at the proxy."""


@dataclass
class Trouble:
    """What happens to some requests."""

    method: str = "."
    path: str = "."
    """Both are searched for, as regular expressions."""
    times: int = 1
    after: int = 0
    """So many of these requests come through first."""
    status: int = 0
    code: str = ""
    """Answer so, as S3 does, without asking the server."""
    lose_request: bool = False
    """Reset the connection before the server is asked."""
    lose_answer: bool = False
    """Ask the server, then reset the connection: it is done, and nobody knows."""
    truncate: bool = False
    """Send half of the body under the right Content-Length."""
    reset_after: int | None = None
    """Reset the connection after so many bytes of the body."""
    stall: float = 0.0
    """Be silent for so many seconds, then hang up."""
    drip: float = 0.0
    """Seconds between pieces of the body, of which there are fifty."""
    change: Callable[[Answer], Answer] | None = None
    """Say something else in place of the server's answer."""
    only: Callable[[dict[str, str]], bool] = lambda _: True

    def takes(self, method: str, path: str, headers: dict[str, str]) -> bool:
        if not (re.search(self.method, method) and re.search(self.path, path) and self.only(headers)):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.times -= 1
        return self.times >= 0


class Proxy:
    """See the module; `troubles` may be changed at any time."""

    def __init__(self, upstream: str, *, rewrite: bool = False) -> None:
        """With `rewrite`, JSON and redirects that name the server name the proxy, so that all goes through it."""
        self.upstream = urlsplit(upstream).netloc
        self.rewrite = rewrite
        self.troubles: list[Trouble] = []
        self.deaf_to_conditions = False
        """The server never hears If-Match and If-None-Match of writes."""
        self.asked: list[tuple[str, str, int]] = []
        self.lock = Lock()
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def trouble(self, method: str, path: str, headers: dict[str, str]) -> Trouble | None:
        with self.lock:
            return next((one for one in self.troubles if one.takes(method, path, headers)), None)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is part of the drill."""
        del request, client_address


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy
    protocol_version = "HTTP/1.1"
    wbufsize = 64 * 1024

    def _serve(self) -> None:
        body = self._body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        trouble = self.proxy.trouble(self.command, self.path, headers)
        status, data = 0, b""
        sent: dict[str, str] = {}
        if trouble is None or not (trouble.status or trouble.lose_request or trouble.stall):
            status, sent, data = self._ask(body)
        elif trouble.status:
            error = f'<?xml version="1.0"?><Error><Code>{trouble.code}</Code><Message>m</Message></Error>'
            status, sent, data = trouble.status, {"Content-Type": "application/xml"}, error.encode()
        with self.proxy.lock:
            self.proxy.asked.append((self.command, self.path, 0 if trouble and not trouble.status else status))
        if trouble and (trouble.lose_request or trouble.lose_answer or trouble.stall):
            time.sleep(trouble.stall)
            self._reset()
            return
        answer = Answer(status, sent, data, f"{self.proxy.url}{self.path}")
        if trouble and trouble.change:
            answer = trouble.change(answer)
            answer = replace(answer, headers={k: v for k, v in answer.headers.items() if k.lower() not in HOP})
        end = len(answer.body) // 2 if trouble and trouble.truncate else trouble.reset_after if trouble else None
        self._tell(answer, end, trouble.drip if trouble else 0.0)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        deaf = {"if-match", "if-none-match"} if self.proxy.deaf_to_conditions and self.command != "GET" else set()
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP | deaf}
        upstream = http.client.HTTPConnection(self.proxy.upstream, timeout=30)
        try:
            upstream.request(self.command, self.path, body, headers | {"Content-Length": str(len(body))})
            answer = upstream.getresponse()
            data = answer.read()
            sent = {name: value for name, value in answer.getheaders() if name.lower() not in HOP}
            if self.command == "HEAD":
                sent["Content-Length"] = answer.getheader("Content-Length") or "0"
            if self.proxy.rewrite:
                sent, data = self._rewritten(sent, data)
            return answer.status, sent, data
        finally:
            upstream.close()

    def _rewritten(self, sent: dict[str, str], data: bytes) -> tuple[dict[str, str], bytes]:
        theirs, ours = f"http://{self.proxy.upstream}", self.proxy.url
        if "json" in sent.get("Content-Type", ""):
            data = data.replace(theirs.encode(), ours.encode())
        return {name: value.replace(theirs, ours) for name, value in sent.items()}, data

    def _tell(self, answer: Answer, end: int | None, drip: float) -> None:
        with suppress(OSError):
            self.send_response_only(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            body = answer.body[:end]
            step = max(1, len(body) // 50) if drip else len(body) or 1
            for start in range(0, len(body), step):
                self.wfile.write(body[start : start + step])
                self.wfile.flush()
                time.sleep(drip)
            self.wfile.flush()
            if end is not None:
                self._reset()

    def _reset(self) -> None:
        with suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        self.close_connection = True

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve  # noqa: N815  the names that http.server looks for

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
