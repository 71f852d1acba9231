"""Where `browse` takes documents and files from: a folder, or another server. Read-only, and never outside of it."""

from __future__ import annotations

import mimetypes
import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, urljoin

import urllib3
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from stacsync.http import origins
from stacsync.http.addresses import AddressRefused
from stacsync.logs import redact_url

_ITEM = "application/geo+json"
_TYPES = {
    ".json": "application/json",
    ".geojson": _ITEM,
    ".parquet": "application/vnd.apache.parquet",
    ".tif": "image/tiff; application=geotiff",
    ".tiff": "image/tiff; application=geotiff",
    ".jp2": "image/jp2",
    ".nc": "application/netcdf",
    ".webp": "image/webp",
}
_ASKED = ("range", "if-none-match", "if-range", "accept")
_ANSWERED = (
    "content-type",
    "content-length",
    "content-range",
    "accept-ranges",
    "etag",
    "last-modified",
    "cache-control",
)
_CHUNK = 256 * 1024
_HOPS = 5


def media_type(path: str) -> str:
    """Return the content type of a file of a catalog, by its name: an Item is named like its folder."""
    stem, suffix = posixpath.splitext(posixpath.basename(path))
    if suffix == ".json" and stem == posixpath.basename(posixpath.dirname(path)):
        return _ITEM
    return _TYPES.get(suffix.lower()) or mimetypes.guess_type(path)[0] or "application/octet-stream"


def clean(path: str) -> str | None:
    """Return a requested path as segments below the catalog's root; None for one that could lead out of it or to state."""
    parts = [part for part in path.split("/") if part]
    if not parts or any(part.startswith(".") or "\\" in part or "\0" in part for part in parts):
        return None
    return "/".join(parts)


class Folder:
    """A catalog in a folder."""

    def __init__(self, root: Path) -> None:
        """Serve what lies in `root` and below, links in the file system that lead out of it left out."""
        self._root = root.resolve()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            await self._answer(Request(scope)).__call__(scope, receive, send)

    def _answer(self, request: Request) -> Response:
        if request.method not in {"GET", "HEAD"}:
            return PlainTextResponse("only GET and HEAD", 405, headers={"Allow": "GET, HEAD"})
        wanted = clean(request.scope["path"])
        found = (self._root / wanted).resolve() if wanted else None
        if wanted is None or found is None or not found.is_relative_to(self._root) or not found.is_file():
            return PlainTextResponse("not here", 404)
        return FileResponse(found, media_type=media_type(wanted), headers={"Cache-Control": "no-cache"})


class Remote:
    """A catalog on another server, fetched on demand."""

    def __init__(self, base: str) -> None:
        """Fetch from `base` and below."""
        self._base = URL(base)
        self._pool = urllib3.PoolManager(num_pools=4, maxsize=16, timeout=urllib3.Timeout(10, read=60), retries=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            answer = await run_in_threadpool(self._answer, Request(scope))
            await answer(scope, receive, send)

    def _answer(self, request: Request) -> Response:
        if request.method not in {"GET", "HEAD"}:
            return PlainTextResponse("only GET and HEAD", 405, headers={"Allow": "GET, HEAD"})
        wanted = clean(request.scope["path"])
        if wanted is None:
            return PlainTextResponse("not here", 404)
        asked = {name: request.headers[name] for name in _ASKED if name in request.headers}
        asked["accept-encoding"] = "identity"
        try:
            found = self._ask(request.method, f"{self._base}/{quote(wanted)}", asked)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            return PlainTextResponse(f"the catalog's server does not answer: {type(error).__name__}", 502)
        except AddressRefused as error:
            return PlainTextResponse(str(error), 502)
        headers = {name: found.headers[name] for name in _ANSWERED if name in found.headers}
        return StreamingResponse(_chunks(found), found.status, headers=headers)

    def _ask(self, method: str, url: str, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        """Return the answer, redirects within the catalog's own origin followed. Raises `AddressRefused` for others."""
        for _ in range(_HOPS + 1):
            found = self._pool.request(
                method,
                url,
                headers=headers,
                preload_content=False,
                redirect=False,
                retries=urllib3.Retry(connect=1, read=0, status=0),
            )
            target = found.get_redirect_location()
            if not target:
                return found
            found.close()
            url = urljoin(url, target)
            if not origins.same_origin(url, str(self._base)):
                raise AddressRefused(
                    f"the catalog's server sends on to {redact_url(url)}, another server, which is not asked",
                    "browse the catalog by the address where it lies",
                )
        raise AddressRefused(f"the catalog's server redirects more than {_HOPS} times")


def _chunks(found: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    try:
        yield from found.stream(_CHUNK, decode_content=False)
    finally:
        found.release_conn()
