"""What the directories of a TIFF say about its layout: GeoTIFF or not, cloud-optimized or not. Pure.

The cloud-optimized profile is claimed only after the layout was looked at: tiles (or an image that is one small block),
directories before data with the full image first, and the data of each overview before that of the larger ones
(OGC 21-026, Cloud Optimized GeoTIFF, clause 7). An image too large to be read without overviews does not get it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

PLAIN = "image/tiff"
GEOTIFF = "image/tiff; application=geotiff"
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
MARKS = frozenset({b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"})
Read = Callable[[int, int], bytes]
"""(first byte, length) -> those bytes; fewer when they cannot be had."""

_MOST_DIRECTORIES = 40
_MOST_TAGS = 500
_ONE_BLOCK = 512
"""Pixels; an image no larger than this needs neither tiles nor overviews."""
_WIDTH, _HEIGHT, _STRIPS, _TILES, _SUBFILE, _GEO_KEYS = 256, 257, 273, 324, 254, 34735
_SIZES = {1: 1, 3: 2, 4: 4, 16: 8}
_CODES = {1: "B", 3: "H", 4: "I", 16: "Q"}


class _Unseen(Exception):
    """A directory lies where we cannot read, or makes no sense."""


@dataclass(slots=True)
class _Directory:
    offset: int
    values: dict[int, int] = field(default_factory=dict)
    """First value of each tag that we know."""

    @property
    def size(self) -> tuple[int, int]:
        return self.values.get(_WIDTH, 0), self.values.get(_HEIGHT, 0)

    @property
    def data(self) -> int:
        return self.values.get(_TILES, self.values.get(_STRIPS, 0))


def within(head: bytes | memoryview) -> Read:
    """Return a reader that knows nothing beyond `head`."""
    return lambda start, length: bytes(head[start : start + length])


def media_type(read: Read) -> str:
    """Return the media type of a TIFF; the plainest that is certainly true when its directories cannot be seen."""
    seen: list[_Directory] = []
    try:
        _directories(read, seen)
        complete = True
    except (_Unseen, struct.error):
        complete = False
    if not seen or _GEO_KEYS not in seen[0].values:
        return PLAIN
    return COG if complete and _cloud_optimized(seen) else GEOTIFF


def _directories(read: Read, seen: list[_Directory]) -> None:
    mark = read(0, 16)
    order = "<" if mark[:2] == b"II" else ">"
    big = mark[2:4] in (b"+\x00", b"\x00+")
    (offset,) = struct.unpack_from(order + ("Q" if big else "I"), mark, 8 if big else 4)
    while offset:
        if len(seen) == _MOST_DIRECTORIES or any(offset == known.offset for known in seen):
            raise _Unseen
        directory, offset = _directory(read, order, big, offset)
        seen.append(directory)


def _directory(read: Read, order: str, big: bool, offset: int) -> tuple[_Directory, int]:
    counter, entry, pointer = ("Q", 20, "Q") if big else ("H", 12, "I")
    (count,) = struct.unpack(order + counter, _exactly(read, offset, struct.calcsize(order + counter)))
    if count > _MOST_TAGS:
        raise _Unseen
    start = offset + struct.calcsize(order + counter)
    body = _exactly(read, start, count * entry + struct.calcsize(order + pointer))
    directory = _Directory(offset)
    for index in range(count):
        tag, kind = struct.unpack_from(order + "HH", body, index * entry)
        if tag in (_WIDTH, _HEIGHT, _STRIPS, _TILES, _SUBFILE, _GEO_KEYS) and kind in _CODES:
            directory.values[tag] = _first(read, order, pointer, kind, body[index * entry + 4 : (index + 1) * entry])
    (following,) = struct.unpack_from(order + pointer, body, count * entry)
    return directory, following


def _first(read: Read, order: str, pointer: str, kind: int, rest: bytes) -> int:
    """Return the first value of a tag: it lies in the entry itself when all its values fit there."""
    width = struct.calcsize(order + pointer)
    (count,) = struct.unpack_from(order + pointer, rest, 0)
    place = rest[width:]
    if count * _SIZES[kind] > width:
        (offset,) = struct.unpack(order + pointer, place)
        place = _exactly(read, offset, _SIZES[kind])
    return int(struct.unpack_from(order + _CODES[kind], place, 0)[0])


def _exactly(read: Read, start: int, length: int) -> bytes:
    found = read(start, length)
    if len(found) != length:
        raise _Unseen
    return found


def _cloud_optimized(seen: list[_Directory]) -> bool:
    images = [directory for directory in seen if not directory.values.get(_SUBFILE, 0) & 4]
    full, overviews = images[0], images[1:]
    if full is not seen[0] or (full.values.get(_SUBFILE, 0) & 1):
        return False
    large = max(full.size) > _ONE_BLOCK
    if large and not (overviews and all(_TILES in image.values or max(image.size) <= _ONE_BLOCK for image in images)):
        return False
    ordered = all(one.offset < other.offset and one.size > other.size for one, other in pairwise(images))
    nested = all(one.data > other.data for one, other in pairwise(images))
    before = max(directory.offset for directory in seen) < min(image.data for image in images)
    return ordered and nested and before and full.data > 0
