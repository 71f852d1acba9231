"""Carries one source into one object: hashed on the way, whole or not at all, and able to go on after a crash.

Up to `Sizes.small` bytes an asset is held in memory and put with one request, its attributes complete: identity, size,
sha-256. Anything larger goes up in parts; its attributes (identity, and the size where it is known) are fixed before
the hash is, so whoever finds such an object without a ledger hashes it by reading it once. The upload's id and the
source's validator are noted before the first part leaves. After a restart the parts that arrived are kept as
long as the source still shows the same validator, and the hash is made by reading our own object back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from stacsync.errors import AssetChanged, TransferFailed
from stacsync.jobs import AssetRecord
from stacsync.mirror import sniff, tiff
from stacsync.mirror.arrival import UNKNOWN_TYPE, Arrived, check_stored, look, read_back
from stacsync.mirror.blocks import Block
from stacsync.mirror.feed import CannotContinue, Feed
from stacsync.mirror.notes import Uploads
from stacsync.mirror.order import Sizes
from stacsync.mirror.parts import PIECE, Parts, Spare
from stacsync.mirror.resume import Resumable
from stacsync.storage import ASSET_CACHE, Storage, Upload

if TYPE_CHECKING:
    from hashlib import _Hash as Hash


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
        check: Callable[[], None],
    ) -> None:
        self._storage = storage
        self._check = check
        self._sizes = sizes
        self._spare = spare
        self._resume = Resumable(storage, uploads, sizes, clock, ceiling)

    def carry(self, asset: AssetRecord, key: str, feed: Feed, unless: str | None = None) -> Arrived | None:
        """Make `key` hold the bytes of `feed`; None when the source still is the version `unless`.

        Raises `AssetChanged` or `CannotContinue` (begin again), `TransferFailed`, `StorageError` or `Stopped`. Where
        the source can be continued, an upload stays and the next call for the same key and identity goes on with it.
        """
        begun = None if self._small(asset) else self._resume.begun(asset, key)
        try:
            if begun is None:
                feed.open(unless=unless)
                return None if feed.unchanged else self._afresh(asset, key, feed)
            if begun.offset == begun.row.size:
                return self._complete(asset, begun.upload, begun.offset, begun.row.source_etag)
            if self._resume.reopened(begun, feed):
                block = self._spare.blocks.take(begun.upload.part_size)
                parts = Parts(begun.upload, self._spare, begun.parts + 1, block)
                return self._stream(asset, feed, begun.upload, parts, feed.start)
            return self._afresh(asset, key, feed)
        finally:
            feed.close()

    def forget(self, key: str) -> None:
        """Forget an upload to `key` that was completed just before a crash."""
        self._resume.forget(key)

    def _small(self, asset: AssetRecord) -> bool:
        """Say whether an asset is said to fit in one request: such a one has no upload to go on with."""
        return asset.size is not None and asset.size <= self._sizes.small

    def _afresh(self, asset: AssetRecord, key: str, feed: Feed) -> Arrived:
        size = feed.size
        fits = size is not None and size <= self._sizes.small
        block = self._spare.blocks.take(size + 1 if size is not None and fits else self._sizes.part)
        try:
            digest = hashlib.sha256()
            held = memoryview(block.data)[: _fill(block.data, feed, digest)]
            kind = sniff.media_type(bytes(held[: sniff.HEAD]), asset.filename, tiff.within(held))
            if instead := sniff.something_else(kind, asset.filename, asset.media_type):
                raise TransferFailed(f"{instead} came instead of the file", "the next pass asks again")
            ended = len(held) < len(block.data)
            if fits and not ended:
                raise AssetChanged("is longer than its source said")
            if ended and len(held) <= self._sizes.small:
                return self._put(asset, key, held, kind, digest.hexdigest(), feed)
            return self._large(asset, key, feed, block, len(held), digest, kind)
        finally:
            block.give_back()

    def _put(
        self, asset: AssetRecord, key: str, data: memoryview, kind: str | None, sha256: str, feed: Feed
    ) -> Arrived:
        _check_whole(feed, len(data))
        stored = self._storage.put(
            key,
            data,
            content_type=kind or asset.media_type or UNKNOWN_TYPE,
            cache_control=ASSET_CACHE,
            attributes={"identity": asset.identity, "size": str(len(data)), "sha256": sha256},
        )
        check_stored(stored, len(data))
        return Arrived(len(data), sha256, kind, feed.validator)

    def _large(
        self, asset: AssetRecord, key: str, feed: Feed, block: Block, held: int, digest: Hash, kind: str | None
    ) -> Arrived:
        if self._small(asset):  # so it was said: nobody looked yet
            self._resume.forgo(asset, key)
        upload = self._resume.begin(asset, key, kind, feed)
        if upload.part_size != len(block.data):
            larger = self._spare.blocks.take(upload.part_size)
            larger.data[:held] = memoryview(block.data)[:held]
            block = larger
        return self._stream(asset, feed, upload, Parts(upload, self._spare, 1, block, held), held, digest, kind)

    def _stream(
        self,
        asset: AssetRecord,
        feed: Feed,
        upload: Upload,
        parts: Parts,
        size: int,
        digest: Hash | None = None,
        kind: str | None = None,
    ) -> Arrived:
        try:
            while count := feed.read_into(room := parts.room()):
                if digest is not None:
                    digest.update(room[:count])
                parts.add(count)
                size += count
            _check_whole(feed, size)
            parts.finish()
            sha256 = None if digest is None else digest.hexdigest()
            return self._complete(asset, upload, size, feed.validator, sha256, kind)
        except BaseException as error:
            parts.give_up()
            if feed.validator is None or isinstance(error, AssetChanged | CannotContinue):
                self._resume.abandon(upload)
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
        self._resume.forget(upload.key)
        check_stored(stored, size)
        if kind is None or kind == tiff.PLAIN:
            kind = look(self._storage, upload.key, size, asset.filename)
        return Arrived(size, sha256 or read_back(self._storage, upload.key, self._check), kind, validator)


def _fill(block: bytearray, feed: Feed, digest: Hash) -> int:
    """Read into `block` until it is full or the feed ends; return the bytes read, hashed on the way."""
    view, filled = memoryview(block), 0
    while filled < len(block) and (count := feed.read_into(view[filled : filled + PIECE])):
        digest.update(view[filled : filled + count])
        filled += count
    return filled


def _check_whole(feed: Feed, size: int) -> None:
    """Refuse to write as a whole object what is not: whatever a source does, nothing is published cut short."""
    if feed.size is not None and size != feed.size:
        raise AssetChanged(f"ended after {size} of {feed.size} bytes")
