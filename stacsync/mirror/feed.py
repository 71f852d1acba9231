"""What bytes come from: a source that can be opened at any byte, with the patience to try again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from stacsync.errors import TransferFailed
from stacsync.http.fetch import FetchInterrupted
from stacsync.http.retry import backoff
from stacsync.mirror.order import MIB

ATTEMPTS = 6
"""Troubles in a row after which an asset is given up until the next pass."""
HOPELESS = 8
"""Assets of one job given up in a row after which the others get one attempt each."""
PROGRESS = MIB
"""Bytes after which earlier troubles are forgiven: a long file over a poor line comes through."""


class CannotContinue(TransferFailed):
    """The connection broke, and the source gives no means to go on from there: start again from the first byte."""


class Feed(Protocol):
    """One source of bytes."""

    @property
    def size(self) -> int | None:
        """Return the bytes of the whole source, None while unknown; valid once open."""
        ...

    @property
    def validator(self) -> str | None:
        """Return what names this version of the source, None when nothing does; valid once open."""
        ...

    @property
    def start(self) -> int:
        """Return the first byte that `read_into` gives; valid once open."""
        ...

    @property
    def unchanged(self) -> bool:
        """Say whether the source answered that it is still the version of `unless`."""
        ...

    @property
    def moved(self) -> int:
        """Return the bytes read so far."""
        ...

    def open(self, start: int = 0, validator: str | None = None, unless: str | None = None) -> None:
        """Open the source at `start` if it still is the version `validator`, else at its first byte.

        Raises `AssetChanged`, `AssetGone`, `TransferFailed` or `Stopped`.
        """
        ...

    def read_into(self, buffer: memoryview) -> int:
        """Fill the beginning of `buffer` with the next bytes, over dropped connections; 0 at the end.

        Raises `AssetChanged` or `CannotContinue` when it must be begun again, `TransferFailed` or `Stopped`.
        """
        ...

    def close(self) -> None:
        """Release the connection, if one is open."""
        ...


class Hope:
    """What the assets of one job know of their hosts: once several were given up in a row, the rest is not waited for.

    So a host that is down holds the threads that other providers need for some seconds, not for minutes.
    """

    def __init__(self) -> None:
        self._given_up = 0

    def gave_up(self) -> None:
        """Note that an asset was given up after all its attempts."""
        self._given_up += 1

    def arrived(self) -> None:
        """Note that bytes arrive."""
        self._given_up = 0

    @property
    def lost(self) -> bool:
        """Say whether waiting has no point any more."""
        return self._given_up >= HOPELESS


class Patience:
    """Counts troubles in a row and waits longer after each."""

    def __init__(self, sleep: Callable[[float], None], hope: Hope, attempts: int = ATTEMPTS) -> None:
        self._sleep = sleep
        self._hope = hope
        self._attempts = attempts
        self._failed = 0
        self._since = 0

    def pause(self, trouble: FetchInterrupted) -> None:
        """Wait before the next attempt. Raises `TransferFailed` when there were enough, and `Stopped`."""
        if self._failed == self._attempts or self._hope.lost:
            self._hope.gave_up()
            raise TransferFailed(f"{trouble.message}; tried {self._failed + 1} times") from trouble
        self._sleep(backoff(self._failed, trouble.retry_after))
        self._failed += 1
        self._since = 0

    def progress(self, count: int) -> None:
        """Note that `count` bytes arrived."""
        self._hope.arrived()
        self._since += count
        if self._since >= PROGRESS:
            self._failed = 0


def check_ceiling(size: int | None, ceiling: int) -> None:
    """Refuse what is larger than the configured ceiling; nothing is ever cut short."""
    if size is not None and size > ceiling:
        raise TransferFailed(
            f"is larger than allowed: {size} bytes, and max_asset_size is {ceiling} bytes",
            "raise max_asset_size in [mirror], or leave the asset out with assets_exclude",
        )
