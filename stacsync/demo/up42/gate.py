"""Tokens that live five minutes and addresses that work once, for five seconds: what both of UP42's APIs guard by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from threading import Lock

TOKEN_LIFE = 300.0
ADDRESS_LIFE = 5.0


@dataclass(slots=True)
class _Address:
    content: bytes
    until: float
    once: bool


class Gate:
    """Hands out tokens and signed addresses, and honours them for as long as it said."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._now = monotonic
        self._numbers = count(1)
        self._lock = Lock()
        self._tokens: dict[str, float] = {}
        self._addresses: dict[str, _Address] = {}
        self._refuse_after: int | None = None
        self.tokens_issued = 0
        self.refused = 0

    def token(self) -> str:
        """Return a new token; the older ones stay good until their time is over."""
        with self._lock:
            self.tokens_issued += 1
            token = f"stand-in-token-{next(self._numbers)}"
            self._tokens[token] = self._now() + TOKEN_LIFE
            return token

    def admits(self, authorization: str | None) -> bool:
        """Tell whether a request with this header comes in."""
        with self._lock:
            if self._refuse_after is not None:
                self._refuse_after -= 1
                if self._refuse_after < 0:
                    self._refuse_after = None
                    self._tokens.clear()
            scheme, _, token = (authorization or "").partition(" ")
            good = scheme.lower() == "bearer" and self._tokens.get(token, float("-inf")) > self._now()
            self.refused += not good
            return good

    def expire_after(self, requests: int) -> None:
        """Let so many more requests in, then make every token handed out so far invalid."""
        with self._lock:
            self._refuse_after = requests

    def sign(self, content: bytes, *, once: bool = True) -> str:
        """Return path and query of an address for `content`."""
        with self._lock:
            nonce = f"{next(self._numbers):08d}"
            self._addresses[nonce] = _Address(content, self._now() + ADDRESS_LIFE, once)
            return f"/signed/{nonce}/output.bin?GoogleAccessId=stand-in&Expires=1700000000&Signature=stand-in-{nonce}"

    def redeem(self, nonce: str) -> bytes | None:
        """Return what lies at a signed address, None when it was used before or its time is over."""
        with self._lock:
            address = self._addresses.get(nonce)
            if address is None or address.until < self._now():
                return None
            if address.once:
                del self._addresses[nonce]
            return address.content
