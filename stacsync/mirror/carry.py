"""Carries one source into one object: hashed on the way, whole or not at all, and able to go on after a crash.

Up to `Sizes.small` bytes an asset is held in memory and put with one request, its attributes complete: identity, size,
sha-256. Anything larger goes up in parts; its attributes (identity, and the size where it is known) are fixed before
the hash is, so whoever finds such an object without a ledger hashes it by reading it once. The upload's id and the
source's validator are noted before the first part leaves. After a restart the parts that arrived are kept as
long as the source still shows the same validator, and the hash is made by reading our own object back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from stacsync.errors import AssetChanged, StorageError, TransferFailed
from stacsync.jobs import AssetRecord
from stacsync.ledger.assets import UploadRow
from stacsync.ledger.times import to_text
from stacsync.mirror import sniff, tiff
from stacsync.mirror.arrival import UNKNOWN_TYPE, Arrived, check_stored, look, read_back
from stacsync.mirror.feed import CannotContinue, Feed
from stacsync.mirror.notes import Uploads
from stacsync.mirror.order import MIB, Sizes
from stacsync.mirror.parts import Parts, Spare
from stacsync.storage import ASSET_CACHE, PartInfo, Storage, Upload


@dataclass(frozen=True, slots=True)
class _Begun:
    """An upload of an earlier attempt, as far as it got."""

    upload: Upload
    row: UploadRow
    parts: int
    offset: int


class Carrier:
    """Carries sources into a store."""

    def __init__(
        self,
        storage: Storage,
        uploads: Uploads,
        sizes: Sizes,
        spare: Spare,
        clock: Callable[[], datetime],
        ceiling: int,
    ) -> None:
        self._storage = storage
        self._uploads = uploads
        self._sizes = sizes
        self._spare = spare
        self._clock = clock
        self._ceiling = ceiling

    def carry(self, asset: AssetRecord, key: str, feed: Feed, unless: str | None = None) -> Arrived | None:
        """Make `key` hold the bytes of `feed`; None when the source still is the version `unless`.

        Raises `AssetChanged` or `CannotContinue` (begin again), `TransferFailed`, `StorageError` or `Stopped`. Where
        the source can be continued, an upload stays and the next call for the same key and identity goes on with it.
        """
        begun = None if self._small(asset) else self._begun(asset, key)
        try:
            if begun is None:
                feed.open(unless=unless)
                return None if feed.unchanged else self._afresh(asset, key, feed)
            if begun.offset == begun.row.size:
                return self._complete(asset, begun.upload, begun.offset, begun.row.source_etag)
            if self._reopened(begun, feed):
                return self._stream(asset, feed, feed.chunks(), begun.upload, begun.parts + 1)
            return self._afresh(asset, key, feed)
        finally:
            feed.close()

    def forget(self, key: str) -> None:
        """Forget an upload to `key` that was completed just before a crash."""
        self._uploads.drop(key)

    def _small(self, asset: AssetRecord) -> bool:
        """Say whether an asset is said to fit in one request: such a one has no upload to go on with."""
        return asset.size is not None and asset.size <= self._sizes.small

    def _forgo(self, asset: AssetRecord, key: str) -> None:
        """Drop an upload of an earlier attempt."""
        row = self._uploads.get(key)
        if row is not None:
            self._abandon(self._upload(asset, key, None, row.size, row.part_size, row.upload_id))

    def _begun(self, asset: AssetRecord, key: str) -> _Begun | None:
        """Return the upload to go on with, if there is one of the same source with a whole part."""
        row = self._uploads.get(key)
        if row is None:
            return None
        upload = self._upload(asset, key, None, row.size, row.part_size, row.upload_id)
        parts = _in_a_row(upload, row.size) if upload.id == row.upload_id else []
        if parts and row.identity == asset.identity and row.source_etag is not None:
            return _Begun(upload, row, len(parts), sum(part.size for part in parts))
        self._abandon(upload)
        return None

    def _reopened(self, begun: _Begun, feed: Feed) -> bool:
        """Open the source where the upload ended; when it is another one by now, drop the upload and tell so."""
        try:
            feed.open(begun.offset, begun.row.source_etag)
        except AssetChanged:
            self._abandon(begun.upload)
            raise
        if feed.start == begun.offset and begun.row.size in (None, feed.size):
            return True
        self._abandon(begun.upload)
        if feed.start:
            raise AssetChanged("changed at its source since the last attempt")
        return False

    def _afresh(self, asset: AssetRecord, key: str, feed: Feed) -> Arrived:
        chunks = feed.chunks()
        first: list[bytes] = []
        held = 0
        for chunk in chunks:
            first.append(chunk)
            held += len(chunk)
            if held > self._sizes.small:
                break
        prefix = b"".join(first)
        first.clear()
        kind = sniff.media_type(prefix[: sniff.HEAD], asset.filename, tiff.within(prefix))
        if instead := sniff.something_else(kind, asset.filename, asset.media_type):
            raise TransferFailed(f"{instead} came instead of the file", "the next pass asks again")
        if held <= self._sizes.small:
            return self._put(asset, key, prefix, kind, feed)
        if self._small(asset):  # so it was said: nobody looked yet
            self._forgo(asset, key)
        part_size = self._part_size(feed.size)
        upload = self._upload(asset, key, kind, feed.size, part_size)
        if feed.validator is not None:
            self._uploads.put(self._row(asset, upload, feed))
        return self._stream(asset, feed, chain(iter((prefix,)), chunks), upload, 1, kind)

    def _put(self, asset: AssetRecord, key: str, data: bytes, kind: str | None, feed: Feed) -> Arrived:
        digest = hashlib.sha256(data).hexdigest()
        stored = self._storage.put(
            key,
            data,
            content_type=kind or asset.media_type or UNKNOWN_TYPE,
            cache_control=ASSET_CACHE,
            attributes={"identity": asset.identity, "size": str(len(data)), "sha256": digest},
        )
        check_stored(stored, len(data))
        return Arrived(len(data), digest, kind, feed.validator)

    def _stream(
        self,
        asset: AssetRecord,
        feed: Feed,
        chunks: Iterator[bytes],
        upload: Upload,
        first: int,
        kind: str | None = None,
    ) -> Arrived:
        parts = Parts(upload, self._spare, first)
        digest = hashlib.sha256() if first == 1 else None
        size = feed.start
        try:
            for chunk in chunks:
                size += len(chunk)
                if digest is not None:
                    digest.update(chunk)
                parts.write(chunk)
            parts.finish()
            sha256 = None if digest is None else digest.hexdigest()
            return self._complete(asset, upload, size, feed.validator, sha256, kind)
        except BaseException as error:
            parts.give_up()
            if feed.validator is None or isinstance(error, AssetChanged | CannotContinue):
                self._abandon(upload)
            raise

    def _complete(
        self,
        asset: AssetRecord,
        upload: Upload,
        size: int,
        validator: str | None,
        sha256: str | None = None,
        kind: str | None = None,
    ) -> Arrived:
        stored = upload.complete()
        self._uploads.drop(upload.key)
        check_stored(stored, size)
        if kind is None or kind == tiff.PLAIN:
            kind = look(self._storage, upload.key, asset.filename)
        return Arrived(size, sha256 or read_back(self._storage, upload.key), kind, validator)

    def _upload(
        self,
        asset: AssetRecord,
        key: str,
        kind: str | None,
        size: int | None,
        part_size: int,
        upload_id: str | None = None,
    ) -> Upload:
        attributes = {"identity": asset.identity} | ({} if size is None else {"size": str(size)})
        return self._storage.upload(
            key,
            content_type=kind or asset.media_type or UNKNOWN_TYPE,
            part_size=part_size,
            upload_id=upload_id,
            cache_control=ASSET_CACHE,
            attributes=attributes,
        )

    def _row(self, asset: AssetRecord, upload: Upload, feed: Feed) -> UploadRow:
        return UploadRow(
            key=upload.key,
            upload_id=upload.id,
            identity=asset.identity,
            size=feed.size,
            part_size=upload.part_size,
            source_etag=feed.validator,
            started_at=to_text(self._clock()) or "",
        )

    def _part_size(self, size: int | None) -> int:
        """Return the bytes of a part, so that neither the size nor the ceiling needs more parts than a store takes."""
        needed = -(-(self._ceiling if size is None else size) // self._sizes.most_parts)
        return self._sizes.part if needed <= self._sizes.part else -(-needed // MIB) * MIB

    def _abandon(self, upload: Upload) -> None:
        """Drop an upload; a store that is out of reach right now sweeps it later."""
        self._uploads.drop(upload.key)
        with suppress(StorageError):
            upload.abort()


def _in_a_row(upload: Upload, size: int | None) -> list[PartInfo]:
    """Return the parts from the first on that are whole: all of one size, but for the very last of the object."""
    found: list[PartInfo] = []
    for part in upload.parts():
        end = len(found) * upload.part_size + part.size
        if part.number != len(found) + 1 or (part.size != upload.part_size and end != size):
            break
        found.append(part)
    return found
