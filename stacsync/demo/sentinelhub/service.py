"""The API of the service on a loopback port: tokens, requests of both versions with paging, batch collections.

It is as awkward as the real one: pages of two, 429 with a Retry-After in milliseconds, 404 for what its replicas do not
know yet, tokens that are asked for by form.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Self
from urllib.parse import parse_qs, parse_qsl, urlsplit

CLIENT_ID = "demo-client"
CLIENT_SECRET = "demo-client-secret"  # noqa: S105 - opens nothing but this stand-in
TOKEN_PATH = "/auth/realms/main/protocol/openid-connect/token"  # noqa: S105 - an address
Answer = tuple[int, Any, Mapping[str, str]]


@dataclass
class Service:
    """One account. What it holds may be changed while it serves; `start` and `stop` it, or use it in a `with`."""

    tasks: list[Any] = field(default_factory=list)
    """Version 2."""
    requests: list[Any] = field(default_factory=list)
    """Version 1."""
    tiles: dict[str, list[Any]] = field(default_factory=dict)
    """Version 1, by request."""
    batch_collections: dict[str, Any] = field(default_factory=dict)
    """Version 1."""
    byoc_collections: dict[str, Any] = field(default_factory=dict)
    byoc_tiles: dict[str, list[Any]] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    """Single version 2 tasks, where they say more than the listing."""
    page_size: int = 2
    throttled: int = 0
    """So many of the next API requests are answered with 429."""
    retry_after_ms: int = 30
    lagging: dict[str, int] = field(default_factory=dict)
    """Path -> so many of the next requests to it are answered with 404."""
    forbidden: set[str] = field(default_factory=set)
    """Paths answered with 403."""
    withdrawn: bool = False
    """Version 1 is gone."""
    token_life: int = 3600
    asked: list[str] = field(default_factory=list)
    """Every path that was asked for, tokens included, in order."""
    tokens: int = 0
    """How many tokens were handed out."""
    port: int = 0
    """Where to listen; 0: a free port."""

    def __post_init__(self) -> None:
        self._lock = Lock()
        self._server: ThreadingHTTPServer | None = None
        self._thread: Thread | None = None

    @property
    def url(self) -> str:
        """Return where the service listens."""
        if self._server is None:
            raise RuntimeError("the stand-in is not started")
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def token_url(self) -> str:
        """Return where tokens are handed out."""
        return f"{self.url}{TOKEN_PATH}"

    def start(self) -> Service:
        """Listen."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening."""
        if self._server and self._thread:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return (status, JSON, headers) for one request."""
        path, query = urlsplit(url).path, parse_qs(urlsplit(url).query)
        with self._lock:
            self.asked.append(path)
            if path == TOKEN_PATH:
                return self._token(dict(parse_qsl(body.decode())))
            return self._refusal(path, headers) or self._found(method, path, query)

    def _token(self, form: Mapping[str, str]) -> Answer:
        if form.get("client_id") != CLIENT_ID or form.get("client_secret") != CLIENT_SECRET:
            return 401, {"error": "invalid_client", "error_description": "Invalid client or client credentials"}, {}
        if form.get("grant_type") != "client_credentials":
            return 400, {"error": "unsupported_grant_type"}, {}
        self.tokens += 1
        return 200, {"access_token": self._bearer(), "expires_in": self.token_life, "token_type": "Bearer"}, {}

    def _bearer(self) -> str:
        return f"demo-token-{self.tokens:04d}"

    def _refusal(self, path: str, headers: Mapping[str, str]) -> Answer | None:
        if not self.tokens or headers.get("Authorization") != f"Bearer {self._bearer()}":
            return _error(401, "COMMON_UNAUTHORIZED", "You are not authorized")
        if self.throttled > 0:
            self.throttled -= 1
            body = {"status": 429, "reason": "Too Many Requests", "code": "RATE_LIMIT_EXCEEDED"}
            return (
                429,
                {**body, "message": "You have exceeded your rate limit"},
                {"Retry-After": str(self.retry_after_ms)},
            )
        if path in self.forbidden:
            return _error(403, "COMMON_INSUFFICIENT_PERMISSIONS", "Insufficient permissions")
        if self.lagging.get(path, 0) > 0:
            self.lagging[path] -= 1
            return _error(404, "COMMON_NOT_FOUND", "Not found")
        return None

    def _found(self, method: str, path: str, query: Mapping[str, list[str]]) -> Answer:
        parts = [part for part in path.split("/") if part]
        routes: dict[tuple[str, ...], Callable[[list[str], Mapping[str, list[str]]], Answer | None]] = {
            ("api", "v2", "batch"): self._v2,
            ("api", "v1", "batch"): self._v1,
            ("api", "v1", "byoc"): self._byoc,
        }
        route = routes.get(tuple(parts[:3]))
        found = route(parts[3:], query) if route and method == "GET" else None
        return found or _error(404, "COMMON_NOT_FOUND", "Not found")

    def _v2(self, rest: list[str], query: Mapping[str, list[str]]) -> Answer | None:
        if rest == ["process"]:
            return self._page(self.tasks, query)
        return _one(self.details.get(rest[1]) or _by_id(self.tasks, rest[1])) if len(rest) == 2 else None

    def _v1(self, rest: list[str], query: Mapping[str, list[str]]) -> Answer | None:
        if self.withdrawn:
            return _error(410, "COMMON_GONE", "This API was withdrawn")
        match rest:
            case ["process"]:
                return self._page(self.requests, query)
            case ["process", request, "tiles"] if request in self.tiles:
                return self._page(self.tiles[request], query)
            case ["collections", collection] if collection in self.batch_collections:
                return _one({"data": self.batch_collections[collection]})
        return None

    def _byoc(self, rest: list[str], query: Mapping[str, list[str]]) -> Answer | None:
        match rest:
            case ["collections", collection] if collection in self.byoc_collections:
                return _one({"data": self.byoc_collections[collection]})
            case ["collections", collection, "tiles"] if collection in self.byoc_collections:
                return self._page(self.byoc_tiles.get(collection, []), query)
        return None

    def _page(self, everything: list[Any], query: Mapping[str, list[str]]) -> Answer:
        size = min(int(query.get("count", ["100"])[0]), self.page_size)
        first = int(query.get("viewtoken", ["0"])[0])
        following = str(first + size) if first + size < len(everything) else None
        links = {"@id": f"{self.url}/page", **({"nextToken": following} if following else {})}
        return 200, {"data": everything[first : first + size], "links": links}, {}


def _by_id(found: list[Any], wanted: str) -> Any:
    return next((one for one in found if isinstance(one, dict) and one.get("id") == wanted), None)


def _one(found: Any) -> Answer | None:
    return None if found is None else (200, found, {})


def _error(status: int, code: str, message: str) -> Answer:
    return status, {"error": {"status": status, "reason": message, "message": message, "code": code}}, {}


def _handler(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply("GET")

        def do_POST(self) -> None:
            self._reply("POST")

        def _reply(self, method: str) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, found, headers = service.answer(method, self.path, dict(self.headers.items()), sent)
            body = json.dumps(found).encode()
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Say nothing."""

    return Handler
