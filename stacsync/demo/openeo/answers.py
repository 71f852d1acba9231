"""Answers of the stand-in, as status, body and headers. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(document: Any, status: int = 200) -> Answer:
    """Return a JSON document as an answer."""
    return Answer(status, orjson.dumps(document), {"Content-Type": "application/json"})


def error(status: int, code: str, message: str) -> Answer:
    """Return an error in the form that openEO gives them."""
    return json_answer({"id": "r-0", "code": code, "message": message}, status)


def ranged(data: bytes, media_type: str, headers: Mapping[str, str]) -> Answer:
    """Return a file, or the part of it that `Range` asks for if `If-Range` (when given) still names this version."""
    etag = f'"{sha256(data).hexdigest()[:16]}"'
    stated = {"Content-Type": media_type, "Accept-Ranges": "bytes", "ETag": etag}
    wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", headers.get("range", ""))
    if not wanted or headers.get("if-range", etag) != etag:
        return Answer(200, data, stated)
    start, end = int(wanted[1]), min(int(wanted[2] or len(data) - 1), len(data) - 1)
    if start >= len(data):
        return Answer(416, b"", {**stated, "Content-Range": f"bytes */{len(data)}"})
    return Answer(206, data[start : end + 1], {**stated, "Content-Range": f"bytes {start}-{end}/{len(data)}"})
