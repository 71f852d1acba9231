"""Who is who on the network: origins of URLs, and the addresses behind host names."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
Resolve = Callable[[str, int], list[str]]
_REMEMBERED = 512
"""Addresses taken apart lately: each is asked of several times while its file is moved, and many are moved at once."""


@lru_cache(_REMEMBERED)
def split(url: str) -> SplitResult:
    """Return the parts of `url`; one that cannot be parsed gives empty parts."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # reading it is what checks it
    except ValueError:
        return SplitResult("", "", "", "", "")
    return parts


@lru_cache(_REMEMBERED)
def origin(url: str) -> tuple[str, str, int]:
    """Return (scheme, host, port) of `url`, in lower case and with the scheme's default port filled in."""
    parts = split(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or DEFAULT_PORTS.get(scheme, 0)


def host_port(url: str) -> str:
    """Return "host:port" of `url`, the form in which hosts are configured as trusted."""
    _, host, port = origin(url)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def same_origin(one: str, other: str) -> bool:
    """Say whether two URLs share scheme, host and port."""
    return origin(one) == origin(other)


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of `host`; none when the name does not resolve."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [str(entry[4][0]) for entry in found]
