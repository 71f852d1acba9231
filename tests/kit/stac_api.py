"""A STAC API with the Transaction extension, on a real socket and in memory, that can be told to misbehave."""

from __future__ import annotations

import re
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import orjson

TRANSACTION = "https://api.stacspec.org/v1.0.0/ogcapi-features/extensions/transaction"
_PATH = re.compile(r"/collections(?:/([^/]+)(?:/(bulk_items|items)(?:/([^/]+))?)?)?")


@dataclass(frozen=True)
class Wrong:
    """One way to misbehave."""

    status: int = 0
    """Answer this instead of doing anything; 0: do it."""
    deaf: bool = False
    """Do it (with `status` 0), then cut the connection instead of answering."""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Request:
    """A request that arrived."""

    method: str
    path: str
    body: Any
    authorization: str | None


class StacApi:
    """What it holds is in `collections` and `items`."""

    def __init__(self, *, bulk: bool = True, described: bool = True, token: str | None = None) -> None:
        self.bulk = bulk
        self.described = described
        self.token = token
        self.transaction = True
        self.refuses: Callable[[dict[str, Any]], str | None] = lambda _: None
        """Why an Item is not taken; None: it is."""
        self.largest = 10_000_000
        """Bytes of the largest body that is taken."""
        self.collections: dict[str, dict[str, Any]] = {}
        self.items: dict[str, dict[str, dict[str, Any]]] = {}
        self.seen: list[Request] = []
        self.url = ""
        self._wrongs: deque[tuple[re.Pattern[str], Wrong]] = deque()
        self._lock = Lock()

    def fail(self, pattern: str, *wrongs: Wrong) -> None:
        """Let the next requests whose "METHOD path" matches go wrong, one after the other."""
        with self._lock:
            self._wrongs.extend((re.compile(pattern), wrong) for wrong in wrongs)

    def mend(self) -> None:
        """Let everything work again."""
        with self._lock:
            self._wrongs.clear()

    @property
    def writes(self) -> list[str]:
        """Return "METHOD path" of every request that was meant to change something."""
        return [f"{one.method} {one.path}" for one in self.seen if one.method != "GET"]

    def everything(self) -> dict[str, dict[str, Any]]:
        """Return all Items by "collection/item"."""
        return {f"{name}/{item}": body for name, held in self.items.items() for item, body in held.items()}

    def next_wrong(self, method: str, path: str) -> Wrong | None:
        with self._lock:
            for number, (pattern, wrong) in enumerate(self._wrongs):
                if pattern.search(f"{method} {path}"):
                    del self._wrongs[number]
                    return wrong
        return None

    def answer(self, request: Request) -> tuple[int, Any]:
        """Do what is asked and return status and body."""
        with self._lock:
            if request.method == "GET" and request.path in {"", "/"}:
                return 200, self._landing()
            if request.method == "GET" and request.path == "/api":
                return 200, {"paths": {"/collections/{collection_id}/bulk_items": {"post": {}}} if self.bulk else {}}
            found = _PATH.fullmatch(request.path)
            if not found:
                return 404, {"description": "no such path"}
            name, part, item = (unquote(one) if one else None for one in found.groups())
            return self._barred(request) or self._do(request, name, part, item)

    def _barred(self, request: Request) -> tuple[int, Any] | None:
        if request.method == "GET":
            return None
        if self.token is not None and request.authorization != f"Bearer {self.token}":
            return 401, {"code": "Unauthorized", "description": "no"}
        return None if self.transaction else (405, {"detail": "Method Not Allowed"})

    def _do(self, request: Request, name: str | None, part: str | None, item: str | None) -> tuple[int, Any]:
        if name is None or part is None:
            return self._collection(request, name)
        if name not in self.collections:
            return 404, {"description": f"no collection {name}"}
        if part == "bulk_items":
            return self._bulk(name, request) if self.bulk else (405, {"detail": "Method Not Allowed"})
        return self._item(request, name, item)

    def _landing(self) -> dict[str, Any]:
        links = [{"rel": "service-desc", "href": f"{self.url}/api"}] if self.described else []
        classes = [TRANSACTION] if self.transaction else ["https://api.stacspec.org/v1.0.0/core"]
        return {"id": "api", "title": "An API", "conformsTo": classes, "links": links}

    def _collection(self, request: Request, name: str | None) -> tuple[int, Any]:
        if request.method == "POST" and name is None:
            if request.body["id"] in self.collections:
                return 409, {"description": "exists"}
            self.collections[request.body["id"]] = request.body
            self.items.setdefault(request.body["id"], {})
            return 201, request.body
        if name not in self.collections:
            return 404, {"description": "no such collection"}
        if request.method == "PUT":
            self.collections[name] = request.body
            return 200, request.body
        if request.method == "DELETE":
            del self.collections[name], self.items[name]
            return 200, {}
        return 200, self.collections[name]

    def _item(self, request: Request, name: str, item: str | None) -> tuple[int, Any]:
        held = self.items[name]
        if request.method == "GET":
            return 200, {"type": "FeatureCollection", "features": list(held.values())[:1]}
        if request.method == "DELETE":
            return (200, {}) if held.pop(cast("str", item), None) else (404, {"description": "no such item"})
        if (reason := self.refuses(request.body)) is not None:
            return 400, {"code": "InvalidItem", "description": reason}
        if request.method == "POST":
            if request.body["id"] in held:
                return 409, {"description": "exists"}
        elif item not in held:
            return 404, {"description": "no such item"}
        held[request.body["id"]] = request.body
        return 200, request.body

    def _bulk(self, name: str, request: Request) -> tuple[int, Any]:
        assert request.body["method"] == "upsert"
        errors = []
        for item, body in request.body["items"].items():
            if (reason := self.refuses(body)) is not None:
                errors.append({"id": item, "msg": reason})
            else:
                self.items[name][item] = body
        sent = len(request.body["items"])
        return 200, {"received": sent, "success": sent - len(errors), "skipped": 0, "errors": errors}


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Cut connections are what some tests are about."""
        del request, client_address


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def _serve(self) -> None:
        api = cast("StacApi", cast("Any", self.server).api)
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        body = orjson.loads(data) if data else None
        request = Request(self.command, path, body, self.headers.get("Authorization"))
        api.seen.append(request)
        wrong = api.next_wrong(self.command, path)
        if wrong is not None and wrong.status:
            return self._send(wrong.status, {"description": "told to"}, wrong.headers)
        if len(data) > api.largest:
            return self._send(413, {"description": "too large"})
        status, answer = api.answer(request)
        if wrong is not None and wrong.deaf:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return None
        return self._send(status, answer)

    def _send(self, status: int, answer: Any, headers: dict[str, str] | None = None) -> None:
        data = orjson.dumps(answer)
        self.send_response(status)
        for name, value in {
            "Content-Length": str(len(data)),
            "Content-Type": "application/json",
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the names are the base class's

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(api: StacApi) -> Iterator[StacApi]:
    """Serve an API on a free port until the end of the block."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.api = api  # type: ignore[attr-defined] # for the handler
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
