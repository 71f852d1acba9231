"""Objects in the bucket that a provider delivered into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from stacsync.errors import AssetChanged, AssetGone, StorageError, TransferFailed
from stacsync.http.poured import Poured
from stacsync.jobs import AssetRecord, SourceObject
from stacsync.mirror import sniff
from stacsync.mirror.arrival import UNKNOWN_TYPE, Arrived, check_stored, look, read_back
from stacsync.mirror.feed import check_ceiling
from stacsync.provider import SourceStore
from stacsync.storage import ASSET_CACHE, Storage, StoredObject


class Bucket(Protocol):
    """How a provider's bucket is read: `stacsync.storage.source.Source`."""

    def list(self, bucket: str, prefix: str = "") -> Iterator[StoredObject]:
        """Yield the objects whose keys begin with `prefix`."""
        ...

    def head(self, bucket: str, key: str) -> StoredObject | None:
        """Return an object's facts, or None."""
        ...

    def get_range(self, bucket: str, key: str, start: int, length: int) -> bytes:
        """Return up to `length` bytes from `start`."""
        ...

    def stream(self, bucket: str, key: str, start: int = 0) -> Iterator[bytes]:
        """Yield an object's bytes from `start`; raises `AssetChanged` when it is replaced meanwhile."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


class BucketFeed:
    """A `Feed` over one object of a provider's bucket."""

    def __init__(self, bucket: Bucket, place: SourceObject, ceiling: int, tell: Callable[[int], None]) -> None:
        self._bucket = bucket
        self._place = place
        self._ceiling = ceiling
        self._tell = tell
        self._poured = Poured(())
        self.size: int | None = None
        self.validator: str | None = None
        self.start = 0
        self.unchanged = False
        self.moved = 0

    def open(self, start: int = 0, validator: str | None = None, unless: str | None = None) -> None:
        """Look at the object; see `Feed`."""
        found = facts(self._bucket, self._place)
        check_ceiling(found.size, self._ceiling)
        self.size, self.validator = found.size, quoted(found.etag)
        self.unchanged = unless is not None and unless == self.validator
        self.start = start if validator is not None and validator == self.validator else 0
        self._poured = Poured(self._pieces())

    def read_into(self, buffer: memoryview) -> int:
        """Read the next bytes; see `Feed`."""
        return self._poured.read_into(buffer)

    def _pieces(self) -> Iterator[bytes]:
        place, position = self._place, self.start
        try:
            for chunk in self._bucket.stream(place.bucket, place.key, self.start):
                position += len(chunk)
                self.moved += len(chunk)
                self._tell(len(chunk))
                yield chunk
        except KeyError:
            raise AssetChanged("was deleted at its source while it was read") from None
        except StorageError as error:
            raise TransferFailed(error.message, error.remedy) from error
        if position != self.size:
            raise AssetChanged("changed at its source while it was read")

    def close(self) -> None:
        """Nothing is held open between the requests."""


def quoted(etag: str | None) -> str | None:
    """Return an ETag as HTTP writes it, as the ledger keeps those of every source."""
    return f'"{etag}"' if etag else None


def facts(bucket: Bucket, place: SourceObject) -> StoredObject:
    """Return what a provider's bucket says of an object. Raises `AssetGone` or `TransferFailed`."""
    try:
        found = bucket.head(place.bucket, place.key)
    except StorageError as error:
        raise TransferFailed(error.message, error.remedy) from error
    if found is None:
        raise AssetGone("is not in the provider's bucket any more")
    return found


def copied(
    storage: Storage,
    store: SourceStore,
    bucket: Bucket,
    asset: AssetRecord,
    key: str,
    found: StoredObject,
    check: Callable[[], None],
) -> Arrived | None:
    """Copy an object inside the store's own service and hash our copy by reading it once; None when not possible."""
    place = asset.source
    if not isinstance(place, SourceObject) or not storage.may_copy(store, place.bucket):
        return None
    try:
        kind = sniff.media_type(bucket.get_range(place.bucket, place.key, 0, sniff.HEAD), asset.filename)
    except (KeyError, StorageError):
        return None  # whoever reads it finds out why
    stored = storage.copy_from(
        store,
        place.bucket,
        place.key,
        key,
        content_type=kind or asset.media_type or UNKNOWN_TYPE,
        cache_control=ASSET_CACHE,
        attributes={"identity": asset.identity, "size": str(found.size)},
    )
    if stored is None:
        return None
    check_stored(stored, found.size)
    return Arrived(
        found.size, read_back(storage, key, check), look(storage, key, found.size, asset.filename), quoted(found.etag)
    )
