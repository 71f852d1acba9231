"""Places in buckets: `s3://` addresses, the templates that results are delivered by, and where a task's own files lie. Pure.

A template without placeholders stands for `<folder>/<requestId>/<tileName>/<outputId>.<format>`, a bare bucket name for
`s3://bucket`. On Creodias and CDSE a bucket may be written `<project>:<bucket>`; S3 knows the second half alone.
Source: the services' OpenAPI and guides of Batch Processing, versions 1 and 2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from stacsync.errors import JobUnusable
from stacsync.logs import redact_url

REQUEST_ID = "<requestId>"
_DEFAULT_TAIL = "<requestId>/<tileName>/<outputId>.<format>"
_PLACEHOLDER = re.compile(r"<[A-Za-z]+>")
_ADDRESS = re.compile(r"s3a?://([^/]+)/?(.*)", re.DOTALL)
_PROJECT = re.compile(r"(?i)(s3a?://)[^/:@\s]+:(?=[^/:\s])")


@dataclass(frozen=True, slots=True)
class Address:
    """A bucket and what comes after it: a key, a folder or a template."""

    bucket: str
    path: str

    def uri(self) -> str:
        """Return the `s3://` form."""
        return f"s3://{self.bucket}/{self.path}"


def address(url: object) -> Address:
    """Return what an `s3://` address names. Raises `JobUnusable` for any other store."""
    match = _ADDRESS.fullmatch(url.strip()) if isinstance(url, str) else None
    if not match:
        shown = redact_url(url) if isinstance(url, str) else "no address"
        raise JobUnusable(
            f"the results lie at {shown}, which is no s3:// address", "only results in S3 buckets can be read"
        )
    return Address(bare_bucket(match[1]), match[2])


def bare_bucket(name: str) -> str:
    """Return a bucket's name without the project that some deployments write before it."""
    return name.rpartition(":")[2]


def without_project(text: str) -> str:
    """Return `text` with the project taken out of every `s3://<project>:<bucket>` in it."""
    return _PROJECT.sub(r"\1", text)


@dataclass(frozen=True, slots=True)
class Template:
    """Where one request delivers to: a bucket and a path with placeholders."""

    bucket: str
    path: str

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the key that the placeholders' values make; placeholders without a value stay."""
        return _PLACEHOLDER.sub(lambda match: values.get(match[0][1:-1], match[0]), self.path)

    def prefix(self, request_id: str) -> str:
        """Return the longest folder (with `/`, or empty) that everything of the request lies below."""
        return _folder(self.fill({"requestId": request_id}))


def template(url: object, *, plain_tail: str = _DEFAULT_TAIL) -> Template:
    """Return the template that a delivery address means. Raises `JobUnusable` when it is no `s3://` address."""
    place = address(url)
    if _PLACEHOLDER.search(place.path):
        return Template(place.bucket, place.path)
    folder = place.path.strip("/")
    return Template(place.bucket, f"{folder}/{plain_tail}" if folder else plain_tail)


def own_folders(url: object, request_id: str) -> tuple[str, ...]:
    """Return the folders (with `/`, or empty) that may hold a task's manifest and execution database, likely ones first.

    The guides say "the root of the delivery path" and leave open whether a plain path means itself or the request's
    folder below it, so both are tried. Raises `JobUnusable`.
    """
    path = address(url).path
    filled = path.replace(REQUEST_ID, request_id)
    if _PLACEHOLDER.search(path):
        top, inner = _folder(path), _folder(filled)
    else:
        top = inner = f"{path.strip('/')}/" if path.strip("/") else ""
    candidates = [top, f"{top}{request_id}/", inner]
    if not _PLACEHOLDER.search(filled) and filled.strip("/"):
        candidates.append(f"{filled.strip('/')}/")
    return tuple(dict.fromkeys(candidates))


def store_folders(url: object, request_id: str) -> tuple[str, ...]:
    """Return the folders (with `/`) that may be the root of a task's Zarr store, likely ones first. Raises `JobUnusable`."""
    filled = address(url).path.replace(REQUEST_ID, request_id).strip("/")
    folders = (f"{filled}/", f"{filled}/{request_id}/") if filled else (f"{request_id}/",)
    return tuple(dict.fromkeys(folders))


def _folder(path: str) -> str:
    """Return the part of `path` up to the last `/` before the first placeholder."""
    match = _PLACEHOLDER.search(path)
    fixed = path[: match.start()] if match else path
    head, slash, _ = fixed.rpartition("/")
    return f"{head}{slash}"
