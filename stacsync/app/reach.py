"""Whether readers can use what is published: public read, ranges and CORS at `storage.public_url`, asked as a browser asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import urllib3

from stacsync import layout
from stacsync.logs import redact, redact_url
from stacsync.provider import CheckLine

ORIGIN = "https://stac-browser.example"
_TIMEOUT = urllib3.Timeout(connect=10, read=20)
_HOW = "see docs/catalog.md for the policy of your store"


def lines(public_url: str) -> Iterator[CheckLine]:
    """Ask for one byte of the root as STAC Browser does; one line each for access, ranges and CORS. Never raises.

    None of them is required: readers may be able to ask what this machine is not.
    """
    return (replace(line, required=False) for line in _asked(public_url))


def _asked(public_url: str) -> Iterator[CheckLine]:
    url = f"{public_url.rstrip('/')}/{layout.ROOT}"
    subject = f"readers at {redact_url(public_url)}"
    headers = {"Origin": ORIGIN, "Range": "bytes=0-0"}
    try:
        with urllib3.PoolManager(retries=urllib3.Retry(3, connect=0, read=0, status=0)) as pool:
            answer = pool.request("GET", url, headers=headers, timeout=_TIMEOUT, preload_content=False)
            found = {name.lower(): value for name, value in answer.headers.items()}
            answer.release_conn()
    except urllib3.exceptions.HTTPError as error:
        yield CheckLine(
            subject=subject,
            ok=False,
            message=redact(f"cannot be reached: {error}"[:300]),
            remedy="set storage.public_url to the address at which readers see storage.url",
        )
        return
    yield from _judged(subject, answer.status, found)


def _judged(subject: str, status: int, headers: Mapping[str, str]) -> Iterator[CheckLine]:
    if status == 404:
        yield CheckLine(subject=subject, ok=True, message="nothing is published yet; check again after the first pass")
        return
    if status not in {200, 206}:
        remedy = f"let everybody read (s3:GetObject for all), or put a web server in front; {_HOW}"
        yield CheckLine(subject=subject, ok=False, message=f"the catalog cannot be read: HTTP {status}", remedy=remedy)
        return
    yield CheckLine(subject=subject, ok=True, message="the catalog can be read without signing in")
    ranged = status == 206
    yield CheckLine(
        subject=subject,
        ok=ranged,
        message="ranges are served" if ranged else "a request for one byte is answered with the whole file",
        remedy="" if ranged else f"browsers cannot draw rasters so: let the server honour Range requests; {_HOW}",
    )
    allowed = headers.get("access-control-allow-origin") in {"*", ORIGIN}
    exposed = {name.strip().lower() for name in headers.get("access-control-expose-headers", "").split(",")}
    yield CheckLine(
        subject=subject,
        ok=allowed,
        message="web pages of any origin may read it (CORS)"
        if allowed
        else "web pages may not read it: no CORS headers",
        remedy="" if allowed else f"STAC Browser shows nothing so: allow GET and HEAD from all origins; {_HOW}",
    )
    if allowed and ranged and not {"content-range", "*"} & exposed:
        yield CheckLine(
            subject=subject,
            ok=True,
            message=f"Content-Range is not exposed to web pages; some map viewers want it: {_HOW}",
        )
