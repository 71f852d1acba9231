"""Folders of a provider's bucket that become one asset: Zarr stores."""

from __future__ import annotations

import posixpath
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, wait
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
from stacsync.storage.keys import valid

LAST = layout.ZARR_METADATA
"""Written after the chunks that they promise."""
JSON_TYPE = "application/json"
COPIERS = 8
"""Objects of folders that are copied at once; they take no thread from what sends the parts of other files."""
AHEAD = 16
"""Objects of one folder that wait for a copier, so that another folder's are not far behind."""


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
        copiers: Executor,
        tell: Callable[[int], None],
        check: Callable[[], None],
    ) -> None:
        self._storage = storage
        self._bucket = bucket
        self._store = store
        self._copiers = copiers
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
        wanted = [
            (item, target)
            for item in found
            if present.get(target := _target(key, item.key.removeprefix(prefix))) != item.size
        ]
        groups = groupby(wanted, key=lambda pair: _late(pair[0].key))
        return sum(self._all(folder.bucket, asset.identity, pairs) for _, pairs in groups)

    def _all(self, bucket: str, identity: str, pairs: Iterable[tuple[StoredObject, str]]) -> int:
        """Copy objects side by side, few ahead of others' folders; return the bytes moved."""
        moved = 0
        waiting: deque[Future[int]] = deque()
        try:
            for pair in pairs:
                waiting.append(self._copiers.submit(self._one, bucket, identity, *pair))
                if len(waiting) == AHEAD:
                    moved += waiting.popleft().result()
            while waiting:
                moved += waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
            wait(waiting)
        return moved

    def _present(self, identity: str, key: str) -> dict[str, int]:
        """Return the sizes of what an earlier attempt for the same identity left; nothing of any other stays."""
        note = layout.folder_note(key)
        with suppress(KeyError, orjson.JSONDecodeError):
            if orjson.loads(self._storage.get(note)) == {"identity": identity}:
                return {item.key: item.size for item in self._storage.list(key)}
        self._storage.delete([note])  # first: nobody takes for whole what is being deleted
        self._storage.delete([item.key for item in self._storage.list(key)])
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
            for piece in self._bucket.stream(bucket, key):
                self._check()
                yield piece
        except KeyError:
            raise AssetChanged("a file of the folder was deleted while it was read") from None
        except StorageError as error:
            raise TransferFailed(error.message, error.remedy) from error


def _late(key: str) -> bool:
    return posixpath.basename(key) in LAST


def _target(key: str, relative: str) -> str:
    """Return where a file of a folder asset goes: its own relative path, which the format's readers depend on."""
    target = f"{key}/{relative}"
    if not valid(target):
        raise TransferFailed(f"a file of the folder has a name that cannot be kept: {relative[:100]!r}")
    return target
