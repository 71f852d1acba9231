"""The data plane: opens signed addresses and streams their bytes, by hand where a client library is too helpful.

- Redirects are followed by hand, five at most. `Signed.headers` go to the exact origin of the signed URL, not to one
  that carries its own signature, and never again once a redirect led elsewhere.
- Every hop is resolved and checked by `addresses`, and the connection is pinned to what was checked, with the original
  name in SNI and Host.
- Nothing is compressed on the way by our wish; a host that does so anyway is decoded, and its sizes are not believed.
- A body that is too slow over `PATIENCE` seconds counts as a dropped connection (`body`).
"""

from __future__ import annotations

import re
import ssl
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http.client import HTTPException
from threading import Lock
from urllib.parse import urljoin

import certifi
import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from stacsync import __version__
from stacsync.errors import TransferFailed
from stacsync.http import download, origins
from stacsync.http.addresses import Addresses, HostUnknown
from stacsync.http.body import Body
from stacsync.http.download import Download, FetchInterrupted, FetchRefused
from stacsync.http.pinned import Line, Waiting, pinned_pool
from stacsync.http.poured import Poured, in_pieces
from stacsync.http.retry import RETRIED, retry_after
from stacsync.provider import Signed

__all__ = ["Download", "FetchInterrupted", "FetchRefused", "Fetcher"]

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 5
REFUSED = frozenset({400, 401, 403, 404, 410, 416})
PATIENCE = 60.0
"""Seconds after which the pace is judged, and which a host may be silent."""
MOST_ADDRESSES = 4
MOST_HOSTS = 64
_SIGNED = re.compile(r"[?&](x-amz-signature|x-goog-signature|signature|sig)=", re.IGNORECASE)
_ERROR_CODE = re.compile(rb"<Code>(\w{1,60})</Code>")


def carries_signature(url: str) -> bool:
    """Say whether `url` is its own credential; stores refuse such a request when it carries another one too."""
    return _SIGNED.search(url) is not None


def trust_store() -> ssl.SSLContext:
    """Return the certificates to believe: the system's (or SSL_CERT_FILE) and those that Requests uses."""
    context = ssl.create_default_context()
    context.load_verify_locations(cafile=certifi.where())
    return context


class Fetcher:
    """Opens signed addresses; keeps connections alive between them; may be used from many threads."""

    def __init__(
        self,
        trusted: frozenset[str] = frozenset(),
        *,
        connections: int = 16,
        connect_timeout: float = 10.0,
        read_timeout: float = PATIENCE,
        resolver: origins.Resolve = origins.resolve,
        context: ssl.SSLContext | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._addresses = Addresses(trusted, resolver, monotonic)
        self._connections = connections
        self._timeout = urllib3.Timeout(connect=connect_timeout, read=read_timeout)
        self._patience = read_timeout
        self._context = context or trust_store()
        self._monotonic = monotonic
        self._waiting = Waiting()
        self._lock = Lock()
        self._pools: OrderedDict[tuple[str, str, int, str], urllib3.HTTPConnectionPool] = OrderedDict()

    def open(
        self, signed: Signed, *, start: int = 0, validator: str | None = None, if_none_match: str | None = None
    ) -> Download:
        """Open `signed`, from byte `start` on if the object is still the one that `validator` names.

        Answers 200 (from byte 0 whatever was asked for), 206 or, with `if_none_match`, 304. Raises `FetchRefused` for
        an address that must be asked for again, `FetchInterrupted` for what may pass, `TransferFailed` for what will
        not, and `Stopped` after `interrupt`.
        """
        conditions = _conditions(start, validator, if_none_match)
        url, method, home = signed.url, signed.method, True
        for _ in range(MOST_REDIRECTS + 1):
            home = home and origins.same_origin(url, signed.url)
            credentials = signed.headers if home and not carries_signature(url) else {}
            line = self._send(method, url, {**credentials, **conditions})
            if line.response.status not in REDIRECTS:
                return self._answer(url, line, start)
            url = _next_hop(url, line)
            if line.response.status == 303:
                method = "GET"
        raise TransferFailed(f"{origins.host_port(signed.url)} redirects more than {MOST_REDIRECTS} times")

    def interrupt(self) -> None:
        """End every read under way with `Stopped`, at once, and refuse new ones: the process is asked to stop."""
        self._waiting.interrupt()

    def close(self) -> None:
        """Release the connections that are idle."""
        with self._lock:
            pools, self._pools = list(self._pools.values()), OrderedDict()
        for pool in pools:
            pool.close()

    def _send(self, method: str, url: str, headers: Mapping[str, str]) -> Line:
        scheme, host, port = origins.origin(url)
        default = port == origins.DEFAULT_PORTS.get(scheme)
        place = origins.host_port(url)
        sent = {
            "User-Agent": f"stacsync/{__version__}",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            **headers,
            "Host": place.rpartition(":")[0] if default else place,
        }
        parts = origins.split(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        trouble: Exception | None = None
        try:
            addresses = self._addresses.of(url)
        except HostUnknown as error:
            raise FetchInterrupted(error.message) from error
        for address in addresses[:MOST_ADDRESSES]:
            try:
                return self._waiting.request(
                    self._pool(scheme, host, port, address), method, target, sent, self._timeout
                )
            except (NewConnectionError, ConnectTimeoutError) as error:
                trouble = error
            except urllib3.exceptions.SSLError as error:
                raise _tls_trouble(place, error) from None
            except (HTTPError, HTTPException, OSError) as error:
                raise FetchInterrupted(f"{place} did not answer ({type(error).__name__})") from None
        raise FetchInterrupted(f"{place} cannot be reached ({type(trouble).__name__})")

    def _pool(self, scheme: str, host: str, port: int, address: str) -> urllib3.HTTPConnectionPool:
        name = (scheme, host, port, address)
        with self._lock:
            pool = self._pools.pop(name, None)
            if pool is None:
                context = self._context if scheme == "https" else None
                pool = pinned_pool(address, port, host, context, self._connections, self._waiting)
            self._pools[name] = pool
            if len(self._pools) > MOST_HOSTS:
                self._pools.popitem(last=False)[1].close()
        return pool

    def _answer(self, url: str, line: Line, start: int) -> Download:
        response, place = line.response, origins.host_port(url)
        if response.status not in (200, 206, 304):
            raise _error(place, line)
        try:
            headers = response.headers
            encoded = download.coding(headers)
            first, size = download.start_and_size(response.status, headers)
            if response.status == 206 and (first != start or encoded):
                raise TransferFailed(f"{place} sends other bytes than it was asked for")
            body = Body(line, place, self._patience, self._monotonic).read_into
        except TransferFailed:
            line.close()
            raise
        return Download(
            status=response.status,
            start=first,
            size=None if encoded else size,
            validator=None if encoded else download.validator(headers),
            delimited=download.delimited(headers) or encoded != "",
            filename=download.filename(headers),
            read_into=Poured(download.decoded(in_pieces(body), encoded)).read_into if encoded else body,
            close=line.close,
        )


def _conditions(start: int, validator: str | None, if_none_match: str | None) -> dict[str, str]:
    conditions: dict[str, str] = {}
    if start:
        conditions["Range"] = f"bytes={start}-"
        if validator:
            conditions["If-Range"] = validator
    if if_none_match:
        conditions["If-None-Match"] = if_none_match
    return conditions


def _next_hop(url: str, line: Line) -> str:
    location = line.response.headers.get("Location")
    line.drain()
    try:
        target = urljoin(url, location or "")
    except ValueError:
        target = ""
    if not location or not target:
        raise TransferFailed(f"{origins.host_port(url)} redirects to nowhere")
    return target


def _tls_trouble(place: str, error: Exception) -> TransferFailed:
    if "CERTIFICATE_VERIFY_FAILED" in str(error) or "doesn't match" in str(error):
        return TransferFailed(
            f"the certificate of {place} is not one to believe",
            "name the file of your certificate authority in SSL_CERT_FILE",
        )
    return FetchInterrupted(f"no secure connection to {place} ({type(error).__name__})")


def _error(place: str, line: Line) -> TransferFailed:
    status = line.response.status
    try:
        match = _ERROR_CODE.search(line.response.read1(8192))
    except (HTTPError, HTTPException, OSError, ValueError):
        match = None
    pause = retry_after(line.response.headers, datetime.now(UTC))
    line.close()
    message = f"{place} answers {status}" + (f" {match[1].decode()}" if match else "")
    if status in RETRIED or status >= 500:
        return FetchInterrupted(message, pause)
    return FetchRefused(status, message) if status in REFUSED else TransferFailed(message)
