"""Which path answers what. Everything is read only: GET and HEAD."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from stacsync.server.metrics import Metrics
from stacsync.server.page import Page
from stacsync.server.readiness import Readiness
from stacsync.server.service import Service
from stacsync.server.snapshot import Snapshots

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
Endpoint = Callable[[Request], Response]


def application(service: Service) -> ASGIApp:
    """Return the application that shows `service`; its answers are to carry `HEADERS`."""
    snapshots = Snapshots(service)
    readiness = Readiness(service)
    metrics = Metrics(service, snapshots)
    page = Page(service, snapshots)

    def healthz(_: Request) -> Response:
        healthy = service.healthy
        return _json({"healthy": healthy, "phase": service.phase.value}, 200 if healthy else 503)

    def readyz(_: Request) -> Response:
        report = readiness.report()
        return _json(report, 200 if report["ready"] else 503)

    def exposition(request: Request) -> Response:
        body, content_type = metrics.exposition(request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": content_type})

    def status(_: Request) -> Response:
        return _json(snapshots.get(), 200)

    def index(_: Request) -> Response:
        return HTMLResponse(page.html())

    return Starlette(routes=_routes(healthz, readyz, exposition, status, index, page))


def _routes(
    healthz: Endpoint, readyz: Endpoint, exposition: Endpoint, status: Endpoint, index: Endpoint, page: Page
) -> Sequence[Route]:
    def style(_: Request) -> Response:
        return Response(page.style, media_type="text/css")

    def script(_: Request) -> Response:
        return Response(page.script, media_type="text/javascript")

    def icon(_: Request) -> Response:
        return Response(page.icon, media_type="image/svg+xml")

    paths: dict[str, Endpoint] = {
        "/": index,
        "/healthz": healthz,
        "/readyz": readyz,
        "/metrics": exposition,
        "/api/status": status,
        "/status.css": style,
        "/status.js": script,
        "/icon.svg": icon,
    }
    return [Route(path, endpoint, methods=["GET"]) for path, endpoint in paths.items()]


def _json(body: Any, status: int) -> Response:
    return Response(orjson.dumps(body), status_code=status, media_type="application/json")
