"""A Pixxel of its own thread on 127.0.0.1."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Lock, Thread
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from stacsync.demo.pixxel.account import KEY, ORGANISATION, StandInImage, StandInJob, StandInWorkflow


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; what is no bytes is sent as JSON."""

    content: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(slots=True)
class _Address:
    content: bytes
    name: str
    expired: bool


def refusal(status: int, message: str = "refused") -> Reply:
    """Return an error in the form that the API gives them."""
    return Reply({"error": {"code": f"E{status}", "message": message, "details": None}}, status)


class PixxelStandIn:
    """One account; a context manager. Attributes may be changed while it serves.

    Projects page by number, workflows and images by offset, jobs not at all. Packages lie behind signed addresses that
    refuse an API key; the next `lapsed` of them have expired before they are used. Everything that arrived is in `seen`.
    """

    def __init__(self, workflows: list[StandInWorkflow] | None = None, *, raw_key: bool = False, port: int = 0) -> None:
        self.workflows = workflows or []
        self.images: list[StandInImage] = []
        self.scenes: dict[str, Any] = {}
        """Archive Items by collection/id."""
        self.areas: dict[str, Any] = {}
        """Areas of interest by id."""
        self.raw_key = raw_key
        self.key = KEY
        self.page_size = 2
        self.first_page = 1
        """The number of the first page of projects."""
        self.lapsed = 0
        self.faults: dict[str, list[Reply]] = {}
        """Path pattern -> answers to the next requests for it, in their place."""
        self.seen: list[Asked] = []
        self.downloads = 0
        """How many packages went out whole."""
        self._addresses: dict[str, _Address] = {}
        self._image_asks: dict[str, tuple[StandInImage, int]] = {}
        self._numbers = count(1)
        self._lock = Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
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

    def settings(self) -> dict[str, Any]:
        """Return the keys of a provider's table that reaches this account."""
        scheme = {"auth_scheme": "raw"} if self.raw_key else {}
        return {"kind": "pixxel", "url": self.url, "api_key": self.key, **scheme}

    def asked(self, pattern: str, method: str = "") -> int:
        """Return how many requests came whose path matches `pattern`."""
        with self._lock:
            return sum(1 for one in self.seen if re.search(pattern, one.path) and method in ("", one.method))

    def answer(self, asked: Asked) -> Reply:
        """Return the answer to one request."""
        with self._lock:
            self.seen.append(asked)
            for pattern, replies in self.faults.items():
                if replies and re.search(pattern, asked.path):
                    return replies.pop(0)
            if asked.path.startswith("/signed/"):
                return self._signed(asked)
            wanted = self.key if self.raw_key else f"Bearer {self.key}"
            if asked.headers.get("authorization") != wanted:
                return refusal(403 if asked.headers.get("authorization") else 401, "Forbidden")
            parts = [unquote(part) for part in asked.path.split("/") if part]
            return self._api(asked, parts[1:]) if parts[:1] == ["v0"] else refusal(404, "no such page")

    def _api(self, asked: Asked, parts: list[str]) -> Reply:
        reply: Reply | None = None
        match parts:
            case ["projects"]:
                reply = self._projects(asked)
            case ["workflows"]:
                reply = self._of_project(asked)
            case ["workflows", workflow, "jobs", *rest]:
                reply = self._of_workflow(asked, workflow, rest)
            case ["archives", "collections", collection, "items", name]:
                reply = _found(self.scenes.get(f"{collection}/{name}"))
            case ["aoi", number]:
                reply = _found(self.areas.get(number))
            case ["catalogs", *rest]:
                reply = self._catalogs(asked, rest)
        return reply or _found(None)

    def _project_names(self) -> list[str]:
        return list(dict.fromkeys(workflow.project for workflow in self.workflows))

    def _projects(self, asked: Asked) -> Reply:
        names = self._project_names()
        page = int(asked.query.get("page_num", self.first_page)) - self.first_page
        if page < 0:
            return refusal(400, "page_num is out of range")
        rows = [{"id": f"p-{name}", "name": name.lower(), "title": name, "org_id": ORGANISATION} for name in names]
        return Reply({"count": len(rows), "projects": rows[page * self.page_size : (page + 1) * self.page_size]})

    def _of_project(self, asked: Asked) -> Reply:
        project = asked.query.get("project_id", "")
        rows = [one.listed(project) for one in self.workflows if f"p-{one.project}" == project]
        offset = int(asked.query.get("offset", "0"))
        pagination = {"limit": self.page_size, "offset": offset, "total": len(rows)}
        return Reply({"workflows": rows[offset : offset + self.page_size], "pagination": pagination})

    def _of_workflow(self, asked: Asked, number: str, rest: list[str]) -> Reply:
        workflow = next((one for one in self.workflows if one.id == number), None)
        if workflow is None or workflow.forbidden:
            return refusal(404 if workflow is None else 403, "Forbidden")
        if not rest:
            return Reply({"jobs": [*(job.listed(number) for job in workflow.jobs), *workflow.odd_rows]})
        job = next((one for one in workflow.jobs if one.id == rest[0]), None)
        return refusal(404, "no such job") if job is None else self._of_job(asked, number, job, rest[1:])

    def _of_job(self, asked: Asked, workflow: str, job: StandInJob, rest: list[str]) -> Reply:
        match asked.method, rest:
            case "GET", []:
                return Reply(job.page(workflow))
            case "PUT", ["download"]:
                return self._package(job, job.package, {"id": job.id, "workflowId": workflow})
            case "PUT", ["tasks", task, "download"] if task in job.task_packages:
                told = {"id": task, "job_id": job.id, "workflow_id": workflow}
                return self._package(job, job.task_packages[task], told)
        return _found(None)

    def _package(self, job: StandInJob, content: bytes, told: Mapping[str, Any]) -> Reply:
        if job.refusal:
            return refusal(job.refusal, "no package")
        if job.pending > 0:
            job.pending -= 1
            return Reply({**told, "status": "pending", "signed_url": ""})
        return Reply({**told, "status": job.ready, "signed_url": self._sign(content, job.package_name)})

    def _catalogs(self, asked: Asked, rest: list[str]) -> Reply:
        body = orjson.loads(asked.body) if asked.body else {}
        match asked.method, rest:
            case "POST", ["search"]:
                offset = int(body.get("offset", 0))
                rows = [image.listed() for image in self.images]
                pagination = {"limit": self.page_size, "offset": offset, "total": len(rows)}
                return Reply({"catalogs": rows[offset : offset + self.page_size], "pagination": pagination})
            case "POST", ["download"]:
                image = next((one for one in self.images if [one.id] == body.get("catalog_ids")), None)
                return refusal(400, "no such image") if image is None else self._ask_image(image)
            case "GET", ["download", number] if number in self._image_asks:
                return self._image(number)
        return refusal(404, "no such page")

    def _ask_image(self, image: StandInImage) -> Reply:
        number = f"download-{next(self._numbers)}"
        self._image_asks[number] = (image, image.polls)
        return Reply({"id": number, "status": "created", "signed_url": ""})

    def _image(self, number: str) -> Reply:
        image, left = self._image_asks[number]
        self._image_asks[number] = (image, left - 1)
        if left > 0:
            return Reply({"id": number, "status": "in_progress", "signed_url": ""})
        return Reply({"id": number, "status": "success", "signed_url": self._sign(image.package, "image.zip")})

    def _sign(self, content: bytes, name: str) -> str:
        nonce = f"{next(self._numbers):08d}"
        self._addresses[nonce] = _Address(content, name, self.lapsed > 0)
        self.lapsed = max(0, self.lapsed - 1)
        return f"{self.url}/signed/{nonce}/{name}?Expires=1900000000&Signature=stand-in-signature-{nonce}"

    def _signed(self, asked: Asked) -> Reply:
        """Answer at a signed address; a request that brings a key as well is refused, as object stores do."""
        address = self._addresses.get(asked.path.split("/")[2])
        signed = address is not None and asked.query.get("Signature", "").startswith("stand-in-signature-")
        if address is None or not signed or address.expired or "authorization" in asked.headers:
            return Reply(b"<Error><Code>AccessDenied</Code></Error>", 403, {"Content-Type": "application/xml"})
        self.downloads += 1
        headers = {"Content-Type": "application/octet-stream", "ETag": f'"{address.name}"'}
        if address.name:
            headers["Content-Disposition"] = f'attachment; filename="{address.name}"'
        return Reply(address.content, 200, headers)


def _found(document: Any) -> Reply:
    return refusal(404, "not found") if document is None else Reply(document)


def _handler(account: PixxelStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: two would wait for each other

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            asked = Asked(
                method=self.command,
                path=parts.path,
                query=dict(parse_qsl(parts.query)),
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
            )
            reply = account.answer(asked)
            body = reply.content if isinstance(reply.content, bytes) else orjson.dumps(reply.content)
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = _serve  # noqa: N815  # the names that http.server looks for

        def log_message(self, *_: object) -> None:
            """Say nothing: the demonstration speaks on the same terminal."""

    return Handler
