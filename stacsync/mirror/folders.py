"""Folders of a provider's bucket that become one asset: Zarr stores."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import suppress
from itertools import groupby

import orjson

from stacsync import layout
from stacsync.errors import AssetChanged, AssetGone, StorageError, TransferFailed
from stacsync.jobs import AssetRecord, SourceFolder
from stacsync.mirror.arrival import UNKNOWN_TYPE, check_stored
from stacsync.mirror.bucket import Bucket
from stacsync.mirror.feed import check_ceiling
from stacsync.provider import SourceStore
from stacsync.storage import ASSET_CACHE, Storage, StoredObject

LAST = frozenset({".zmetadata", ".zgroup", ".zattrs", ".zarray", "zarr.json"})
"""Files of a Zarr store that tell readers what is there: written after the chunks that they promise."""
JSON_TYPE = "application/json"


class FolderCopy:
    """Mirrors every object below a prefix; a later attempt for the same identity goes on where this one ended.

    A note outside of the published tree tells which identity the objects at the target are of. Objects are written
    whole, so with the right note the size is enough to know that one is there.
    """

    def __init__(
        self,
        storage: Storage,
        bucket: Bucket,
        store: SourceStore,
        helpers: Executor,
        tell: Callable[[int], None],
        check: Callable[[], None],
    ) -> None:
        self._storage = storage
        self._bucket = bucket
        self._store = store
        self._helpers = helpers
        self._tell = tell
        self._check = check

    def copy(self, folder: SourceFolder, asset: AssetRecord, key: str, ceiling: int) -> int:
        """Make `key` hold the folder; return the bytes moved. Raises `AssetGone`, `TransferFailed`, `StorageError`."""
        prefix = folder.prefix.rstrip("/") + "/"
        try:
            listed = self._bucket.list(folder.bucket, prefix)
            kept = (item for item in listed if folder.takes(item.key.removeprefix(prefix)))
            found = sorted(kept, key=lambda item: (_late(item.key), item.key))
        except StorageError as error:
            raise TransferFailed(error.message, error.remedy) from error
        if not found:
            raise AssetGone("its folder in the provider's bucket is empty")
        check_ceiling(sum(item.size for item in found), ceiling)
        present = self._present(asset.identity, key)
        moved = 0
        for _, group in groupby(found, key=lambda item: _late(item.key)):
            wanted = [
                (item, target)
                for item in group
                if present.get(target := _target(key, item.key.removeprefix(prefix))) != item.size
            ]
            moved += sum(self._helpers.map(lambda pair: self._one(folder.bucket, asset.identity, *pair), wanted))
        return moved

    def _present(self, identity: str, key: str) -> dict[str, int]:
        """Return the sizes of what an earlier attempt for the same identity left, and note whose objects these are."""
        note = layout.folder_note(key)
        with suppress(KeyError, orjson.JSONDecodeError):
            if orjson.loads(self._storage.get(note)) == {"identity": identity}:
                return {item.key: item.size for item in self._storage.list(key)}
        self._storage.put(note, orjson.dumps({"identity": identity}), content_type=JSON_TYPE)
        return {}

    def _one(self, bucket: str, identity: str, item: StoredObject, target: str) -> int:
        self._check()
        name = posixpath.basename(item.key)
        attributes = {"identity": identity, "size": str(item.size)}
        kind = JSON_TYPE if name in LAST else UNKNOWN_TYPE
        stored = self._storage.copy_from(
            self._store, bucket, item.key, target, content_type=kind, cache_control=ASSET_CACHE, attributes=attributes
        )
        if stored is None:
            stored = self._storage.put_stream(
                target,
                self._read(bucket, item.key),
                content_type=kind,
                cache_control=ASSET_CACHE,
                attributes=attributes,
            )
        check_stored(stored, item.size)
        self._tell(item.size)
        return item.size

    def _read(self, bucket: str, key: str) -> Iterator[bytes]:
        try:
            yield from self._bucket.stream(bucket, key)
        except KeyError:
            raise AssetChanged("a file of the folder was deleted while it was read") from None
        except StorageError as error:
            raise TransferFailed(error.message, error.remedy) from error


def _late(key: str) -> bool:
    return posixpath.basename(key) in LAST


def _target(key: str, relative: str) -> str:
    """Return where a file of a folder asset goes: its own relative path, which the format's readers depend on."""
    parts = relative.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise TransferFailed(f"a file of the folder has an unusable name: {relative[:100]!r}")
    return posixpath.join(key, *parts)
