"""Which network addresses the data plane may connect to.

The hrefs of assets are foreign input: a provider, or whoever wrote into its results, could name a machine inside our
own network. So every host is resolved once, all of its addresses must be public ones, and the connection is made to
exactly those addresses: a name that answers differently a moment later (DNS rebinding) gains nothing. Hosts that the
operator trusts ("host:port") may be private, and may speak plain http.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from threading import Lock

from stacsync.errors import TransferFailed
from stacsync.http import origins

KEPT = 30.0
"""Seconds for which checked addresses are used again, so that many small assets do not ask for each."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressRefused(TransferFailed):
    """An address that is not ours to connect to; asking again changes nothing."""


class HostUnknown(TransferFailed):
    """A host name that does not resolve at this moment."""


def embedded(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for (mapped, 6to4, NAT64), else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def is_public(text: str) -> bool:
    """Say whether an address may be reached by anybody: not private, loopback, link-local, shared, reserved or multicast."""
    address = embedded(ipaddress.ip_address(text.partition("%")[0]))
    teredo = getattr(address, "teredo", None)
    return address.is_global and not address.is_multicast and teredo is None


class Addresses:
    """Resolves hosts and refuses those that an asset must not be read from."""

    def __init__(
        self,
        trusted: frozenset[str],
        resolver: origins.Resolve = origins.resolve,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._trusted = frozenset(host.lower() for host in trusted)
        self._resolver = resolver
        self._monotonic = monotonic
        self._lock = Lock()
        self._known: dict[str, tuple[float, tuple[str, ...]]] = {}

    def of(self, url: str) -> tuple[str, ...]:
        """Return the addresses to connect to for `url`. Raises `AddressRefused` or `HostUnknown`."""
        scheme, host, port = origins.origin(url)
        place = origins.host_port(url)
        self._check_form(url, scheme, host, place)
        with self._lock:
            until, found = self._known.get(place, (0.0, ()))
        if self._monotonic() < until:
            return found
        found = tuple(dict.fromkeys(self._resolver(host, port)))
        if not found:
            raise HostUnknown(f"{host} does not resolve")
        if place not in self._trusted and not all(is_public(address) for address in found):
            raise AddressRefused(
                f"{place} is in a private or local network, where assets are not read from",
                f'if it is yours, add trusted_hosts = ["{place}"] to the provider',
            )
        with self._lock:
            self._known[place] = (self._monotonic() + KEPT, found)
        return found

    def _check_form(self, url: str, scheme: str, host: str, place: str) -> None:
        if scheme not in origins.DEFAULT_PORTS or not host:
            raise AddressRefused("an asset's address is neither https nor http")
        if "@" in origins.split(url).netloc:
            raise AddressRefused(f"an asset's address at {place} carries a user name")
        if scheme == "http" and place not in self._trusted:
            raise AddressRefused(
                f"{place} would be read over plain http",
                f'if that is what you want, add trusted_hosts = ["{place}"] to the provider',
            )
