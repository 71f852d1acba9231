"""What every object store of stacsync promises, and the words it speaks.

A *key* names an object below the store's root: `/`-separated segments, none empty, none `.` or `..`, at most 1,024
bytes. A store never creates a bucket. Three answers are kept apart everywhere: *missing* (`KeyError`, or None from
`head`), *refused or out of reach* (`StorageError` with the way out), and *another state than expected* (`Conflict`).
Every method may be called from several threads at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from stacsync.provider import CheckLine, SourceStore

DOCUMENT_CACHE = "no-cache"
"""Cache-Control of documents, which are replaced under their key: readers ask each time."""
ASSET_CACHE = "public, max-age=604800"
"""Cache-Control of assets, which change their key when they change: a week."""
PART_SIZE = 8 * 1024 * 1024
SWEEP_AGE = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """What a store says of one object."""

    key: str
    size: int
    """Bytes."""
    etag: str | None = None
    """Names this very content, without quotes; to hand back as `if_match`. None where a store gives none."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """What was put with it; empty from `list`, and where the store keeps none."""
    modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class PartInfo:
    """One whole part of a resumable upload. Numbers count from 1; part n begins at byte (n - 1) * part_size."""

    number: int
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a store was found to honour, by trying it."""

    conditional: bool
    """Two writers that both want to be first: exactly one succeeds. Where false, conditions are checked before writing only."""
    attributes: bool
    """Attributes come back from `head`."""


@runtime_checkable
class Upload(Protocol):
    """A large object on its way in parts; it survives the process, and nothing is visible before `complete`."""

    @property
    def id(self) -> str:
        """Return what to hand to `Storage.upload` to go on later; it differs from the id asked for when that was gone."""
        ...

    @property
    def key(self) -> str:
        """Return the key that the object will have."""
        ...

    @property
    def part_size(self) -> int:
        """Return the bytes of every part but the last."""
        ...

    def parts(self) -> list[PartInfo]:
        """Return the whole parts that the store holds, by number."""
        ...

    def put_part(self, number: int, data: bytes | bytearray | memoryview) -> PartInfo:
        """Send one part; every part but the last holds exactly `part_size` bytes. May run in several threads.

        A part may be sent again, with the same bytes. Raises `StorageError`.
        """
        ...

    def complete(self) -> StoredObject:
        """Make the object visible, whole, in the order of the part numbers 1…n. Raises `StorageError` when one is missing."""
        ...

    def abort(self) -> None:
        """Drop what was sent; nothing happens when there is nothing to drop."""
        ...


@runtime_checkable
class Storage(Protocol):
    """An object store at one URL."""

    @property
    def url(self) -> str:
        """Return the store's address, safe to show."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """Return what this store honours, found out by one probe at first use. Raises `StorageError`."""
        ...

    def head(self, key: str) -> StoredObject | None:
        """Return what is stored under `key`, with its attributes, or None."""
        ...

    def get(self, key: str) -> bytes:
        """Return the whole object. Raises `KeyError` when there is none."""
        ...

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return up to `length` bytes from `start`, none beyond the end. Raises `KeyError` when there is no object."""
        ...

    def stream(self, key: str) -> Iterator[bytes]:
        """Yield the object's bytes in order, memory bounded. Raises `KeyError` before the first byte when there is none.

        An object that is replaced meanwhile raises `Conflict`; the pieces never mix two objects.
        """
        ...

    def put(
        self,
        key: str,
        data: bytes | memoryview,
        *,
        content_type: str,
        cache_control: str | None = None,
        if_absent: bool = False,
        if_match: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> StoredObject:
        """Store `data`, whole or not at all; `cache_control` defaults to `DOCUMENT_CACHE`.

        With `if_absent`, or `if_match` (an `etag`), raises `Conflict` when there already is an object, or another one
        or none. Where the store honours no conditions (`capabilities`), they are checked right before writing.
        Attributes are short texts, 1,500 bytes in all.
        """
        ...

    def put_stream(
        self,
        key: str,
        chunks: Iterable[bytes],
        *,
        content_type: str,
        cache_control: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> StoredObject:
        """Store bytes of unknown length, whole or not at all, with memory for a few parts.

        When `chunks` raises, its error comes out and the key is as it was. `cache_control` defaults to `ASSET_CACHE`.
        """
        ...

    def upload(
        self,
        key: str,
        *,
        content_type: str,
        part_size: int = PART_SIZE,
        upload_id: str | None = None,
        cache_control: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> Upload:
        """Begin a resumable upload, or go on with `upload_id`; one the store no longer knows is begun anew (see `id`)."""
        ...

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield the objects in the folder `prefix` and below, by key; without `prefix` all but our own state's folder."""
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; missing ones are no error."""
        ...

    def may_copy(self, source: SourceStore, bucket: str) -> bool:
        """Say whether `copy_from` is worth a try: the same service, and no refusal yet."""
        ...

    def copy_from(
        self,
        source: SourceStore,
        bucket: str,
        source_key: str,
        key: str,
        *,
        content_type: str,
        cache_control: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> StoredObject | None:
        """Copy an object inside the store's own service, no byte passing through here; None when that is not possible."""
        ...

    def sweep_uploads(self, keep: set[str], *, older_than: timedelta = SWEEP_AGE) -> int:
        """Abort uploads below the root that nobody goes on with (ids in `keep` stay); return how many."""
        ...

    def probe(self) -> Sequence[CheckLine]:
        """Write, read and delete a small object, and tell what the store honours; never raises for what it finds."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...
