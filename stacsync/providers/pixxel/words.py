"""The API's words, tolerantly: statuses, times, and raw JSON in its four encodings. Pure."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Collection
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import orjson


class Progress(StrEnum):
    """What a status word means."""

    DONE = "done"
    PARTLY = "partly"
    FAILED = "failed"
    RUNNING = "running"


_DONE = {"completed", "complete", "success", "succeeded", "successful", "finished", "done", "ready"}
_PARTLY = {"partialsuccess", "partiallycompleted"}
_FAILED = {
    "failed",
    "failure",
    "error",
    "errored",
    "cancelled",
    "canceled",
    "aborted",
    "rejected",
    "expired",
    "terminated",
    "timedout",
}


def plain(word: str) -> str:
    """Return a status word without case, hyphens, underscores and spaces."""
    return re.sub(r"[-_\s]", "", word).lower()


def progress(status: object, also_done: Collection[str] = ()) -> Progress:
    """Return what a status means; an unknown word means that the job is not finished."""
    word = plain(str(status or ""))
    if word in _DONE or word in {plain(other) for other in also_done}:
        return Progress.DONE
    if word in _PARTLY:
        return Progress.PARTLY
    return Progress.FAILED if word in _FAILED else Progress.RUNNING


def moment(value: object) -> datetime | None:
    """Return a time in UTC; None for "", null, Go's zero time and anything that is no time."""
    if not isinstance(value, str) or not value.strip():
        return None
    try:
        parsed = datetime.fromisoformat(value.strip())
        parsed = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return parsed if parsed.year > 2000 else None


def raw_json(value: object) -> Any:
    """Return a raw JSON field: real JSON, a JSON text, base64 of one, or an array of its bytes; None when it is none."""
    if isinstance(value, list) and value and all(isinstance(one, int) and 0 <= one < 256 for one in value):
        return _parsed(bytes(value))
    if isinstance(value, list | dict):
        return value
    if not isinstance(value, str) or not value.strip():
        return None
    found = _parsed(value.encode())
    if found is None:
        try:
            found = _parsed(b64decode(value, validate=True))
        except (binascii.Error, ValueError):
            return None
    return found


def _parsed(data: bytes) -> Any:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, list | dict) else None


def objects(value: object) -> list[dict[str, Any]]:
    """Return the objects of a raw JSON field that holds one or a list of them."""
    found = raw_json(value)
    listed = found if isinstance(found, list) else [found]
    return [one for one in listed if isinstance(one, dict)]
