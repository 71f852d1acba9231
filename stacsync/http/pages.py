"""Walking through the pages of a listing, to the real end and never in a circle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar
from urllib.parse import urljoin, urlsplit, urlunsplit

from stacsync.errors import Unavailable
from stacsync.http import origins
from stacsync.logs import redact_url

PAGE_LIMIT = 10_000
Page = TypeVar("Page")


def pages(
    first_url: str,
    fetch: Callable[[str], Page],
    next_link: Callable[[Page], str | None],
    *,
    limit: int = PAGE_LIMIT,
) -> Iterator[Page]:
    """Yield every page from `first_url` on; `next_link` tells the next page's href (relative ones are fine) or None.

    Raises `Unavailable` when a page names one that was already read, one of another origin, or more than `limit` pages:
    a listing never ends early in silence. A back-end behind a TLS proxy that writes `http` links to its own host is
    followed over https.
    """
    url: str | None = first_url
    visited: set[str] = set()
    while url is not None:
        if url in visited:
            raise Unavailable(f"the pages of {redact_url(first_url)} go in a circle", "report it to the provider")
        if len(visited) >= limit:
            raise Unavailable(f"{redact_url(first_url)} has more than {limit} pages", "set a larger page size or since")
        visited.add(url)
        page = fetch(url)
        yield page
        href = next_link(page)
        url = _next(first_url, url, href) if href else None


def _next(first: str, current: str, href: str) -> str:
    try:
        url = secured(urljoin(current, href), first)
    except ValueError:
        raise Unavailable(
            f"the next page of {redact_url(first)} has an address that is none", "report it to the provider"
        ) from None
    if not origins.same_origin(url, first):
        raise Unavailable(
            f"the next page of {redact_url(first)} lies at {redact_url(url)}, another host, and is not asked",
            "report it to the provider",
        )
    return url


def secured(url: str, base: str) -> str:
    """Return `url` over https if it names the host of `base` over plain http while `base` itself is https.

    Raises `ValueError` for a `url` that cannot be parsed.
    """
    ours, theirs = urlsplit(base), urlsplit(url)
    if (
        ours.scheme == "https"
        and theirs.scheme == "http"
        and ours.hostname == theirs.hostname
        and theirs.port in {None, 80}
    ):
        return urlunsplit(theirs._replace(scheme="https", netloc=ours.netloc))
    return url
