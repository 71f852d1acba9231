"""What one account of the stand-in holds, and how the API writes it down. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

JSON = dict[str, Any]
Encoding = Literal["json", "text", "base64", "bytes"]
KEY = "stand-in-pixxel-key"
USER = "aaaaaaaa-0000-4000-8000-0000000000d1"
ORGANISATION = "org-0000-4000-8000-stand-in"


@dataclass(slots=True, kw_only=True)
class StandInJob:
    """A job with its package; attributes may be changed while it is served."""

    id: str
    status: str = "completed"
    created: str = "2025-05-01T10:00:00Z"
    finished: Any = "2025-05-01T10:05:01Z"
    package: bytes = b""
    tasks: list[JSON] = field(default_factory=list)
    task_packages: dict[str, bytes] = field(default_factory=dict)
    spec: Any = field(default_factory=list)
    pending: int = 0
    """How many further requests for a package are answered that it is being made."""
    ready: str = "ready"
    """The word for a package that can be fetched."""
    package_name: str = "package.zip"
    refusal: int = 0
    """Status with which every request for a package is answered; 0: none."""

    def listed(self, workflow: str) -> JSON:
        """Return the job as the listing has it."""
        return {
            "id": self.id,
            "workflow_id": workflow,
            "status": self.status,
            "progress": "100",
            "cost": 12,
            "created_by": USER,
            "created_at": self.created,
            "updated_at": self.finished or self.created,
            "finished_at": self.finished,
            "estimated_duration": 300,
            "time_taken": "5m1s",
        }

    def page(self, workflow: str) -> JSON:
        """Return the job's own page."""
        return {**self.listed(workflow), "tasks": self.tasks, "val_errors": [], "spec": self.spec}


@dataclass(slots=True, kw_only=True)
class StandInWorkflow:
    """A workflow of a project."""

    id: str
    name: str
    description: str = ""
    project: str = "Stand-in"
    forbidden: bool = False
    jobs: list[StandInJob] = field(default_factory=list)
    odd_rows: list[Any] = field(default_factory=list)
    """What else its listing holds: records without an id, texts, nulls."""

    def listed(self, project: str) -> JSON:
        """Return the workflow as the listing has it."""
        return {
            "id": self.id,
            "project_id": project,
            "legacy_project_id": "",
            "name": self.name,
            "created_by": USER,
            "description": self.description,
            "created_at": "2025-01-02T00:00:00Z",
            "updated_at": "2025-01-02T00:00:00Z",
        }


@dataclass(slots=True, kw_only=True)
class StandInImage:
    """A delivered image of the account's catalog."""

    id: str
    details: JSON
    status: str = "SUCCESS"
    package: bytes = b""
    polls: int = 0
    """How often its download is looked up before it is ready."""

    def listed(self) -> JSON:
        """Return the entry as the search has it."""
        return {
            "id": self.id,
            "area": 100,
            "created_at": "2025-05-27T06:50:20.056549Z",
            "created_by": USER,
            "delivery_status": self.status,
            "details": self.details,
            "org_id": ORGANISATION,
            "updated_at": "2025-05-27T07:10:00.000001Z",
        }


def encoded(value: Any, encoding: Encoding) -> Any:
    """Return a raw JSON field in one of the forms in which it may come over the wire."""
    text = orjson.dumps(value)
    forms: Mapping[Encoding, Any] = {
        "json": value,
        "text": text.decode(),
        "base64": base64.b64encode(text).decode(),
        "bytes": list(text),
    }
    return forms[encoding]


def task(
    number: str,
    name: str,
    *,
    results: list[JSON],
    inputs: list[JSON],
    encoding: Encoding = "json",
    status: str = "completed",
) -> JSON:
    """Return a task of a job, its inputs and results in one of the encodings."""
    return {
        "id": number,
        "name": name,
        "status": status,
        "state_msg": "",
        "progress": 100,
        "depends_on": [],
        "inputs": encoded(inputs, encoding),
        "result": encoded(results, encoding),
        "info_logs": [],
        "block_info": {"id": f"block-{name}", "name": name, "version": "1.0.0"},
        "created_at": "2025-05-01T10:00:01Z",
        "finished_at": "2025-05-01T10:05:00Z",
        "recv_time": "",
        "time_taken": "4m59s",
    }
