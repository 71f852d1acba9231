"""An answer read whole within bounds, its JSON, and the error that it may be."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from stacsync.errors import SignInFailed, Unavailable
from stacsync.logs import redact, redact_url

BODY_LIMIT = 64 * 1024 * 1024
"""Bytes of an answer (after decompression) beyond which it is refused."""
EXCERPT = 300


class HttpError(Unavailable):
    """A provider answered, but not with what was asked for.

    `status` is the HTTP status (200 when only the content was wrong, 0 when it sent us where we do not go), `code` the provider's own error code if it told
    one, `body` a short redacted excerpt of what it said.
    """

    def __init__(self, message: str, remedy: str = "", *, status: int, code: str | None = None, body: str = "") -> None:
        super().__init__(message, remedy)
        self.status = status
        self.code = code
        self.body = body


class SignInRefused(HttpError, SignInFailed):
    """401 (or what the provider uses instead) although the credentials were renewed where they can be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer, read whole."""

    status: int
    url: str = field(repr=False)
    """Where the answer came from, after redirects: what relative links in it are relative to."""
    headers: Mapping[str, str]
    """Names in any case."""
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Return the body as JSON; `NaN` and infinities, which JSON does not know, become null.

        Raises `HttpError` when the body is no JSON.
        """
        return parse_json(self.body, self.url, self.status, self.headers.get("Content-Type", ""))

    @property
    def code(self) -> str | None:
        """The provider's error code, whichever of the usual places it is in."""
        return _told(self.body)[0]


def join(chunks: Iterable[bytes], url: str, status: int, limit: int = BODY_LIMIT) -> bytes:
    """Return the chunks as one body. Raises `HttpError` once it is longer than `limit` bytes."""
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise HttpError(
                f"{redact_url(url)} answers with more than {limit // 1024**2} MiB",
                "no listing is that long: check the configured url",
                status=status,
            )
        parts.append(chunk)
    return b"".join(parts)


def parse_json(body: bytes, url: str, status: int = 200, content_type: str = "") -> Any:
    """Return `body` as JSON. Raises `HttpError` naming `url` (redacted) when it is none."""
    for read in (orjson.loads, _tolerant):
        try:
            document = read(body)
        except (ValueError, RecursionError):
            continue
        if shallow(document):
            return document
        raise HttpError(f"{redact_url(url)} answers with JSON nested beyond reason", "try again later", status=status)
    page = "html" in content_type.lower() or body[:100].lstrip().lower().startswith((b"<!doctype", b"<html"))
    what = "a web page" if page else "something that is no JSON"
    remedy = "check the configured url; a proxy or a sign-in page may stand in between" if page else "try again later"
    raise HttpError(f"{redact_url(url)} answers with {what} where JSON was due", remedy, status=status)


def _tolerant(body: bytes) -> Any:
    if b"NaN" in body or b"Infinity" in body:
        return json.loads(body, parse_constant=lambda _: None)
    raise ValueError("no JSON")


def shallow(document: Any) -> bool:
    """Say whether JSON is nested no deeper than it can be written again: some 250 levels, which recursion survives."""
    try:
        orjson.dumps(document)
    except TypeError as error:
        return "ecursion" not in str(error)
    return True


def error_of(response: Response, *, refused: bool = False) -> HttpError:
    """Return the exception that tells of an unwanted answer; `refused`: it means that our credentials are not accepted."""
    code, text = _told(response.body)
    said = redact(text[: 8 * EXCERPT])[:EXCERPT]
    message = f"{redact_url(response.url)} answers {response.status}"
    detail = " ".join(part for part in (code, said) if part)
    if detail:
        message = f"{message}: {redact(detail)[:EXCERPT]}"
    if refused or response.status == 401:
        return SignInRefused(message, "check this provider's credentials", status=response.status, code=code, body=said)
    remedy = {
        403: "the account may lack the right for this",
        404: "check the configured url",
        429: "wait for the quota to recover, or make the schedule rarer",
    }.get(response.status, "")
    return HttpError(message, remedy, status=response.status, code=code, body=said)


def _told(body: bytes) -> tuple[str | None, str]:
    """Return (code, message) of an error body in any of the usual shapes; ("", plain text) of others."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        text = body[:EXCERPT].decode("utf-8", "replace").strip()
        return None, "" if text.startswith("<") else " ".join(text.split())
    if isinstance(document, dict) and isinstance(document.get("error"), dict):
        document = document["error"]
    if not isinstance(document, dict):
        return None, ""
    code = _first_text(document, ("code", "error"))
    return code, _first_text(
        document, ("message", "error_description", "detail", "description", "reason", "title")
    ) or ""


def _first_text(document: Mapping[str, Any], names: Iterable[str]) -> str | None:
    for name in names:
        value = document.get(name)
        if isinstance(value, str | int) and value != "":
            return str(value)
    return None
