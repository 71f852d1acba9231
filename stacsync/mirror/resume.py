"""Uploads that outlive the process: begun with a note, gone on with where an earlier attempt ended, or given up."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from stacsync.errors import AssetChanged, StorageError
from stacsync.jobs import AssetRecord
from stacsync.ledger.assets import UploadRow
from stacsync.ledger.times import to_text
from stacsync.mirror.arrival import UNKNOWN_TYPE
from stacsync.mirror.feed import Feed
from stacsync.mirror.notes import Uploads
from stacsync.mirror.order import Sizes
from stacsync.storage import ASSET_CACHE, PartInfo, Storage, Upload


@dataclass(frozen=True, slots=True)
class Begun:
    """An upload of an earlier attempt, as far as it got."""

    upload: Upload
    row: UploadRow
    parts: int
    offset: int


class Resumable:
    """The uploads of large assets, and the notes of them."""

    def __init__(
        self, storage: Storage, uploads: Uploads, sizes: Sizes, clock: Callable[[], datetime], ceiling: int
    ) -> None:
        self._storage = storage
        self._uploads = uploads
        self._sizes = sizes
        self._clock = clock
        self._ceiling = ceiling

    def begin(self, asset: AssetRecord, key: str, kind: str | None, feed: Feed) -> Upload:
        """Begin an upload; it is noted when its source can be continued."""
        upload = self._upload(
            asset, key, kind, feed.size, self._sizes.part_for(self._ceiling if feed.size is None else feed.size)
        )
        if feed.validator is not None:
            self._uploads.put(self._row(asset, upload, feed))
        return upload

    def begun(self, asset: AssetRecord, key: str) -> Begun | None:
        """Return the upload to go on with, if there is one of the same source with a whole part."""
        row = self._uploads.get(key)
        if row is None:
            return None
        upload = self._upload(asset, key, None, row.size, row.part_size, row.upload_id)
        parts = _in_a_row(upload, row.size) if upload.id == row.upload_id else []
        if parts and row.identity == asset.identity and row.source_etag is not None:
            return Begun(upload, row, len(parts), sum(part.size for part in parts))
        self.abandon(upload)
        return None

    def reopened(self, begun: Begun, feed: Feed) -> bool:
        """Open the source where the upload ended; when it is another one by now, drop the upload and tell so."""
        try:
            feed.open(begun.offset, begun.row.source_etag)
        except AssetChanged:
            self.abandon(begun.upload)
            raise
        if feed.start == begun.offset and begun.row.size in (None, feed.size):
            return True
        self.abandon(begun.upload)
        if feed.start:
            raise AssetChanged("changed at its source since the last attempt")
        return False

    def forget(self, key: str) -> None:
        """Forget the note of an upload to `key`."""
        self._uploads.drop(key)

    def forgo(self, asset: AssetRecord, key: str) -> None:
        """Drop an upload of an earlier attempt."""
        row = self._uploads.get(key)
        if row is not None:
            self.abandon(self._upload(asset, key, None, row.size, row.part_size, row.upload_id))

    def abandon(self, upload: Upload) -> None:
        """Drop an upload; a store that is out of reach right now sweeps it later."""
        self._uploads.drop(upload.key)
        with suppress(StorageError):
            upload.abort()

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


def _in_a_row(upload: Upload, size: int | None) -> list[PartInfo]:
    """Return the parts from the first on that are whole: all of one size, but for the very last of the object."""
    found: list[PartInfo] = []
    for part in upload.parts():
        end = len(found) * upload.part_size + part.size
        if part.number != len(found) + 1 or (part.size != upload.part_size and end != size):
            break
        found.append(part)
    return found
