"""Pictures of fields that never were: parcels in rows, as a map of classes, a GeoTIFF or a coloured PNG. Pure."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

SIDE = 128
"""Pixels of a picture's side."""
PIXEL = 30.0
"""Metres of a pixel's side."""
_COLOURS = (
    (87, 117, 58),
    (124, 148, 71),
    (171, 163, 92),
    (201, 178, 112),
    (150, 110, 75),
    (66, 98, 66),
    (189, 196, 120),
    (112, 137, 98),
)
_LANE = (222, 214, 196)
_SHORT, _LONG, _DOUBLE = 3, 4, 12
_FORMATS = {_SHORT: "H", _LONG: "I", _DOUBLE: "d"}
_BEGINNING = 8
"""Where a TIFF's first directory may begin: right behind the mark."""
_DATA = 273
_Tag = tuple[int, int, Sequence[float]]
"""Number, kind, values."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a picture lies: the north-west corner in metres of a UTM zone."""

    epsg: int
    west: float
    north: float

    @staticmethod
    def around(longitude: float, latitude: float) -> Place:
        """Return the place of a picture with its middle here (degrees)."""
        from pyproj import Transformer  # noqa: PLC0415 - takes a while to import, and only a demonstration needs it here

        zone = int((longitude + 180) // 6) + 1
        epsg = (32600 if latitude >= 0 else 32700) + zone
        east, north = Transformer.from_crs(4326, epsg, always_xy=True).transform(longitude, latitude)
        half = SIDE * PIXEL / 2
        return Place(epsg, round(east / PIXEL) * PIXEL - half, round(north / PIXEL) * PIXEL + half)

    def ring(self) -> list[list[float]]:
        """Return the corners of the picture in degrees, closed."""
        from pyproj import Transformer  # noqa: PLC0415 - the same

        east, south = self.west + SIDE * PIXEL, self.north - SIDE * PIXEL
        corners = [(self.west, south), (east, south), (east, self.north), (self.west, self.north), (self.west, south)]
        back = Transformer.from_crs(self.epsg, 4326, always_xy=True)
        return [[round(part, 6) for part in back.transform(*corner)] for corner in corners]

    def polygon(self) -> dict[str, object]:
        """Return the outline of the picture as GeoJSON."""
        return {"type": "Polygon", "coordinates": [self.ring()]}

    def bbox(self) -> list[float]:
        """Return west, south, east, north in degrees."""
        xs, ys = zip(*self.ring(), strict=True)
        return [min(xs), min(ys), max(xs), max(ys)]


@lru_cache(maxsize=64)
def parcels(seed: int) -> bytes:
    """Return the class of each pixel, row by row: 1 to 8, and 0 for the lanes between the parcels."""
    angle = 0.25 + seed % 7 * 0.37
    sine, cosine = math.sin(angle), math.cos(angle)
    return bytes(_class(x * cosine + y * sine, y * cosine - x * sine, seed) for y in range(SIDE) for x in range(SIDE))


def _class(along: float, across: float, seed: int) -> int:
    block, inside = divmod(across + 1000, 31)
    shift, width = _mixed(int(block), seed) % 40, 9 + _mixed(int(block), seed + 1) % 15
    strip, left = divmod(along + 1000 + shift, width)
    if inside < 1.3 or left < 0.9:
        return 0
    return 1 + _mixed(int(block) * 131 + int(strip), seed) % len(_COLOURS)


@lru_cache(maxsize=100_000)
def _mixed(number: int, seed: int) -> int:
    value = (number * 2654435761 + seed * 40503 + 12345) & 0xFFFFFFFF
    return ((value >> 13) ^ value) * 1274126177 >> 7 & 0xFFFF


@lru_cache(maxsize=64)
def index(seed: int, season: float) -> bytes:
    """Return one grey byte a pixel, like a vegetation index; `season` (0 to 1) is how far the crops have come."""
    level = [20, *(int(60 + 170 * abs(math.sin(season * 3 + kind * 1.7))) for kind in range(len(_COLOURS)))]
    return bytes(level[kind] + (place * 7 + kind) % 9 for place, kind in enumerate(parcels(seed)))


@lru_cache(maxsize=64)
def colours(seed: int, season: float = 0.5) -> bytes:
    """Return three bytes a pixel: parcels in the colours of crops, lanes between them."""
    palette = [_LANE, *(_tinted(colour, kind, season) for kind, colour in enumerate(_COLOURS))]
    rows = bytearray()
    for place, kind in enumerate(parcels(seed)):
        grain = (place * 13 + place // SIDE * 5) % 11 - 5
        rows += bytes(max(0, min(255, part + grain)) for part in palette[kind])
    return bytes(rows)


def _tinted(colour: tuple[int, int, int], kind: int, season: float) -> tuple[int, int, int]:
    ripe = math.sin(season * 3 + kind)
    red, green, blue = colour
    return int(red + 26 * ripe), int(green + 10 * ripe), int(blue - 12 * ripe)


@lru_cache(maxsize=64)
def png(rgb: bytes) -> bytes:
    """Return a coloured PNG."""
    rows = b"".join(b"\0" + rgb[start : start + 3 * SIDE] for start in range(0, len(rgb), 3 * SIDE))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@lru_cache(maxsize=64)
def geotiff(pixels: bytes, place: Place, *, nodata: int | None = None) -> bytes:
    """Return a deflated GeoTIFF of one or three 8-bit bands, by the number of bytes in `pixels`.

    The directory stands before the data, which makes so small an image a cloud-optimized one: browsers draw it on a map.
    """
    bands = len(pixels) // (SIDE * SIDE)
    packed = zlib.compress(pixels, 9)
    system = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, place.epsg)
    tags: list[_Tag] = [
        (256, _LONG, [SIDE]),
        (257, _LONG, [SIDE]),
        (258, _SHORT, [8] * bands),
        (259, _SHORT, [8]),
        (262, _SHORT, [2 if bands == 3 else 1]),
        (_DATA, _LONG, [0]),
        (277, _SHORT, [bands]),
        (278, _LONG, [SIDE]),
        (279, _LONG, [len(packed)]),
        (284, _SHORT, [1]),
        (33550, _DOUBLE, [PIXEL, PIXEL, 0.0]),
        (33922, _DOUBLE, [0.0, 0.0, 0.0, place.west, place.north, 0.0]),
        (34735, _SHORT, system),
    ]
    data = _BEGINNING + len(_directory(tags, nodata))
    placed: list[_Tag] = [(tag, kind, [data] if tag == _DATA else values) for tag, kind, values in tags]
    return struct.pack("<2sHI", b"II", 42, _BEGINNING) + _directory(placed, nodata) + packed


def _directory(tags: Sequence[_Tag], nodata: int | None) -> bytes:
    """Return the image file directory that begins the file, with the values that do not fit into it behind it."""
    entries, behind = b"", b""
    number = len(tags) + (nodata is not None)
    start = _BEGINNING + 2 + 12 * number + 4
    for tag, kind, values in tags:
        packed = struct.pack(f"<{len(values)}{_FORMATS[kind]}", *values)
        if len(packed) > 4:
            packed, behind = struct.pack("<I", start + len(behind)), behind + packed
        entries += struct.pack("<HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    if nodata is not None:
        text = f"{nodata}\0".encode()
        entries += struct.pack("<HHI", 42113, 2, len(text)) + text.ljust(4, b"\0")[:4]
    return struct.pack("<H", number) + entries + struct.pack("<I", 0) + behind
