"""A local UP42: both of its APIs on one port, for the demo and for tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import orjson

from stacsync.demo.up42.gate import Gate


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Return the body as JSON, {} when it is empty."""
        return orjson.loads(self.body) if self.body else {}

    def form(self) -> dict[str, str]:
        """Return the body as the fields of a form."""
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; what is no bytes is sent as JSON."""

    content: Any
    status: int = 200
    media_type: str = "application/json"


Api = Callable[[Asked], Reply | None]


class Server:
    """Serves some APIs on 127.0.0.1; a context manager. Requests that no API knows are answered with 404."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic, port: int = 0) -> None:
        self.gate = Gate(monotonic)
        self.apis: list[Api] = [self._signed]
        self.log: list[Asked] = []
        self._lock = Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", port), _handler(self.answer))
        self._http.daemon_threads = True
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def start(self) -> None:
        """Listen, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Listen no more."""
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()

    def answer(self, asked: Asked) -> Reply:
        """Return the answer of the first API that knows the request."""
        with self._lock:
            self.log.append(asked)
        replies = (api(asked) for api in self.apis)
        return next((reply for reply in replies if reply is not None), Reply({"error": "no such page"}, 404))

    def asked_for(self, text: str) -> list[Asked]:
        """Return the requests so far whose path holds `text`."""
        with self._lock:
            return [asked for asked in self.log if text in asked.path]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _signed(self, asked: Asked) -> Reply | None:
        """Answer at signed addresses; a request that brings a token as well is refused, as Google's storage does."""
        if not asked.path.startswith("/signed/"):
            return None
        if "authorization" in asked.headers:
            return Reply(b"<Error><Code>InvalidArgument</Code></Error>", 400, "application/xml")
        content = self.gate.redeem(asked.path.split("/")[2])
        if content is None:
            return Reply(b"<Error><Code>ExpiredToken</Code></Error>", 403, "application/xml")
        return Reply(content, media_type="application/octet-stream")


def _handler(answer: Callable[[Asked], Reply]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65536  # headers and body in one packet: two would wait for each other

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            asked = Asked(
                method=self.command,
                path=parts.path,
                query={name: values[0] for name, values in parse_qs(parts.query).items()},
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
            )
            reply = answer(asked)
            body = reply.content if isinstance(reply.content, bytes) else orjson.dumps(reply.content)
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _serve  # noqa: N815  # the names that http.server looks for

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's names
            """Say nothing: whoever asks is told by `Server.log`."""

    return Handler
