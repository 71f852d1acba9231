"""Buckets on a loopback port: as much of S3 as reading needs, which is HEAD and GET with ranges, and ListObjectsV2.

Nothing is checked but the access key's name, and nothing can be written over the wire.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Self
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

ACCESS_KEY = "demo-access-key"
SECRET_KEY = "demo-secret-key"  # noqa: S105 - opens nothing but this stand-in
PAGE = 1000
ELSEWHERE = "elsewhere-1"
"""The region that a refusal with 301 names."""
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_MODIFIED = "Tue, 11 Feb 2025 09:41:12 GMT"
Answer = tuple[int, bytes, dict[str, str]]


class Bucket:
    """An S3 service that holds `objects` by bucket and key; they may be changed while it serves."""

    def __init__(self, objects: Mapping[str, Mapping[str, bytes]] | None = None, *, port: int = 0) -> None:
        self.objects = {name: dict(held) for name, held in (objects or {}).items()}
        self.refusals: dict[str, tuple[int, str]] = {}
        """Bucket, or bucket/key, or "list " + bucket -> (status, error code) that every request for it gets."""
        self.port = port
        self.asked: list[str] = []
        """Method and path of every request, in order."""
        self._server: ThreadingHTTPServer | None = None
        self._thread: Thread | None = None

    @property
    def url(self) -> str:
        """Return the endpoint."""
        if self._server is None:
            raise RuntimeError("the stand-in is not started")
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> Bucket:
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

    def answer(self, method: str, url: str, headers: Mapping[str, str]) -> Answer:
        """Return (status, body, headers) for one request."""
        parts = urlsplit(url)
        name, _, key = unquote(parts.path).lstrip("/").partition("/")
        self.asked.append(f"{method} {unquote(parts.path)}")
        given = f"{headers.get('Authorization', '')} {parts.query}"
        if ACCESS_KEY not in given:
            return _error(403, "InvalidAccessKeyId")
        listing = not key and method == "GET"
        for place in (f"{name}/{key}", f"list {name}" if listing else "", name):
            if place in self.refusals:
                return _error(*self.refusals[place])
        if name not in self.objects:
            return _error(404, "NoSuchBucket")
        if not key:
            return self._list(name, parse_qs(parts.query)) if listing else (200, b"", {})
        found = self.objects[name].get(key)
        return _error(404, "NoSuchKey") if found is None else _content(found, headers.get("Range"))

    def _list(self, name: str, query: Mapping[str, list[str]]) -> Answer:
        prefix, after = query.get("prefix", [""])[0], query.get("continuation-token", [""])[0]
        keys = sorted(key for key in self.objects[name] if key.startswith(prefix) and key > after)
        page, more = keys[:PAGE], len(keys) > PAGE
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        entries = "".join(self._entry(name, key) for key in page)
        body = (
            f'<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{escape(name)}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount>"
            f"<EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}</IsTruncated>{token}{entries}</ListBucketResult>"
        )
        return 200, body.encode(), {"Content-Type": "application/xml"}

    def _entry(self, name: str, key: str) -> str:
        held = self.objects[name][key]
        return (
            f"<Contents><Key>{escape(quote(key))}</Key><Size>{len(held)}</Size><ETag>{_etag(held)}</ETag>"
            "<LastModified>2025-02-11T09:41:12.000Z</LastModified></Contents>"
        )


def _content(held: bytes, wanted: str | None) -> Answer:
    headers = {"ETag": _etag(held), "Last-Modified": _MODIFIED, "Accept-Ranges": "bytes"}
    match = _RANGE.fullmatch(wanted or "")
    if not match:
        return 200, held, headers
    first, last = int(match[1]), min(int(match[2] or len(held) - 1), len(held) - 1)
    if first > last:
        return _error(416, "InvalidRange")
    return 206, held[first : last + 1], {**headers, "Content-Range": f"bytes {first}-{last}/{len(held)}"}


def _etag(held: bytes) -> str:
    return f'"{md5(held, usedforsecurity=False).hexdigest()}"'


def _error(status: int, code: str) -> Answer:
    where = {"x-amz-bucket-region": ELSEWHERE} if status == 301 else {}
    return status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode(), where


def _chunks(body: bytes) -> Iterator[bytes]:
    for first in range(0, len(body), 65536):
        yield body[first : first + 65536]


def _handler(bucket: Bucket) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply("GET")

        def do_HEAD(self) -> None:
            self._reply("HEAD")

        def _reply(self, method: str) -> None:
            status, body, headers = bucket.answer(method, self.path, dict(self.headers.items()))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if method == "GET":
                for chunk in _chunks(body):
                    self.wfile.write(chunk)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Say nothing."""

    return Handler
