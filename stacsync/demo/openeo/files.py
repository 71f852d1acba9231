"""Small files that look like results: written by hand, the same bytes every time."""

from __future__ import annotations

import math
import struct
import zlib

SIDE = 64
"""Pixels of an image's side."""


def pixels(seed: int, side: int = SIDE) -> bytes:
    """Return one byte a pixel, row by row: soft hills that differ by `seed`."""
    rows = range(side)
    return bytes(
        int(127.5 + 127.4 * math.sin((x + 7 * seed) / 9) * math.cos((y + 3 * seed) / 11)) for y in rows for x in rows
    )


def geotiff(seed: int, west: float, north: float, epsg: int = 32631, metres: float = 10.0) -> bytes:
    """Return an uncompressed GeoTIFF with one byte band; `west` and `north` are in metres of a projected `epsg`."""
    data = pixels(seed)
    keys = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, epsg)
    scale = struct.pack("<3d", metres, metres, 0.0)
    tie = struct.pack("<6d", 0.0, 0.0, 0.0, west, north, 0.0)
    directory = struct.pack("<16H", *keys)
    start = 8 + 2 + 13 * 12 + 4
    places = (start, start + len(scale), start + len(scale) + len(tie))
    first_pixel = places[2] + len(directory)
    tags = (
        (256, 4, 1, SIDE),  # width
        (257, 4, 1, SIDE),  # height
        (258, 3, 1, 8),  # bits of a sample
        (259, 3, 1, 1),  # no compression
        (262, 3, 1, 1),  # black is zero
        (273, 4, 1, first_pixel),
        (277, 3, 1, 1),  # samples of a pixel
        (278, 4, 1, SIDE),  # rows of a strip
        (279, 4, 1, len(data)),
        (339, 3, 1, 1),  # unsigned integers
        (33550, 12, 3, places[0]),  # pixel scale
        (33922, 12, 6, places[1]),  # tie point
        (34735, 3, len(keys), places[2]),  # what the coordinates mean
    )
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    head = struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)
    return head + scale + tie + directory + data


def png(seed: int) -> bytes:
    """Return a grey PNG of the same hills."""
    data = pixels(seed)
    rows = b"".join(b"\0" + data[start : start + SIDE] for start in range(0, len(data), SIDE))
    header = struct.pack(">2I5B", SIDE, SIDE, 8, 0, 0, 0, 0)
    body = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def netcdf() -> bytes:
    """Return a netCDF classic file without any variable."""
    return b"CDF\x01" + bytes(28)


def csv(seed: int) -> bytes:
    """Return a short time series."""
    lines = [f"2025-06-{day:02d},{0.3 + (seed + day) % 10 / 20:.3f}" for day in range(1, 31)]
    return "\n".join(["date,ndvi", *lines, ""]).encode()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
