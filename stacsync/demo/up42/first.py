"""The first API of UP42: project token, envelopes, pages of jobs, tasks, archives, quicklooks."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from stacsync.demo.up42.server import Asked, Reply, Server


@dataclass(slots=True, kw_only=True)
class FirstTask:
    """A task of a job; only data tasks have quicklooks."""

    payload: dict[str, Any]
    archive: bytes = b""
    document: Any = None
    """Its `data.json`; None: the API answers 404."""
    quicklooks: dict[str, bytes] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class FirstJob:
    """A job with its archive."""

    payload: dict[str, Any]
    archive: bytes = b""
    document: Any = None
    tasks: list[FirstTask] = field(default_factory=list)


class FirstApi:
    """One project. Attributes may be changed while it serves."""

    def __init__(self, server: Server, *, project: str = "stand-in-project", key: str = "stand-in-project-key") -> None:
        self.project = project
        self.key = key
        self.jobs: list[FirstJob] = []
        self.page_size = 2
        self.token_in_data_only = False
        self.errors_with_200 = False
        self.word_codes = False
        self._server = server
        server.apis.append(self.answer)

    def answer(self, asked: Asked) -> Reply | None:
        """Answer a request of this API, None to any other."""
        if asked.path == "/oauth/token":
            return self._token(asked)
        parts = [part for part in asked.path.split("/") if part]
        if parts[:1] != ["projects"]:
            return None
        if not self._server.gate.admits(asked.headers.get("authorization")):
            return self._error(401, "ACCESS_TOKEN_EXPIRED: JWT expired at 2021-01-01T00:00:00Z")
        if parts[1:2] != [self.project] or parts[2:3] != ["jobs"]:
            return self._error(
                404, f"Project {'/'.join(parts[1:2])} of user 12345678-1234-1234-1234-123456789abc not found"
            )
        return self._jobs(asked) if len(parts) == 3 else self._job(parts[3], parts[4:])

    def _token(self, asked: Asked) -> Reply:
        expected = base64.b64encode(f"{self.project}:{self.key}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {expected}" or asked.form() != {
            "grant_type": "client_credentials"
        }:
            return self._error(401, "Bad credentials")
        token = self._server.gate.token()
        inner = {"data": {"accessToken": token}, "error": None}
        return Reply(inner if self.token_in_data_only else {**inner, "access_token": token, "token_type": "bearer"})

    def _jobs(self, asked: Asked) -> Reply:
        ordered = sorted((job.payload for job in self.jobs), key=lambda job: str(job.get("finishedAt") or ""))
        first = int(asked.query.get("page", "0")) * self.page_size
        return _data(ordered[first : first + self.page_size])

    def _job(self, job_id: str, rest: list[str]) -> Reply:
        job = next((job for job in self.jobs if job.payload.get("id") == job_id), None)
        if job is None:
            return self._error(404, f"Job {job_id} not found")
        if rest == ["tasks"]:
            return _data([task.payload for task in job.tasks])
        if rest[:1] == ["tasks"] and len(rest) > 2:
            task = next((task for task in job.tasks if task.payload.get("id") == rest[1]), None)
            return self._output(task, rest[2:]) if task else self._error(404, "Task not found")
        return self._output(job, rest)

    def _output(self, holder: FirstJob | FirstTask, rest: list[str]) -> Reply:
        if rest == ["downloads", "results"] and holder.archive:
            return _data({"url": self._server.url + self._server.gate.sign(holder.archive)})
        if rest == ["outputs", "data-json"] and holder.document is not None:
            return Reply(holder.document)
        if isinstance(holder, FirstTask) and rest[:2] == ["outputs", "quicklooks"]:
            return self._quicklook(holder, rest[2:])
        return self._error(404, "Result not found")

    def _quicklook(self, task: FirstTask, rest: list[str]) -> Reply:
        if not rest:
            return _data(sorted(task.quicklooks))
        picture = task.quicklooks.get(rest[0])
        return Reply(picture, media_type="image/png") if picture else self._error(404, "Quicklook not found")

    def _error(self, status: int, message: str) -> Reply:
        words = {401: "UNAUTHORIZED", 404: "RESOURCE_NOT_FOUND"}
        code: int | str = words.get(status, "VALIDATION_ERROR") if self.word_codes else status
        envelope = {"data": None, "error": {"code": code, "message": message, "details": None}}
        return Reply(envelope, 200 if self.errors_with_200 else status)


def _data(content: Any) -> Reply:
    return Reply({"error": None, "data": content})
