"""A catalog in a local folder (`file:///srv/stac`).

Every object is written to a temporary file below `.stacsync/tmp`, flushed to the disk and renamed into place, so that a
reader sees the old file or the new one. Conditions hold among all processes that use this class on the folder, through
a lock file. Attributes are the extended attribute `user.stacsync` where the file system keeps those.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from stacsync.errors import Conflict
from stacsync.layout import STATE
from stacsync.provider import CheckLine, SourceStore
from stacsync.storage import keys
from stacsync.storage.contract import PART_SIZE, SWEEP_AGE, Capabilities, StoredObject, Upload
from stacsync.storage.disk import Disk, etag_of
from stacsync.storage.folder_uploads import FolderUpload, sweep
from stacsync.storage.probe import check_lines

_CHUNK = 1024 * 1024
_OURS = tuple(f"{STATE}/{name}" for name in ("tmp/", "uploads/", "lock"))


class FolderStorage:
    """`Storage` in the folder `root`, which is made at the first write."""

    def __init__(self, root: Path, *, clock: Callable[[], datetime]) -> None:
        self._disk = Disk(root)
        self._clock = clock

    @property
    def url(self) -> str:
        """Return the folder as a URL."""
        return f"file://{quote(str(self._disk.root))}"

    @cached_property
    def capabilities(self) -> Capabilities:
        """Return what the file system honours; conditions always, through the lock file."""
        with self._disk.draft() as draft:
            return Capabilities(conditional=True, attributes=draft.mark('{"probe":"1"}'))

    def head(self, key: str) -> StoredObject | None:
        """Return the file's facts, or None when there is no such file."""
        path = self._disk.existing(key)
        try:
            return _describe(key, path, attributes=True) if path else None
        except FileNotFoundError:
            return None

    def get(self, key: str) -> bytes:
        """Return the whole file. Raises `KeyError`."""
        return b"".join(self.stream(key))

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return up to `length` bytes from `start`. Raises `KeyError`."""
        with self._disk.guard(f"read {key}"), self._disk.reading(key) as file:
            if start >= os.fstat(file.fileno()).st_size:
                return b""
            file.seek(start)
            return file.read(length)

    def stream(self, key: str) -> Iterator[bytes]:
        """Yield the file in pieces of 1 MiB; a file replaced meanwhile is read on as it was. Raises `KeyError`."""
        with self._disk.reading(key) as file:
            while True:
                with self._disk.guard(f"read {key}"):
                    piece = file.read(_CHUNK)
                if not piece:
                    return
                yield piece

    def put(
        self,
        key: str,
        data: bytes | memoryview,
        *,
        content_type: str,  # noqa: ARG002  a file has no place for it
        cache_control: str | None = None,  # noqa: ARG002  the same
        if_absent: bool = False,
        if_match: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> StoredObject:
        """Write a file whole, under the lock when there is a condition. Raises `Conflict`."""
        if not (if_absent or if_match is not None):
            return self._write(key, [data], attributes)
        keys.checked(key)
        with self._disk.lock():
            now = self.head(key)
            if if_absent and now:
                raise Conflict(f"{self.url}: there already is a {key}")
            if if_match is not None and (now is None or now.etag != if_match.strip('"')):
                raise Conflict(f"{self.url}: {key} is not what it was when it was read")
            return self._write(key, [data], attributes)

    def put_stream(
        self,
        key: str,
        chunks: Iterable[bytes],
        *,
        content_type: str,  # noqa: ARG002  a file has no place for it
        cache_control: str | None = None,  # noqa: ARG002  the same
        attributes: Mapping[str, str] | None = None,
    ) -> StoredObject:
        """Write a file from its pieces, whole or not at all."""
        return self._write(key, chunks, attributes)

    def _write(
        self, key: str, chunks: Iterable[bytes | memoryview], attributes: Mapping[str, str] | None
    ) -> StoredObject:
        keys.checked(key)
        packed = keys.pack(attributes)
        with self._disk.draft() as draft:
            for chunk in chunks:
                with self._disk.guard(f"write {key}"):
                    draft.write(chunk)
            kept = packed is not None and draft.mark(packed)
            with self._disk.guard(f"write {key}"):
                status = draft.publish(self._disk.place(key))
            return StoredObject(
                key=key,
                size=status.st_size,
                etag=etag_of(status),
                attributes=dict(attributes or {}) if kept else {},
                modified=_instant(status),
            )

    def upload(
        self,
        key: str,
        *,
        content_type: str,  # noqa: ARG002  a file has no place for it
        part_size: int = PART_SIZE,
        upload_id: str | None = None,
        cache_control: str | None = None,  # noqa: ARG002  the same
        attributes: Mapping[str, str] | None = None,
    ) -> Upload:
        """Begin a partial file, or go on with one."""
        return FolderUpload(self._disk, keys.checked(key), part_size, keys.pack(attributes), upload_id)

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield the files of a folder and below, by key; links to folders are not followed."""
        inside = keys.folder(prefix)
        start = self._disk.folder(inside)
        for key, path in self._disk.walk(start, inside) if start else ():
            if keys.hidden(key, inside) or key.startswith(_OURS):
                continue
            with suppress(FileNotFoundError):
                yield _describe(key, path, attributes=False)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete files, and the folders that become empty by it."""
        for key in keys:
            self._disk.remove(key)

    def may_copy(self, source: SourceStore, bucket: str) -> bool:  # noqa: ARG002  no bucket copies into a folder by itself
        """Say no."""
        return False

    def copy_from(
        self,
        source: SourceStore,  # noqa: ARG002  no bucket copies into a folder by itself
        bucket: str,  # noqa: ARG002  the same
        source_key: str,  # noqa: ARG002  the same
        key: str,  # noqa: ARG002  the same
        *,
        content_type: str,  # noqa: ARG002  the same
        cache_control: str | None = None,  # noqa: ARG002  the same
        attributes: Mapping[str, str] | None = None,  # noqa: ARG002  the same
    ) -> StoredObject | None:
        """Return None: no bucket copies into a folder by itself."""
        return None

    def sweep_uploads(self, keep: set[str], *, older_than: timedelta = SWEEP_AGE) -> int:
        """Remove partial files that nobody goes on with, and temporary files that a killed process left."""
        return sweep(self._disk, keep, self._clock() - older_than)

    def probe(self) -> Sequence[CheckLine]:
        """Write, read and delete a small file."""
        return check_lines(self)

    def close(self) -> None:
        """Release nothing."""


def _describe(key: str, path: Path, *, attributes: bool) -> StoredObject:
    status = path.stat()
    packed = None
    if attributes and hasattr(os, "getxattr"):
        with suppress(OSError):
            packed = os.getxattr(path, "user.stacsync")
    return StoredObject(
        key=key, size=status.st_size, etag=etag_of(status), attributes=keys.unpack(packed), modified=_instant(status)
    )


def _instant(status: os.stat_result) -> datetime:
    return datetime.fromtimestamp(status.st_mtime, UTC)
