"""Read published documents as any client does: by following links, several at a time."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import orjson

from stacsync import layout
from stacsync.storage import Storage

THREADS = 16
AHEAD = 128
"""Documents in memory at a time."""


@dataclass(frozen=True, slots=True)
class Found:
    """A document that was read."""

    key: str
    data: bytes
    document: dict[str, Any]

    def links(self, *rels: str) -> list[tuple[str, dict[str, Any]]]:
        """Return (key, link) of the links of these relations that lead to other documents of the same store."""
        links = self.document.get("links")
        return [
            (target, link)
            for link in (links if isinstance(links, list) else [])
            if isinstance(link, dict) and link.get("rel") in rels and (target := inside(self.key, link.get("href")))
        ]

    def assets(self) -> dict[str, dict[str, Any]]:
        """Return the document's assets."""
        assets = self.document.get("assets")
        named = assets.items() if isinstance(assets, dict) else ()
        return {name: asset for name, asset in named if isinstance(asset, dict)}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A document that could not be read."""

    key: str
    problem: str


def inside(from_key: str, href: object) -> str | None:
    """Return the key that a relative href means; None for one that leads out of the store."""
    if not isinstance(href, str) or not href:
        return None
    try:
        parts = urlsplit(href)
    except ValueError:
        return None
    if parts.scheme or parts.netloc or parts.path.startswith("/") or not parts.path:
        return None
    key = layout.resolve(from_key, unquote(parts.path))
    return None if key.startswith("../") or key in {".", ".."} else posixpath.normpath(key)


class Reader:
    """Reads documents from a store."""

    def __init__(self, storage: Storage, threads: int = THREADS) -> None:
        """Read from `storage`, so many documents at once."""
        self._storage = storage
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="read")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def read(self, key: str) -> Found | Unreadable:
        """Return the document at `key`. Raises `StorageError` when the store cannot be asked."""
        data = self.read_raw(key)
        if data is None:
            return Unreadable(key, "is missing")
        try:
            document = orjson.loads(data)
        except orjson.JSONDecodeError:
            return Unreadable(key, "is no JSON document")
        if not isinstance(document, dict):
            return Unreadable(key, "is no STAC document")
        return Found(key, data, document)

    def read_raw(self, key: str) -> bytes | None:
        """Return the bytes at `key`, whatever they are. Raises `StorageError`."""
        try:
            return self._storage.get(key)
        except KeyError:
            return None

    def read_all(self, keys: Iterable[str]) -> Iterator[Found | Unreadable]:
        """Yield the documents at `keys`, in order. Raises `StorageError`."""
        source = iter(keys)
        while batch := list(islice(source, AHEAD)):
            yield from self._pool.map(self.read, batch)
