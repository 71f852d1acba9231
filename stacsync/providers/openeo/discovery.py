"""Which API a back-end speaks: version discovery and capabilities. The choosing is pure."""

from __future__ import annotations

import re
from typing import Any

from stacsync.errors import Unavailable
from stacsync.http import Session, origins
from stacsync.http.pages import secured

_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?(?:-(.+))?$")
_JWT = re.compile(r"https://api\.openeo\.org/[^/]+/authentication/jwt/?$")
OLDEST, NEWEST = (1, 0, 0), (2, 0, 0)
"""Versions that are understood: from the first, below the second."""


def choose(document: Any) -> str | None:
    """Return the address of the newest production version of API 1.x, else of the newest 1.x at all, else None."""
    versions = document.get("versions") if isinstance(document, dict) else None
    best: tuple[tuple[Any, ...], str] | None = None
    for entry in versions if isinstance(versions, list) else ():
        rank = precedence(entry.get("api_version")) if isinstance(entry, dict) else None
        if rank is None or not isinstance(entry.get("url"), str) or not OLDEST <= rank[:3] < NEWEST:
            continue
        candidate = ((entry.get("production") is True, *rank), entry["url"].rstrip("/"))
        if best is None or candidate[0] > best[0]:
            best = candidate
    return best[1] if best else None


def precedence(version: Any) -> tuple[int, int, int, bool, str] | None:
    """Return what sorts a version as semver does (a pre-release comes before its release); None of anything else."""
    match = _VERSION.match(version.strip()) if isinstance(version, str) else None
    if match is None:
        return None
    major, minor, patch, suffix = match.groups()
    return int(major), int(minor), int(patch or 0), suffix is None, suffix or ""


def speaks_jwt(capabilities: Any) -> bool:
    """Say whether the back-end wants plain access tokens, without the `oidc/<provider>/` that API 1.2 put before them."""
    conforms = capabilities.get("conformsTo") if isinstance(capabilities, dict) else None
    return any(isinstance(uri, str) and _JWT.match(uri) for uri in (conforms if isinstance(conforms, list) else ()))


def api_root(session: Session) -> str:
    """Return the address of the API below the configured address of `session`.

    A back-end without version discovery is taken at its configured address. Raises `Unavailable` when it points to a
    place that credentials must not go to: another host that is not https.
    """
    configured = session.base_url
    try:
        found = choose(session.get_json("/.well-known/openeo"))
    except Unavailable:
        return configured
    try:
        root = secured(found, configured) if found else configured
        plain = not origins.same_origin(root, configured) and origins.origin(root)[0] != "https"
    except ValueError:
        raise Unavailable(
            "the back-end's version discovery names an address that is none",
            "put the address of the API itself (…/openeo/1.2) in url",
        ) from None
    if plain:
        raise Unavailable(
            "the back-end's version discovery points to another host without https",
            "put the address of the API itself (…/openeo/1.2) in url",
        )
    return root


def capabilities(session: Session) -> dict[str, Any]:
    """Return what the API at `session` says of itself. Raises `Unavailable` when it is no openEO API."""
    document = session.get_json("/")
    if not isinstance(document, dict) or not isinstance(document.get("api_version"), str):
        raise Unavailable("no openEO API answers at the configured url", "check url")
    return document
