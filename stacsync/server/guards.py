"""What stands in front of an application: the headers of its answers, and the names that it is asked by."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stacsync.http import origins


class Secured:
    """Adds headers to every answer, errors included."""

    def __init__(self, inner: ASGIApp, headers: Mapping[str, str]) -> None:
        """Wrap `inner`."""
        self._inner = inner
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        await self._inner(scope, receive, with_headers)


class Local:
    """Answers on this machine's loopback interface to its own names alone.

    A page of somebody's, opened in a browser on this machine, could have its own host name lead here (DNS rebinding)
    and would read the answers as its own. Its name in the header `Host` gives it away.
    """

    def __init__(self, inner: ASGIApp, *also: str) -> None:
        """Wrap `inner`; `also` are names that it goes by beside those of the loopback interface."""
        self._inner = inner
        self._also = frozenset(name.lower() for name in also)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        named = Headers(scope=scope).get("host")
        host = None if named is None else origins.origin(f"http://{named}")[1]
        if host is None or host in self._also or is_loopback(host):
            await self._inner(scope, receive, send)
        else:
            text = "asked by a name that is not of this machine: ask for localhost or 127.0.0.1; a proxy sends one of them as Host"
            await PlainTextResponse(text, 421)(scope, receive, send)


def is_loopback(host: str) -> bool:
    """Say whether a host name or address means the loopback interface wherever it is resolved."""
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"
