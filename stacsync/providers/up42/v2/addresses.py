"""Addresses in UP42's answers: the API's own, foreign ones, and what of them may be published. Pure."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit, urlunsplit

from stacsync.logs import redact

API_HOSTS = frozenset({"api.up42.com", "api.sa.up42.com"})
"""Hosts that UP42 writes into its answers, also when it is reached through another one."""
_SCHEMES = frozenset({"http", "https"})


def own(href: str, base: str) -> str | None:
    """Return `href` as an address of the API at `base`, None when it lies elsewhere.

    Relative hrefs are the API's. So are those that name its host with another scheme: UP42 writes `http` links, and the
    token must never travel over them.
    """
    try:
        parts = urlsplit(urljoin(f"{base}/", href.strip()))
        ours = urlsplit(base)
        known = parts.hostname in API_HOSTS or (parts.hostname == ours.hostname and _port(parts.port, ours.port))
    except ValueError:
        return None
    if parts.scheme not in _SCHEMES or not known or "@" in parts.netloc:
        return None
    return urlunsplit((ours.scheme, ours.netloc, parts.path, parts.query, ""))


def public(href: str) -> str | None:
    """Return `href` when it may be published: absolute http(s), without a user, a signature or a token; else None."""
    href = href.strip()
    try:
        parts = urlsplit(href)
        if parts.scheme not in _SCHEMES or not parts.hostname or "@" in parts.netloc:
            return None
    except ValueError:
        return None
    return href if redact(href) == href else None


def _port(theirs: int | None, ours: int | None) -> bool:
    return theirs == ours or theirs in {None, 80, 443}
