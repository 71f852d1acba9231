"""The words of stacsync: plain frozen records that providers hand over and every later step reads.

A *job* ran at a provider; a *record* is what the provider says of it; an *asset* is one file of its results; a *package*
is an archive that holds many. Nothing here does I/O, knows STAC classes, or holds a secret: a record never carries a
signed URL or a token, because records are kept (ledger) and shown (logs). Signed addresses are asked for at the last
moment through `stacsync.provider.JobProvider.sign`.

Units: degrees (WGS84, longitude first) for geometry and bbox, bytes for sizes, timezone-aware UTC for every time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime as Instant  # noqa: N812 - a record has a field named datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

JSON = dict[str, Any]
BBox = tuple[float, ...]


def identity(*parts: object) -> str:
    """Return a short stable name (32 hex digits) of a source: provider, job, unsigned path, version.

    It is published with the asset (`stacsync:source`), so that a lost ledger can be made good from the bucket; it is a
    hash because a path may name an account or a user.
    """
    joined = "\x1f".join("" if part is None else str(part) for part in parts)
    return sha256(joined.encode()).hexdigest()[:32]


class Standing(StrEnum):
    """What a listing already knows about a finished job."""

    READY = "ready"
    WAITING = "waiting"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """One finished job, as a provider's listing tells it."""

    id: str
    """The provider's id, exactly as given."""
    fingerprint: str
    """Changes whenever the results may have changed; equal fingerprints mean nothing to do."""
    title: str | None = None
    created: Instant | None = None
    updated: Instant | None = None
    finished: Instant | None = None
    standing: Standing = Standing.READY
    reason: str = ""
    """Why the job is waiting or skipped; empty when ready."""
    expires: Instant | None = None
    """When the provider deletes the results, as far as is known."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Whatever the provider wants to find again in `describe`; never looked at by anybody else, never kept."""


@dataclass(frozen=True, slots=True)
class Remote:
    """Bytes behind HTTP; the address is asked for with `JobProvider.sign` right before each request."""

    path: str
    """What the provider needs to sign it again: an unsigned path, id or name. Never a signed URL."""


@dataclass(frozen=True, slots=True)
class SourceObject:
    """An object in a bucket that the provider's `source` store reads."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class SourceFolder:
    """All objects below a prefix (a Zarr store): mirrored as a folder, its metadata keys last."""

    bucket: str
    prefix: str
    only: str = ""
    """A regular expression that an object's path below the prefix has to match in full; empty: every object is taken."""

    def takes(self, path: str) -> bool:
        """Return whether the object at `path` below the prefix belongs to the folder."""
        return not self.only or re.fullmatch(self.only, path) is not None


@dataclass(frozen=True, slots=True)
class Member:
    """A file of a package that was unpacked before the items were told."""

    package: str
    path: str


@dataclass(frozen=True, slots=True)
class Inline:
    """Bytes that the provider already holds (a process graph, a metadata document)."""

    data: bytes


Source = Remote | SourceObject | SourceFolder | Member | Inline


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRecord:
    """One file of a job's results."""

    key: str
    """The STAC asset key, unique within its item or collection."""
    source: Source
    filename: str
    """Wished file name; may hold `/` and anything else, `layout` makes it safe."""
    identity: str
    """Names content and version of the source without any signature: same identity, same bytes. Built with `identity()`."""
    media_type: str | None = None
    title: str | None = None
    description: str | None = None
    roles: tuple[str, ...] = ("data",)
    size: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further STAC fields of the asset as the provider states them, of any STAC version; `stac` brings them up to date."""
    mirrored: bool = True
    """False: publish `href` and copy nothing (transfer = "reference")."""
    href: str | None = None
    """The absolute, unsigned href to publish when `mirrored` is false."""


@dataclass(frozen=True, slots=True)
class LinkRecord:
    """A link to something outside the catalog; `href` is absolute and unsigned."""

    rel: str
    href: str
    media_type: str | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRecord:
    """What becomes one STAC Item."""

    id: str
    """Wished id, unique within its collection over all jobs (so it names the job, unless the source id is unique)."""
    collection: str
    """`CollectionRecord.id` of the same result."""
    job_id: str | None
    """The provider's job id, None where no single job is known."""
    title: str | None = None
    description: str | None = None
    geometry: JSON | None = None
    """GeoJSON in WGS84 degrees; None when unknown (then rasters, proj fields and finally nothing are tried)."""
    bbox: BBox | None = None
    geometry_source: str | None = None
    """None when the provider states the geometry of this item; else where it was taken from ("aoi", "collection", …)."""
    datetime: Instant | None = None
    start_datetime: Instant | None = None
    end_datetime: Instant | None = None
    datetime_source: str | None = None
    """None when stated; else where it was taken from ("filename", "job", "collection", …)."""
    created: Instant | None = None
    updated: Instant | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    """Further properties, of any STAC version, unknown ones included."""
    assets: tuple[AssetRecord, ...] = ()
    links: tuple[LinkRecord, ...] = ()
    missing: tuple[str, ...] = ()
    """Asset keys that the provider named but could never deliver."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionRecord:
    """What one job contributes to a STAC Collection (the union over jobs is published)."""

    id: str
    """Wished id, unique in the whole catalog in practice."""
    job_id: str | None
    """Set when this Collection belongs to one job alone, else None."""
    title: str | None = None
    description: str | None = None
    keywords: tuple[str, ...] = ()
    license: str | None = None
    """What the source states, published where it is an SPDX id, else as "other"; None: the configured default."""
    providers: tuple[Mapping[str, Any], ...] = ()
    """Organisations, as STAC knows them."""
    bbox: BBox | None = None
    """Extent to use only when no item has one."""
    interval: tuple[Instant | None, Instant | None] | None = None
    """Times to use only when no item has one."""
    summaries: Mapping[str, Any] = field(default_factory=dict)
    item_assets: Mapping[str, Any] = field(default_factory=dict)
    assets: tuple[AssetRecord, ...] = ()
    links: tuple[LinkRecord, ...] = ()
    created: Instant | None = None
    """Sorts the collections of a provider; of a per-job collection the job's `created`."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further top-level fields, unknown ones included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFact:
    """One file that came out of a package and lies in the store."""

    path: str
    key: str
    size: int
    sha256: str
    media_type: str | None
    head: bytes = b""
    """The first 64 KiB, or the whole of a small text file (up to 4 MiB: JSON, GeoJSON, XML, text).

    Empty once a package's heads fill 64 MiB of text or 32 MiB of anything else: read the object itself then.
    """
    fresh: bool = field(default=False, compare=False)
    """Whether it was brought in just now, rather than found in the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageRecord:
    """An archive (tar, tar.gz, zip, or a single file) whose members are mirrored before the items can be told."""

    id: str
    """Unique within the job."""
    identity: str
    wants: Callable[[str], bool]
    """Which members to mirror, by their cleaned relative path; the rest is counted and left."""
    size: int | None = None


Contents = Mapping[str, tuple[MemberFact, ...]]
"""Members by package id, sorted by path."""


def nothing() -> None:
    """Release nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """All that a finished job delivered: what `JobProvider.describe` answers."""

    collections: tuple[CollectionRecord, ...]
    items: Callable[[Contents], Iterable[ItemRecord]]
    """Called once, after `packages` were unpacked; may be a generator over 100,000 rows and is consumed lazily."""
    packages: tuple[PackageRecord, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    """What the provider delivered and we do not publish, by reason ("no data": 3); may grow until `items` is used up."""
    complete: bool = True
    """False: published as incomplete (`stacsync:complete` = false on the Collection), to be completed by a later pass."""
    close: Callable[[], None] = nothing
    """Release whatever the description holds open (a spooled file)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrored:
    """An asset that lies in the store, whole and verified."""

    key: str
    size: int | None
    """Bytes; None for a folder asset."""
    sha256: str | None
    """Lower-case hex; None for a folder asset."""
    identity: str
    media_type: str | None = None
    """Sniffed from the bytes, None when they say nothing."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """STAC asset fields read from the file's own header (`proj:*`, `bands`), and `footprint` (GeoJSON, WGS84)."""
    reused: bool = False
    moved: int = 0
    """Bytes that were read from the source in this pass."""
