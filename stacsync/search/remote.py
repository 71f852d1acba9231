"""Lets DuckDB read objects of our store by ranges, whichever store it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.spec import AbstractBufferedFile

from stacsync.errors import StorageError
from stacsync.storage import Storage

PROTOCOL = "stacsync"
_WHOLE = 2 * 1024 * 1024
"""Objects up to this size are read at once: one request is faster than several."""
_BLOCK = 512 * 1024


class StoreFiles(AbstractFileSystem):  # type: ignore[misc] # fsspec publishes no types
    """The objects of a store, read-only."""

    protocol = PROTOCOL
    cachable = False

    def __init__(self, storage: Storage) -> None:
        """Read from `storage`."""
        super().__init__()
        self.storage = storage

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Return name, size and type of an object. Raises `FileNotFoundError`."""
        key = self._strip_protocol(path)
        found = self.storage.head(key)
        if found is None:
            raise FileNotFoundError(key)
        return {"name": key, "size": found.size, "type": "file", "ETag": found.etag}

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """Return an object as the list of itself."""
        found = self.info(path)
        return [found] if detail else [found["name"]]

    def modified(self, path: str) -> datetime:
        """Return when an object was written last. Raises `FileNotFoundError`."""
        found = self.storage.head(self._strip_protocol(path))
        if found is None:
            raise FileNotFoundError(path)
        return found.modified or datetime.fromtimestamp(0, UTC)

    def glob(self, path: str, **_: Any) -> list[str]:
        """Return a path as it is: names hold no patterns."""
        return [self._strip_protocol(path)]

    def _open(self, path: str, mode: str = "rb", **_: Any) -> StoreFile:
        if mode != "rb":
            raise PermissionError("the index is only read")
        return StoreFile(self, path)


class StoreFile(AbstractBufferedFile):  # type: ignore[misc] # fsspec publishes no types
    """One object; small ones are read whole, large ones in blocks ahead of what is asked for."""

    def __init__(self, files: StoreFiles, path: str) -> None:
        """Ask for the size of the object."""
        size = files.info(path)["size"]
        small = size <= _WHOLE
        super().__init__(files, path, "rb", block_size=_BLOCK, size=size, cache_type="all" if small else "readahead")

    def _fetch_range(self, start: int, end: int) -> bytes:
        found: bytes = self.fs.storage.get_range(self.path, start, end - start)
        if len(found) < end - start:
            raise StorageError(f"{self.path} changed while it was read", "search again")
        return found
