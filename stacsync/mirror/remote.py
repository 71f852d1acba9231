"""A source behind HTTP: signed right before each request, resumed where a connection broke.

A refused address (400, 401, 403, 404, 410) is asked for afresh once per request; what is refused again is final. A
broken body is continued with Range and If-Range from the byte reached. A host that ignores Range but shows the same
strong validator has the bytes that we hold already read past; one that shows no validator makes us start again.
"""

from __future__ import annotations

from collections.abc import Callable

from stacsync.errors import AssetChanged, AssetGone, TransferFailed
from stacsync.http.fetch import Download, Fetcher, FetchInterrupted, FetchRefused
from stacsync.http.poured import PIECE
from stacsync.mirror.feed import CannotContinue, Patience, check_ceiling
from stacsync.provider import Signed


class RemoteFeed:
    """A `Feed` over signed addresses."""

    def __init__(
        self,
        fetcher: Fetcher,
        sign: Callable[[bool], Signed],
        patience: Patience,
        *,
        ceiling: int,
        stated_size: int | None = None,
        tell: Callable[[int], None],
    ) -> None:
        self._fetcher = fetcher
        self._sign = sign
        self._patience = patience
        self._ceiling = ceiling
        self._stated_size = stated_size
        self._tell = tell
        self._download: Download | None = None
        self._skip = 0
        self._position = 0
        self.size: int | None = None
        self.validator: str | None = None
        self.start = 0
        self.unchanged = False
        self.filename: str | None = None
        self.moved = 0

    def open(self, start: int = 0, validator: str | None = None, unless: str | None = None) -> None:
        """Open the source; see `Feed`."""
        download = self._begin(start, validator, unless)
        if download.status == 206 and download.validator not in (None, validator):
            download.close()
            raise AssetChanged("changed at its source")
        self._download, self._skip, self._position = download, 0, download.start
        self.unchanged = download.status == 304
        self.start, self.size, self.filename = download.start, download.size, download.filename
        self.validator = download.validator or (validator if download.status == 206 else None)
        try:
            check_ceiling(self.size, self._ceiling)
        except TransferFailed:
            download.close()
            raise

    def read_into(self, buffer: memoryview) -> int:
        """Read the next bytes; see `Feed`."""
        while True:
            try:
                count = self._fresh(buffer)
                if not count:
                    self._check_end()
            except FetchInterrupted as trouble:
                if self._position == self.size:
                    return 0  # all of it came, if only just
                self._patience.pause(trouble)
                self._again()
                continue
            self._position += count
            check_ceiling(self._position, self._ceiling)
            if count:
                self._patience.progress(count)
                self._tell(count)
            return count

    def close(self) -> None:
        """Release the connection."""
        if self._download is not None:
            self._download.close()

    def _fresh(self, buffer: memoryview) -> int:
        """Read what is new of the open download: bytes that were passed on before are read past."""
        if self._download is None:
            return 0
        if self._skip:
            known = memoryview(bytearray(min(self._skip, PIECE)))
            while self._skip and (count := self._download.read_into(known[: self._skip])):
                self.moved += count
                self._skip -= count
        count = self._download.read_into(buffer)
        self.moved += count
        return count

    def _begin(self, start: int, validator: str | None, unless: str | None) -> Download:
        fresh = refused = False
        while True:
            try:
                return self._fetcher.open(self._sign(fresh), start=start, validator=validator, if_none_match=unless)
            except FetchRefused as refusal:
                if refusal.status == 416:
                    raise AssetChanged("is shorter at its source than it was") from refusal
                if refused:
                    raise _final(refusal) from refusal
                fresh = refused = True
            except FetchInterrupted as trouble:
                self._patience.pause(trouble)
                fresh = False

    def _again(self) -> None:
        """Open the source once more where it broke."""
        position = self._position
        if position and self.validator is None:
            raise CannotContinue("the connection broke, and the source does not say whether it is still the same")
        download = self._begin(position, self.validator if position else None, None)
        same = (
            download.validator in (None, self.validator)
            if download.status == 206
            else download.validator == self.validator
        )
        if not same or (None not in (download.size, self.size) and download.size != self.size):
            download.close()
            raise AssetChanged("changed at its source while it was read")
        self.size = self.size if download.size is None else download.size
        self._download, self._skip = download, position - download.start

    def _check_end(self) -> None:
        expected = self.size
        if expected is None and self._download is not None and not self._download.delimited:
            expected = self._stated_size
        if expected is not None and self._position < expected:
            raise FetchInterrupted(f"ended after {self._position} of {expected} bytes")


def _final(refusal: FetchRefused) -> TransferFailed:
    if refusal.status in (404, 410):
        return AssetGone(f"is gone: {refusal.message}, with a fresh address too")
    if refusal.status in (401, 403):
        return TransferFailed(
            f"we have no right to read it: {refusal.message}, with a fresh address too",
            "check that the provider's account may download results",
        )
    return TransferFailed(f"{refusal.message}, with a fresh address too")
