"""`stacsync browse`: a catalog on this machine's loopback interface, with CORS, ranges and a page to look at it.

    /                   a page: Catalogs, Collections and Items as a tree, pictures, metadata, footprints
    /catalog.json …     the catalog, from a folder or fetched from its address
    /browser/           STAC Browser, when STACSYNC_STAC_BROWSER names a folder with a build of it (history mode "hash")

Any page that runs in a browser on this machine may read what is served (that is what CORS is for); nothing is written.
"""

from __future__ import annotations

import base64
import os
import re
import signal
import socket
import sys
from collections.abc import Callable
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from stacsync.errors import ConfigError
from stacsync.server.browse_sources import Folder, Remote
from stacsync.server.guards import Local, Secured

HOST = "127.0.0.1"
PORT = 8010
"""Tried first; any free port when it is taken."""
STAC_BROWSER = "STACSYNC_STAC_BROWSER"
CONTENT = {"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff"}
"""With everything of the catalog: a page or picture of a provider's, opened here, runs no script and is of no origin."""
_EXPOSED = ["Accept-Ranges", "Content-Length", "Content-Range", "ETag"]


def serve(target: str, *, tell: Callable[[str], object] | None = None) -> None:
    """Serve the catalog at `target`, a folder or an http(s) address, until Ctrl-C or SIGTERM; `tell` gets the address once it answers.

    Raises `ConfigError` when there is no catalog, or nowhere to listen.
    """
    listening = _listen()
    place = f"http://{HOST}:{listening.getsockname()[1]}"
    app, root = application(target)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=1,
    )
    lines = [f"{place}/  (stop with Ctrl-C)"]
    if stac_browser() is not None:
        lines = [f"{place}/browser/#/external/http:/{place.removeprefix('http://')}/{root}", *lines]
    say = tell or _say
    for line in lines:
        say(line)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # uvicorn hands both on once it has ended
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:  # how it is meant to end
        return


def application(target: str) -> tuple[ASGIApp, str]:
    """Return what serves the catalog at `target`, and the path of its root document. Raises `ConfigError`."""
    source, root = _source(target)
    page = _Page(root)
    routes = [Route("/", page.answer, methods=["GET", "HEAD"])]
    build = stac_browser()
    if build is not None:
        routes.append(Mount("/browser", StaticFiles(directory=build, html=True)))  # type: ignore[arg-type] # routes of both kinds
    routes.append(Mount("/", Secured(source, CONTENT)))  # type: ignore[arg-type] # the same
    cors = Middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "HEAD"],
        allow_headers=["*"],
        expose_headers=_EXPOSED,
    )
    return Local(Starlette(routes=routes, middleware=[cors])), root


def stac_browser() -> Path | None:
    """Return the folder of an installed build of STAC Browser. Raises `ConfigError` when what is named is none."""
    named = os.environ.get(STAC_BROWSER)
    if not named:
        return None
    if not (Path(named) / "index.html").is_file():
        raise ConfigError(
            f"{STAC_BROWSER}={named}: no index.html there", "name the folder that STAC Browser was built into"
        )
    return Path(named)


def _source(target: str) -> tuple[ASGIApp, str]:
    if "://" not in target:
        folder = Path(target)
        if not (folder / "catalog.json").is_file():
            raise ConfigError(f"{target} holds no catalog.json", "name the folder that a catalog was published into")
        return Folder(folder), "catalog.json"
    parts = urlsplit(target)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(f"{target} cannot be browsed", "name a folder, or an http or https address")
    folder_path, _, name = parts.path.rpartition("/")
    if not name.endswith(".json"):
        folder_path, name = parts.path.rstrip("/"), "catalog.json"
    return Remote(f"{parts.scheme}://{parts.netloc}{folder_path}"), name


class _Page:
    """The built-in page; it may load nothing but the catalog, and pictures."""

    def __init__(self, root: str) -> None:
        text = files("stacsync.server").joinpath("browse.html").read_text("utf-8")
        self._text = text.replace("{{root}}", escape(root, quote=True))
        script, style = (_hash(self._text, name) for name in ("script", "style"))
        self._policy = (
            f"default-src 'none'; script-src {script}; style-src {style}; connect-src 'self'; "
            "img-src 'self' data: http: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )

    async def answer(self, _: Request) -> Response:
        """Return the page."""
        headers = {
            "Content-Security-Policy": self._policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-cache",
        }
        return HTMLResponse(self._text, headers=headers)


def _hash(text: str, element: str) -> str:
    """Return the one piece of script or style of the page, as a content policy names it."""
    found = re.search(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)
    body = found.group(1) if found else ""
    return f"'sha256-{base64.b64encode(sha256(body.encode()).digest()).decode()}'"


def _listen() -> socket.socket:
    for port in (PORT, 0):
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, port))
            listening.listen(128)
        except OSError as error:
            listening.close()
            reason = error.strerror
        else:
            return listening
    raise ConfigError(f"cannot listen on {HOST}: {reason}", "free a port")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
