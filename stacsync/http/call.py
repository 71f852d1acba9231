"""One request to be made, perhaps several times, and the credentials that go with it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import urlencode, urljoin

import orjson

from stacsync.errors import Unavailable
from stacsync.logs import names_secret, redact_url

REDIRECTS = frozenset({301, 302, 303, 307, 308})
SAFE_METHODS = frozenset({"GET", "HEAD"})


class Auth(Protocol):
    """Credentials of one provider; used from several threads."""

    def headers(self) -> Mapping[str, str]:
        """Return the headers that sign a request in; may sign in first. Raises `SignInFailed` or `Unavailable`."""
        ...

    def refresh(self) -> bool:
        """Get new credentials because the present ones were refused; False when there is no way to get any."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """One request to be made, perhaps several times."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    accepted: Collection[int] = ()

    def redirected(self, status: int, location: str) -> Call:
        """Return the request that a redirect asks for (RFC 9110 §15.4). Raises `Unavailable` when it leads to no address."""
        try:
            url = urljoin(self.url, location)
        except ValueError:
            raise Unavailable(f"{redact_url(self.url)} redirects to what is no address", "try again later") from None
        if status in {307, 308} or self.method in SAFE_METHODS:
            return replace(self, url=url)
        return replace(self, method="GET", url=url, body=None)


def encode(
    headers: Mapping[str, str], json: Any, data: Mapping[str, str] | None
) -> tuple[dict[str, str], bytes | None]:
    """Return headers and body of a request that carries JSON, a form, or nothing."""
    if json is not None:
        return {"Content-Type": "application/json", **headers}, orjson.dumps(json)
    if data is not None:
        return {"Content-Type": "application/x-www-form-urlencoded", **headers}, urlencode(data).encode()
    return dict(headers), None


def secrets_in(headers: Mapping[str, str]) -> Iterator[str]:
    """Yield what signs a request in, in the forms in which a server may quote it: whole, and the bare token."""
    for name, value in headers.items():
        if names_secret(name):
            bare = value.rpartition(" ")[2]
            yield from (value, bare, bare.rpartition("//")[2])
