"""The wrapper around the answers of UP42's first API, in all its spellings. Pure.

Success is `{"error": null, "data": …}`, where "no error" is also written `{}`, `"None"` or left out. Failure is `{"data": null,
"error": {"code", "message"}}`, sent with the matching status or with 200; `code` is a number or a word.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from stacsync.errors import Unavailable
from stacsync.logs import redact

_CODES = {
    "VALIDATION_ERROR": 400,
    "BAD_REQUEST": 400,
    "UNAUTHORIZED": 401,
    "FORBIDDEN": 403,
    "RESOURCE_NOT_FOUND": 404,
    "NOT_FOUND": 404,
    "GONE": 410,
    "TOO_MANY_REQUESTS": 429,
}
_NO_ERROR: tuple[Any, ...] = (None, {}, "", "None", [])
_MESSAGE_LIMIT = 200
_SHORT = 16 * 1024
"""Bytes beyond which an answer is no refusal."""
_UUID = re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")
"""Messages quote the ids of projects and users."""


class EnvelopeError(Unavailable):
    """An answer of UP42 that says it failed; `status` is the HTTP status that it means, None when it does not say."""

    def __init__(self, message: str, status: int | None) -> None:
        super().__init__(message)
        self.status = status


def unwrap(answer: Any) -> Any:
    """Return the `data` of an answer. Raises `EnvelopeError` when it carries an error, or is no envelope at all."""
    if not isinstance(answer, dict):
        raise EnvelopeError(f"UP42 answered with {type(answer).__name__} where an object was due", None)
    error = answer.get("error")
    if error not in _NO_ERROR:
        raise failure(error)
    if "data" not in answer:
        raise EnvelopeError("UP42 answered without data", None)
    return answer["data"]


def failure(error: Any) -> EnvelopeError:
    """Return what the `error` of an answer means. Its own words are shortened and stripped of secrets and ids."""
    code = error.get("code") if isinstance(error, dict) else None
    words = error.get("message") if isinstance(error, dict) else error
    said = without_ids(redact(str(words or "no reason given")))[:_MESSAGE_LIMIT]
    return EnvelopeError(f"UP42 refused: {code or 'error'}: {said}", _status(code))


def without_ids(words: str) -> str:
    """Return a message without the ids that it quotes."""
    return _UUID.sub("…", words)


def is_refusal(body: bytes) -> bool:
    """Tell whether `body` is an envelope that says, with whatever status it came, that the token is not accepted."""
    if len(body) > _SHORT or b'"error"' not in body:
        return False
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    error = answer.get("error") if isinstance(answer, dict) else None
    return isinstance(error, dict) and _status(error.get("code")) == 401


def _status(code: Any) -> int | None:
    if isinstance(code, int) and not isinstance(code, bool):
        return code
    if not isinstance(code, str):
        return None
    return int(code) if code.isdigit() else _CODES.get(code.strip().upper())
