"""What the mirror is asked to do, and within which bounds."""

from __future__ import annotations

from dataclasses import dataclass

from stacsync.jobs import AssetRecord

MIB = 1024 * 1024
GIB = 1024 * MIB
CHEAP = MIB
"""Bytes up to which an asset costs less to fetch once more than to ask about."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """One asset, and the key that it shall have in the store."""

    asset: AssetRecord
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How bytes are cut; all in bytes. The defaults suit S3, tests shrink them."""

    small: int = 8 * MIB
    """An asset up to this size is held in memory and written with one request; no more than `part`."""
    part: int = 8 * MIB
    """Part of a multipart upload (S3 asks for 5 MiB at least); grows so that no upload has more than `most_parts`."""
    most_parts: int = 9_000
    extra_parts: int = 8
    """Parts that may be on their way to the store while the next is read, over all transfers together."""

    def part_for(self, size: int) -> int:
        """Return the bytes of a part, so that `size` bytes need no more parts than a store takes."""
        needed = -(-size // self.most_parts)
        return self.part if needed <= self.part else -(-needed // MIB) * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageLimits:
    """What an archive may hold before its job is refused; all sizes in bytes, all counted on what was really read."""

    total_bytes: int = 200 * GIB
    """All members together."""
    members: int = 200_000
    ratio: int = 200
    """Bytes out per byte in, looked at once `ratio_from` bytes came out."""
    ratio_from: int = 64 * MIB
    path_bytes: int = 700
    spool_bytes: int = 20 * GIB
    """Disk that ZIP packages, which can only be read from their end, may take together while they are unpacked."""
