"""The tasks of a job: which block ran, which gave pictures, which one's output is the job's. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stacsync.providers.up42.names import text


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One step of a job."""

    id: str
    name: str
    succeeded: bool
    is_data: bool
    """A block that fetches data (and makes quicklooks), not one that processes it."""
    parents: tuple[str, ...]
    block: str | None
    version: str | None


def tasks(listed: Any) -> tuple[Task, ...]:
    """Return the tasks of an answer, in its order; entries without an id are left out."""
    return tuple(
        _task(entry, task_id)
        for entry in (listed if isinstance(listed, list) else ())
        if isinstance(entry, dict) and (task_id := text(entry.get("id")))
    )


def last(steps: Sequence[Task]) -> Task | None:
    """Return the task whose output is the job's own: the one that feeds no other, the last of them when several do not."""
    feeding = {parent for step in steps for parent in step.parents}
    return next((step for step in reversed(steps) if step.id not in feeding), None)


def software(steps: Sequence[Task]) -> dict[str, str]:
    """Return the version of each block that ran."""
    return {step.block: step.version for step in steps if step.block and step.version}


def _task(entry: dict[str, Any], task_id: str) -> Task:
    given = entry.get("block")
    block = given if isinstance(given, dict) else {}
    named = entry.get("parentsIds")
    parents = tuple(str(parent) for parent in named) if isinstance(named, list) else ()
    kind = text(block.get("type"))
    return Task(
        id=task_id,
        name=text(entry.get("name")) or text(block.get("name")) or task_id,
        succeeded=str(entry.get("status", "SUCCEEDED")).strip().upper() == "SUCCEEDED",
        is_data=kind.upper() == "DATA" if kind else not parents,
        parents=parents,
        block=text(block.get("name")) or text(entry.get("blockName")),
        version=text(entry.get("blockVersion")) or text(block.get("version")) or text(entry.get("blockVersionTag")),
    )
