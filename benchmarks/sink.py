"""An S3 service that counts what it is given and keeps next to nothing, so that the client is the limit.

    python -m benchmarks.sink PORT

It answers what clients ask of a bucket: PUT (with conditions), HEAD, GET, ListObjectsV2, DELETE, DeleteObjects and
multipart uploads. Sizes, ETags and metadata are kept of every object, bytes only of JSON documents. No signature is checked.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import sys
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

KEPT = 4 * 1024 * 1024
BUFFER = 1024 * 1024
_DATE = "Wed, 01 Jan 2025 00:00:00 GMT"


@dataclass
class Stored:
    size: int
    etag: str
    headers: dict[str, str]
    body: bytes | None = None


@dataclass
class Bucket:
    objects: dict[str, Stored] = field(default_factory=dict)
    uploads: dict[str, tuple[dict[str, str], dict[int, int]]] = field(default_factory=dict)
    received: int = 0
    requests: int = 0
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def etag(self) -> str:
        return f"{next(self.numbers):032x}"

    def answer(
        self, method: str, target: str, headers: dict[str, str], size: int, body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        self.requests += 1
        self.received += size
        parts = urlsplit(target)
        key = unquote(parts.path).lstrip("/").partition("/")[2]
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        if parts.path == "/-/counts":
            return (
                200,
                {},
                f'{{"objects": {len(self.objects)}, "bytes": {self.received}, "requests": {self.requests}}}'.encode(),
            )
        if not key:
            return self._bucket(method, query, body)
        if "uploadId" in query or "uploads" in query:
            return self._multipart(method, key, query, headers, size)
        return getattr(self, f"_{method.lower()}")(key, headers, size, body)  # type: ignore[no-any-return]

    def _bucket(self, method: str, query: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        if method == "POST" and "delete" in query:
            for name in re.findall(rb"<Key>(.*?)</Key>", body):
                self.objects.pop(name.decode(), None)
            return 200, {}, b"<DeleteResult/>"
        if method == "GET" and "uploads" in query:
            return 200, {}, b"<ListMultipartUploadsResult/>"
        if method == "GET":
            prefix, after = query.get("prefix", ""), query.get("continuation-token", query.get("start-after", ""))
            names = sorted(name for name in self.objects if name.startswith(prefix) and name > after)
            page, more = names[:1000], len(names) > 1000
            rows = "".join(
                f'<Contents><Key>{escape(name)}</Key><Size>{self.objects[name].size}</Size><ETag>"{self.objects[name].etag}"'
                f"</ETag><LastModified>2025-01-01T00:00:00.000Z</LastModified></Contents>"
                for name in page
            )
            token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
            return (
                200,
                {},
                (
                    f"<ListBucketResult><KeyCount>{len(page)}</KeyCount><IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}"
                    "</ListBucketResult>"
                ).encode(),
            )
        return 200, {}, b""

    def _multipart(
        self, method: str, key: str, query: dict[str, str], headers: dict[str, str], size: int
    ) -> tuple[int, dict[str, str], bytes]:
        if "uploads" in query:
            name = f"upload-{next(self.numbers)}"
            self.uploads[name] = (_kept(headers), {})
            return (
                200,
                {},
                f"<InitiateMultipartUploadResult><UploadId>{name}</UploadId></InitiateMultipartUploadResult>".encode(),
            )
        kept, sizes = self.uploads.get(query["uploadId"], ({}, {}))
        if method == "PUT":
            sizes[int(query["partNumber"])] = _payload(headers, size)
            return 200, {"ETag": f'"{self.etag()}"'}, b""
        self.uploads.pop(query["uploadId"], None)
        if method == "POST":
            found = self.objects[key] = Stored(sum(sizes.values()), f"{self.etag()}-{len(sizes)}", kept)
            return (
                200,
                {},
                f'<CompleteMultipartUploadResult><ETag>"{found.etag}"</ETag></CompleteMultipartUploadResult>'.encode(),
            )
        return 204, {}, b""

    def _put(self, key: str, headers: dict[str, str], size: int, body: bytes) -> tuple[int, dict[str, str], bytes]:
        there = self.objects.get(key)
        wanted = headers.get("if-match")
        if (headers.get("if-none-match") == "*" and there) or (
            wanted and (there is None or wanted.strip('"') != there.etag)
        ):
            return 412, {}, b"<Error><Code>PreconditionFailed</Code></Error>"
        kept = body if key.endswith(".json") and size <= KEPT else None
        found = self.objects[key] = Stored(_payload(headers, size), self.etag(), _kept(headers), kept)
        return 200, {"ETag": f'"{found.etag}"'}, b""

    def _head(self, key: str, headers: dict[str, str], size: int, body: bytes) -> tuple[int, dict[str, str], bytes]:
        found = self.objects.get(key)
        if found is None:
            return 404, {}, b""
        return (
            200,
            {"ETag": f'"{found.etag}"', "Last-Modified": _DATE, "Content-Length": str(found.size), **found.headers},
            b"",
        )

    def _get(self, key: str, headers: dict[str, str], size: int, body: bytes) -> tuple[int, dict[str, str], bytes]:
        found = self.objects.get(key)
        if found is None:
            return 404, {}, b"<Error><Code>NoSuchKey</Code></Error>"
        data = bytes(found.size) if found.body is None else found.body
        stated = {"ETag": f'"{found.etag}"', "Last-Modified": _DATE, **found.headers}
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", headers.get("range", ""))
        if not match:
            return 200, stated, data
        start, end = int(match[1]), min(int(match[2] or len(data) - 1), len(data) - 1)
        return 206, {**stated, "Content-Range": f"bytes {start}-{end}/{len(data)}"}, data[start : end + 1]

    def _delete(self, key: str, headers: dict[str, str], size: int, body: bytes) -> tuple[int, dict[str, str], bytes]:
        self.objects.pop(key, None)
        return 204, {}, b""


def _kept(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.startswith("x-amz-meta-") or name == "content-type"}


def _payload(headers: dict[str, str], size: int) -> int:
    return int(headers.get("x-amz-decoded-content-length", size))


class Connection(asyncio.BufferedProtocol):
    """One connection: heads are gathered, bodies are counted, and kept only while they may be a document."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self.room = bytearray(BUFFER)
        self.head = bytearray()
        self.body = bytearray()
        self.left = 0
        self.size = 0
        self.request: tuple[str, str, dict[str, str]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def get_buffer(self, sizehint: int) -> bytearray:
        return self.room

    def buffer_updated(self, count: int) -> None:
        data = memoryview(self.room)[:count]
        while data or (self.request is not None and self.left == 0):
            if self.request is None:
                data = self._head(data)
                if self.request is None:
                    return
            taken = data[: self.left]
            self.left -= len(taken)
            if self.size <= KEPT and self._keeps():
                self.body += taken
            data = data[len(taken) :]
            if self.left:
                return
            self._reply()

    def _keeps(self) -> bool:
        assert self.request is not None
        method, target, _ = self.request
        return method == "POST" or ".json" in target

    def _head(self, data: memoryview) -> memoryview:
        seen = len(self.head)
        self.head += data
        end = self.head.find(b"\r\n\r\n", max(0, seen - 3))
        if end < 0:
            return data[len(data) :]
        lines = self.head[:end].decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        self.request = (method, target, headers)
        self.left = self.size = int(headers.get("content-length", 0))
        if headers.get("expect", "").lower() == "100-continue":
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")  # type: ignore[attr-defined]
        self.head.clear()
        return data[end + 4 - seen :]

    def _reply(self) -> None:
        assert self.request is not None
        method, target, headers = self.request
        status, stated, body = self.bucket.answer(method, target, headers, self.size, bytes(self.body))
        if "Content-Length" not in stated and status != 204:
            stated = {**stated, "Content-Length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in stated.items())
        self.transport.write(f"HTTP/1.1 {status} Sink\r\n{lines}\r\n".encode() + body)  # type: ignore[attr-defined]
        self.request = None
        self.body.clear()


async def serve(port: int) -> None:
    bucket = Bucket()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(bucket), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
