"""Small true files: a GeoTIFF in UTM and a PNG, made of nothing but arithmetic."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

_SHORT, _LONG, _DOUBLE = 3, 4, 12
_FORMATS = {_SHORT: "H", _LONG: "I", _DOUBLE: "d"}
Tag = tuple[int, int, Sequence[float]]


def pattern(width: int, height: int, seed: int) -> bytes:
    """Return grey pixels that look a little like fields."""
    return bytes(
        (40 + ((x // 8 * 31 + y // 6 * 17 + seed * 13) % 160) + (x * y + seed) % 23) & 0xFF
        for y in range(height)
        for x in range(width)
    )


def geotiff(pixels: bytes, width: int, height: int, *, epsg: int, west: float, north: float, pixel: float) -> bytes:
    """Return a deflated one-band GeoTIFF; `west`, `north` and `pixel` are in metres of the projected system `epsg`."""
    packed = zlib.compress(pixels, 9)
    tags: list[Tag] = [
        (256, _LONG, [width]),
        (257, _LONG, [height]),
        (258, _SHORT, [8]),
        (259, _SHORT, [8]),
        (262, _SHORT, [1]),
        (273, _LONG, [8]),
        (277, _SHORT, [1]),
        (278, _LONG, [height]),
        (279, _LONG, [len(packed)]),
        (33550, _DOUBLE, [pixel, pixel, 0.0]),
        (33922, _DOUBLE, [0.0, 0.0, 0.0, west, north, 0.0]),
        (34735, _SHORT, [1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, epsg]),
    ]
    body = packed + b"\0" * (len(packed) % 2)
    directory = 8 + len(body)
    return struct.pack("<2sHI", b"II", 42, directory) + body + _directory(tags, directory)


def png(pixels: bytes, width: int, height: int) -> bytes:
    """Return a grey PNG."""
    rows = b"".join(b"\0" + pixels[y * width : (y + 1) * width] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )


def _directory(tags: Sequence[Tag], offset: int) -> bytes:
    """Return the image file directory at `offset`, with the values that do not fit into it behind it."""
    entries, behind = b"", b""
    start = offset + 2 + 12 * len(tags) + 4
    for number, kind, values in tags:
        packed = struct.pack(f"<{len(values)}{_FORMATS[kind]}", *values)
        if len(packed) > 4:
            packed, behind = struct.pack("<I", start + len(behind)), behind + packed
        entries += struct.pack("<HHI", number, kind, len(values)) + packed.ljust(4, b"\0")
    return struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0) + behind
