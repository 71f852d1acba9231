"""Stores what comes out of a package: small members side by side, large ones straight through."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import replace
from itertools import chain

from stacsync import layout
from stacsync.errors import JobUnusable, StacsyncError
from stacsync.jobs import MemberFact, identity
from stacsync.mirror import sniff, tiff
from stacsync.mirror.arrival import UNKNOWN_TYPE, check_stored
from stacsync.mirror.disclosure import disclosed
from stacsync.mirror.order import MIB
from stacsync.storage import ASSET_CACHE, Storage
from stacsync.storage.keys import valid

TEXT_HEAD = 4 * MIB
"""Text up to this size is handed on whole; it tells what the other members are."""
TEXT_HEADS = 64 * MIB
OTHER_HEADS = 32 * MIB
"""Bytes of heads that the facts of one package hold; further facts have none."""
WAITING_BYTES = 32 * MIB
WAITING_PUTS = 64
"""Small members of one package that wait to be stored."""


class Heads:
    """Decides how much of a member's beginning its fact keeps, so that 100,000 members stay within bounds."""

    def __init__(self) -> None:
        self._text = TEXT_HEADS
        self._other = OTHER_HEADS

    def wanted(self, kind: str | None, size: int) -> int:
        """Return how many bytes to keep of a member, and count them."""
        if is_text(kind) and size <= TEXT_HEAD:
            kept = size if size <= self._text else 0
            self._text -= kept
        else:
            kept = min(size, sniff.HEAD)
            kept = kept if kept <= self._other else 0
            self._other -= kept
        return kept


def is_text(kind: str | None) -> bool:
    """Say whether a media type is one of text: it may describe the other members."""
    return kind is not None and (kind.startswith("text/") or kind.endswith(("json", "xml", "yaml")))


class Members:
    """Writes the members of one package below `folder`."""

    def __init__(
        self, storage: Storage, helpers: Executor, folder: str, package: str, small: int, check: Callable[[], None]
    ) -> None:
        self._storage = storage
        self._helpers = helpers
        self._folder = folder
        self._package = package
        self._small = small
        self._check = check
        self._heads = Heads()
        self._facts: list[MemberFact] = []
        self._waiting: deque[tuple[int, Future[None]]] = deque()
        self._waiting_bytes = 0

    def write(self, path: str, pieces: Iterable[bytes | memoryview], ceiling: int) -> None:
        """Store one member. Raises `JobUnusable` when its path is too long or it is larger than `ceiling`.

        Raises `StorageError` or `Stopped` as well.
        """
        self._check()
        key = self._key(path)
        source = _bounded(pieces, path, ceiling)
        first: list[bytes] = []
        held = 0
        for piece in source:
            first.append(piece)
            held += len(piece)
            if held > self._small:
                break
        prefix = b"".join(first)
        kind = sniff.media_type(prefix[: sniff.HEAD], path, tiff.within(prefix))
        if held <= self._small:
            self._write_small(path, key, disclosed(prefix) if is_text(kind) else prefix, kind)
        else:
            self._write_large(path, key, chain(iter((prefix,)), source), prefix[: sniff.HEAD], kind)

    def finish(self) -> tuple[MemberFact, ...]:
        """Wait for everything and return the facts by path. Raises `StorageError`."""
        self._settle(0, 0)
        return tuple(sorted(self._facts, key=lambda fact: fact.path))

    def give_up(self) -> None:
        """Wait for what is on its way, whatever comes of it."""
        while self._waiting:
            with suppress(StacsyncError):
                self._waiting.popleft()[1].result()

    def _key(self, path: str) -> str:
        key = layout.member_key(self._folder, path)
        if not valid(key):
            raise JobUnusable(f"the package holds a path that is too long to be kept: {path[:100]}…")
        return key

    def _write_small(self, path: str, key: str, data: bytes, kind: str | None) -> None:
        digest = hashlib.sha256(data).hexdigest()
        self._settle(WAITING_BYTES - len(data), WAITING_PUTS)
        self._facts.append(self._fact(path, key, len(data), digest, kind, data))
        future = self._helpers.submit(self._put, path, key, data, digest, kind)
        self._waiting.append((len(data), future))
        self._waiting_bytes += len(data)

    def _put(self, path: str, key: str, data: bytes, digest: str, kind: str | None) -> None:
        self._check()
        attributes = {"identity": self._identity(path), "size": str(len(data)), "sha256": digest}
        content_type = kind or UNKNOWN_TYPE
        stored = self._storage.put(
            key, data, content_type=content_type, cache_control=ASSET_CACHE, attributes=attributes
        )
        check_stored(stored, len(data))

    def _write_large(self, path: str, key: str, pieces: Iterator[bytes], head: bytes, kind: str | None) -> None:
        digest, size = hashlib.sha256(), 0

        def hashed() -> Iterator[bytes]:
            nonlocal size
            for piece in pieces:
                self._check()
                digest.update(piece)
                size += len(piece)
                yield piece

        stored = self._storage.put_stream(
            key,
            hashed(),
            content_type=kind or UNKNOWN_TYPE,
            cache_control=ASSET_CACHE,
            attributes={"identity": self._identity(path)},
        )
        fact = self._fact(path, key, size, digest.hexdigest(), kind, head)
        self._facts.append(fact)
        check_stored(stored, size)

    def _fact(self, path: str, key: str, size: int, digest: str, kind: str | None, data: bytes) -> MemberFact:
        head = data[: self._heads.wanted(kind, size)]
        return MemberFact(path=path, key=key, size=size, sha256=digest, media_type=kind, head=head, fresh=True)

    def _identity(self, path: str) -> str:
        return identity(self._package, path)

    def _settle(self, most_bytes: int, most_puts: int) -> None:
        """Wait until no more than so much waits to be stored."""
        while self._waiting and (self._waiting_bytes > most_bytes or len(self._waiting) > most_puts):
            size, future = self._waiting.popleft()
            self._waiting_bytes -= size
            future.result()


def with_heads(storage: Storage, facts: Iterable[MemberFact]) -> tuple[MemberFact, ...]:
    """Return facts that were noted without heads with heads again, read from our own objects."""
    heads = Heads()
    return tuple(
        replace(fact, head=storage.get_range(fact.key, 0, kept) if kept else b"")
        for fact in facts
        for kept in (heads.wanted(fact.media_type, fact.size),)
    )


def _bounded(pieces: Iterable[bytes | memoryview], path: str, ceiling: int) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > ceiling:
            raise JobUnusable(
                f"{path} in the package has more than max_asset_size ({ceiling} bytes)",
                "raise max_asset_size in [mirror]",
            )
        yield bytes(piece)
