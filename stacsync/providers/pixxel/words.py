"""The API's words, tolerantly: statuses, times, and raw JSON in its four encodings. Pure, but for one warning a word."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Collection
from datetime import UTC, datetime
from enum import StrEnum
from threading import Lock
from typing import Any

import orjson

from stacsync.logs import get_logger, redact

_LOG = get_logger(__name__)


class Progress(StrEnum):
    """What a status word means."""

    DONE = "done"
    PARTLY = "partly"
    FAILED = "failed"
    RUNNING = "running"
    UNKNOWN = "unknown"
    """No word that we know: nothing is finished until the API says so."""


_WORDS = {
    Progress.DONE: "completed complete success succeeded successful finished done ready",
    Progress.PARTLY: "partialsuccess partiallycompleted",
    Progress.FAILED: "failed failure error errored cancelled canceled aborted rejected expired terminated timedout",
    Progress.RUNNING: (
        "running pending queued created started inprogress processing submitted scheduled accepted waiting new draft "
        "initiated initializing preparing paused cancelling canceling notstarted planned retrying"
    ),
}
_MEANING = {word: meaning for meaning, words in _WORDS.items() for word in words.split()}


def plain(word: str) -> str:
    """Return a status word without case, hyphens, underscores and spaces."""
    return re.sub(r"[-_\s]", "", word).lower()


class Vocabulary:
    """What statuses mean to one account; each unknown word is warned of once. Safe to use from many threads."""

    def __init__(self, also_done: Collection[str] = ()) -> None:
        """`also_done` are further words that mean finished."""
        self._meaning = _MEANING | dict.fromkeys((plain(word) for word in also_done), Progress.DONE)
        self._told: set[str] = set()
        self._lock = Lock()

    def means(self, status: object) -> Progress:
        """Return what a status means."""
        word = plain(status) if isinstance(status, str) else ""
        found = self._meaning.get(word, Progress.UNKNOWN)
        if found is Progress.UNKNOWN and word:
            self._warn(word)
        return found

    def _warn(self, word: str) -> None:
        with self._lock:
            if word in self._told or len(self._told) > 1000:
                return
            self._told.add(word)
        _LOG.warning(
            "pixxel.unknown_status",
            status=redact(word)[:60],
            remedy="if it means finished, name it in done_statuses",
        )


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


def text(value: object) -> str | None:
    """Return text that is not blank, else None."""
    return value.strip() or None if isinstance(value, str) else None


def key_of(value: object) -> str | None:
    """Return an opaque id as text; None when there is none."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).strip() or None


def raw_json(value: object) -> Any:
    """Return a raw JSON field: real JSON, a JSON text, base64 of one, or an array of its bytes; None when it is none."""
    if isinstance(value, list) and value and all(type(one) is int and 0 <= one < 256 for one in value):
        return _parsed(bytes(value))
    if isinstance(value, list | dict):
        return value
    if not isinstance(value, str) or not value.strip():
        return None
    found = _parsed(value.encode("utf-8", "replace"))
    return _from_base64(value.strip()) if found is None else found


def _from_base64(value: str) -> Any:
    try:
        return _parsed(b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        return None


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
