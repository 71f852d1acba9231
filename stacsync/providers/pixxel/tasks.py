"""The tasks of a job, and the names that they give to their outputs. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from stacsync.providers.pixxel.words import Progress, Vocabulary, key_of, objects, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a task says of one of its result files. Its address is signed and never kept."""

    task: str
    name: str
    description: str | None = None
    bands: tuple[str, ...] = ()


def tasks(detail: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the tasks of a job's own page that have an id."""
    listed = detail.get("tasks")
    rows = listed if isinstance(listed, list) else []
    return [row for row in rows if isinstance(row, dict) and key_of(row.get("id"))]


def finished(detail: Mapping[str, Any], vocabulary: Vocabulary) -> dict[str, str]:
    """Return the names of the tasks that have results, by id; one without a status has as much as its job."""
    return {
        str(key_of(task["id"])): text(task.get("name")) or str(task["id"])
        for task in tasks(detail)
        if not task.get("status") or vocabulary.means(task["status"]) in (Progress.DONE, Progress.PARTLY)
    }


def software(detail: Mapping[str, Any]) -> dict[str, str]:
    """Return the processing blocks that ran, with their versions."""
    blocks = [task.get("block_info") for task in tasks(detail)]
    named = [block for block in blocks if isinstance(block, Mapping) and text(block.get("name"))]
    return {str(text(block.get("name"))): str(block.get("version") or "") for block in named}


def outputs(detail: Mapping[str, Any]) -> dict[str, Output]:
    """Return what tasks say of their result files, by file name; a name that two outputs have says nothing."""
    found: dict[str, Output] = {}
    twice: set[str] = set()
    for task in tasks(detail):
        for one in objects(task.get("result")):
            file = _file(one.get("value"))
            name = text(one.get("name"))
            if file is None or name is None:
                continue
            if file in found:
                twice.add(file)
            found[file] = _output(task, name, one)
    return {file: output for file, output in found.items() if file not in twice}


def _output(task: Mapping[str, Any], name: str, one: Mapping[str, Any]) -> Output:
    stated = one.get("properties")
    bands = stated.get("bands") if isinstance(stated, Mapping) else None
    return Output(
        task=text(task.get("name")) or str(task["id"]),
        name=name,
        description=text(one.get("description")),
        bands=tuple(band for band in bands if isinstance(band, str)) if isinstance(bands, list) else (),
    )


def _file(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        path = urlsplit(value).path
    except ValueError:
        return None
    return posixpath.basename(unquote(path)) or None
