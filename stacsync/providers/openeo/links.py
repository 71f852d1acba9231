"""Addresses as openEO back-ends write them: what signs them, what they mean without it, and what they are relative to.

A back-end of the common driver signs in the path (`…/results/assets/<user>/<md5>/<file>?expires=…`) where `<user>` is the
account's id in base64; object stores sign in the query; another driver hands out capability paths (64 hex digits). None
of these may be kept or published, and none is part of what an asset *is*.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urljoin, urlsplit, urlunsplit

from stacsync.http.pages import secured

_SIGNING = re.compile(
    r"(?i)^(?:x-(?:amz|goog|proxy|oss|ms)-.*|expires?|signature|sig|s[evprtk]|skoid|sktid|skt|ske|sks|skv|.*token.*|.*key.*"
    r"|awsaccesskeyid|googleaccessid|policy|.*secret.*|.*credential.*|auth.*|code|hmac|jwt)$"
)
_USER_AND_DIGEST = re.compile(r"(/results(?:/[a-z0-9]+)?)/[A-Za-z0-9_+%=-]+/[0-9a-f]{32}(?=/|$)")
_CAPABILITY = re.compile(r"/[0-9A-Fa-f]{40,}(?=/|$)")
_RESULTS = re.compile(r"^.*/jobs/[^/]+/results/(?=.)")
_REMEMBERED = 4096
"""Addresses taken apart lately: those of a job are asked of several times in a row."""
_EMBEDDED = re.compile(r"https?://[^\s\"'<>\\]+")


def is_web(href: Any) -> bool:
    """Say whether `href` is an absolute http or https address."""
    return isinstance(href, str) and re.match(r"(?i)https?://[^/]", href) is not None and _split(href)[1] != ""


def signs_in_query(url: str) -> bool:
    """Say whether the query of an address grants access: then it wants no other credentials beside it."""
    return any(_SIGNING.match(name) for name, _ in parse_qsl(_split(url)[3], keep_blank_values=True))


def is_signed(url: str) -> bool:
    """Say whether the address itself grants access, by its query or by its path."""
    path = _split(url)[2]
    return signs_in_query(url) or _CAPABILITY.search(path) is not None or _USER_AND_DIGEST.search(path) is not None


def path_of(url: str) -> str:
    """Return the path of an address, "" of what is none."""
    return _split(url)[2]


@lru_cache(_REMEMBERED)
def unsigned(url: str) -> str:
    """Return `url` without user information and without whatever signs it; other query parameters stay."""
    scheme, netloc, path, query = _split(url)
    path = _CAPABILITY.sub("", _USER_AND_DIGEST.sub(r"\1", path))
    kept = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if not _SIGNING.match(name)]
    return urlunsplit((scheme, netloc.rpartition("@")[2], path, urlencode(kept), ""))


def name_of(url: str) -> str:
    """Return what an address means without signatures, host and API version: the same in every answer."""
    _, _, path, query = _split(unsigned(url))
    path = _RESULTS.sub("", unquote(path))
    return f"{path}?{query}" if query else path


def filename_of(url: str) -> str:
    """Return the file name that an address ends with, below its `assets/` folder where it has one."""
    path = unquote(path_of(unsigned(url)))
    _, marker, below = path.partition("/results/assets/")
    return below if marker and below else path.rpartition("/")[2]


def base_of(document: Mapping[str, Any], requested: str) -> str:
    """Return what relative hrefs of a document are relative to: its `canonical` or `self` address, else where we got it."""
    for rel in ("canonical", "self"):
        for link in links_of(document, rel):
            if is_web(link["href"]):
                return str(link["href"])
    return requested


def links_of(document: Mapping[str, Any], *rels: str) -> list[Mapping[str, Any]]:
    """Return the document's links of these relations (all when none is named) that have an href."""
    links = document.get("links")
    return [
        link
        for link in (links if isinstance(links, list) else [])
        if isinstance(link, dict)
        and isinstance(link.get("href"), str)
        and link["href"].strip()
        and (not rels or link.get("rel") in rels)
    ]


@lru_cache(_REMEMBERED)
def absolute(href: str, base: str, requested: str) -> str:
    """Return `href` resolved against `base`; a back-end behind a TLS proxy that writes http is taken at https.

    What cannot be parsed becomes an empty text, which is no web address.
    """
    try:
        return secured(urljoin(base, href.strip()), requested)
    except ValueError:
        return ""


def expiry(url: str) -> datetime | None:
    """Return when a signed address stops working, as far as it says so itself."""
    try:
        query = {name.lower(): value for name, value in parse_qsl(_split(url)[3])}
        if "x-amz-date" in query and "x-amz-expires" in query:
            begun = datetime.strptime(query["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            return begun + timedelta(seconds=int(query["x-amz-expires"]))
        return datetime.fromtimestamp(int(query["expires"]), UTC) if "expires" in query else None
    except (ValueError, OverflowError, OSError):
        return None


def without_signatures(text: str) -> str:
    """Return `text` with every address in it unsigned."""
    return _EMBEDDED.sub(lambda match: unsigned(match[0]), text) if "://" in text else text


def host_of(url: str) -> str:
    """Return host and port of an address as written, with user information if it has any."""
    return _split(url)[1].lower()


def job_path(job_id: str, *more: str) -> str:
    """Return the API path of a job, whatever characters its id holds."""
    return "/".join(["/jobs", quote(job_id, safe=""), *more])


@lru_cache(_REMEMBERED)
def _split(url: str) -> tuple[str, str, str, str]:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # reading it is what checks it
    except ValueError:
        return "", "", "", ""
    return parts.scheme, parts.netloc, parts.path, parts.query
