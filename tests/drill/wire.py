"""What can happen between us and a provider: faults of the wire, of the host, and of whoever stands between."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace

from tests.drill.proxy import Answer, Trouble


def _status(status: int, body: bytes = b"", **headers: str) -> Callable[[Answer], Answer]:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Answer(status, told, body)


def _html(answer: Answer) -> Answer:
    page = b"<!doctype html><html><title>Maintenance</title><p>Back soon.</html>"
    return Answer(200, {**answer.headers, "Content-Type": "text/html"}, page)


def _gzipped(answer: Answer) -> Answer:
    return Answer(answer.status, {**answer.headers, "Content-Encoding": "gzip"}, gzip.compress(answer.body))


def _wrong(answer: Answer) -> Answer:
    """In place of JSON, as many bytes that are none. Wrong bytes of a file, of the right number, are believed."""
    if "json" not in answer.headers.get("Content-Type", ""):
        return answer
    return Answer(answer.status, answer.headers, bytes(byte ^ 0x55 for byte in answer.body))


def _error_body(answer: Answer) -> Answer:
    body = json.dumps({"code": "Internal", "message": "failed", "error": {"message": "failed"}, "data": None}).encode()
    return Answer(200, {**answer.headers, "Content-Type": "application/json"}, body)


BELIEVED = r"/results/|/signed/|/download|/archives/collections/.*/items/|/aoi/"
"""Where any JSON is believed: tables of text, what only adds to an Item, and packages that are being made."""
GONE = "expired, JSON 410"
"""A file that is said to be gone in three passes is left out of its Item: so this lasts for two."""
XML = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>'
FAULTS: dict[str, Trouble] = {
    "reset before the request": Trouble(lose_request=True),
    "answer lost": Trouble(lose_answer=True),
    "reset after 100 bytes": Trouble(reset_after=100),
    "stall": Trouble(stall=1.5),
    "drip": Trouble(drip=0.004),
    "truncated under the right length": Trouble(truncate=True),
    "wrong bytes": Trouble(change=_wrong),
    "429, seconds": Trouble(change=_status(429, Retry_After="1")),
    "429, milliseconds": Trouble(change=_status(429, Retry_After="1500")),
    "429, a date": Trouble(change=_status(429, Retry_After="Sun, 22 Nov 2026 00:00:00 GMT")),
    "429, a date far away": Trouble(change=_status(429, Retry_After="Fri, 31 Dec 2999 23:59:59 GMT")),
    "500": Trouble(change=_status(500, b"<html>oops</html>")),
    "503": Trouble(change=_status(503, Retry_After="0")),
    "expired, XML 403": Trouble(change=_status(403, XML, Content_Type="application/xml")),
    GONE: Trouble(change=_status(410, b'{"code": "ResultLinkExpired", "message": "m"}')),
    "redirected to another host": Trouble(change=_status(302, Location="{foreign}/stolen")),
    "redirected in a loop": Trouble(change=_status(302, Location="{itself}")),
    "redirected to a private address": Trouble(change=_status(307, Location="http://169.254.169.254/latest/meta-data")),
    "redirected to a name of a private address": Trouble(change=_status(302, Location="http://localhost:9/x")),
    "gzip that nobody asked for": Trouble(change=_gzipped),
    "a web page": Trouble(change=_html),
    "200 with an error": Trouble(path=rf"^(?!.*({BELIEVED})).*$", change=_error_body),
}


def meant(trouble: Trouble, foreign: str) -> Trouble:
    """Fill in where redirects lead to: to `foreign`, or to the address itself."""
    change = trouble.change
    if change is None:
        return trouble

    def filled(answer: Answer) -> Answer:
        found = change(answer)
        where = found.headers.get("Location", "").replace("{foreign}", foreign).replace("{itself}", answer.asked)
        return Answer(found.status, {**found.headers, **({"Location": where} if where else {})}, found.body)

    return replace(trouble, change=filled)
