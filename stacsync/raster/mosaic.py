"""A picture of many Items: each where it lies within a bbox, with its own small picture or as an outline."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stacsync.raster.pixels import SIDE

if TYPE_CHECKING:
    from PIL.Image import Image

RECIPE = "1"
"""Counts up when mosaics are drawn otherwise than before."""
_SHORTEST = 64
_MOST_PIXELS = 4096 * 4096
_FILL = (28, 122, 142, 70)
_LINE = (20, 92, 110, 255)
Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One Item; longitudes lie in the same turn as those of the whole."""

    bbox: tuple[float, float, float, float]
    rings: tuple[tuple[Point, ...], ...] = ()
    """Outlines in degrees; empty: those of the bbox."""
    picture: bytes | None = None
    """Its thumbnail, which covers its bbox."""


def drawn(bbox: tuple[float, float, float, float], pieces: Sequence[Piece]) -> tuple[bytes, tuple[int, int]]:
    """Return a WebP picture of exactly `bbox` (west, south, east, north), and its rows and columns.

    Pixels are even in degrees, so that a map can lay it over the bbox; the sides have the ratio that they have on the
    ground. Later pieces lie on top. Equal pieces give equal bytes.
    """
    import numpy as np  # noqa: PLC0415 - the extra that may be missing
    from PIL import Image, ImageDraw  # noqa: PLC0415 - the same

    from stacsync.raster.picture import encoded  # noqa: PLC0415 - the same

    rows, columns = _size(bbox)
    canvas = Image.new("RGBA", (columns, rows), (0, 0, 0, 0))
    lines: list[tuple[Point, ...]] = []
    pasted = [_pasted(canvas, bbox, piece) for piece in pieces]
    for piece in (piece for piece, done in zip(pieces, pasted, strict=True) if not done):
        outlines = [tuple(_place(bbox, canvas.size, point) for point in ring) for ring in _rings(piece)]
        if not any(pasted):  # beside pictures, outlines say enough
            _shade(canvas, outlines)
        lines += outlines
    pen = ImageDraw.Draw(canvas)
    for line in lines:
        pen.line(line, fill=_LINE, width=2 if len(lines) < 40 else 1)
    return encoded(np.asarray(canvas)), (rows, columns)


def _shade(canvas: Image, outlines: Sequence[tuple[Point, ...]]) -> None:
    """Lay a tint on the area within outlines; only the part of the canvas that they span is touched."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 - the extra that may be missing

    across, down = ([point[axis] for line in outlines for point in line] for axis in (0, 1))
    left, top = max(0, math.floor(min(across))), max(0, math.floor(min(down)))
    right, bottom = min(canvas.width, math.ceil(max(across)) + 1), min(canvas.height, math.ceil(max(down)) + 1)
    if left >= right or top >= bottom:
        return
    shade = Image.new("RGBA", (right - left, bottom - top), (0, 0, 0, 0))
    for line in outlines:
        ImageDraw.Draw(shade).polygon([(x - left, y - top) for x, y in line], fill=_FILL)
    canvas.alpha_composite(shade, (left, top))


def _size(bbox: tuple[float, float, float, float]) -> tuple[int, int]:
    west, south, east, north = bbox
    squeeze = max(0.05, math.cos(math.radians((south + north) / 2)))
    wide, high = max((east - west) * squeeze, 1e-9), max(north - south, 1e-9)
    longest = max(wide, high)
    return max(_SHORTEST, round(SIDE * high / longest)), max(_SHORTEST, round(SIDE * wide / longest))


def _place(bbox: tuple[float, float, float, float], size: tuple[int, int], point: Point) -> Point:
    west, south, east, north = bbox
    x = (point[0] - west) / max(east - west, 1e-9) * (size[0] - 1)
    y = (north - point[1]) / max(north - south, 1e-9) * (size[1] - 1)
    return round(x, 2), round(y, 2)


def _rings(piece: Piece) -> tuple[tuple[Point, ...], ...]:
    west, south, east, north = piece.bbox
    return piece.rings or (((west, south), (east, south), (east, north), (west, north), (west, south)),)


def _pasted(canvas: Image, bbox: tuple[float, float, float, float], piece: Piece) -> bool:
    """Lay a piece's own picture on the canvas; return False when it has none that could be read."""
    from PIL import Image  # noqa: PLC0415 - the extra that may be missing

    if piece.picture is None:
        return False
    try:
        with Image.open(io.BytesIO(piece.picture), formats=("WEBP", "PNG", "JPEG")) as found:
            if found.width * found.height > _MOST_PIXELS:
                return False
            small = _fitting(found, canvas, bbox, piece)
    except Exception:  # noqa: BLE001 - a broken thumbnail of a provider only costs its place in the mosaic
        return False
    west, north = _place(bbox, canvas.size, (piece.bbox[0], piece.bbox[3]))
    left = min(max(0, round(west)), canvas.width - small.width)
    canvas.alpha_composite(small, (left, min(max(0, round(north)), canvas.height - small.height)))
    return True


def _fitting(found: Any, canvas: Image, bbox: tuple[float, float, float, float], piece: Piece) -> Image:
    from PIL import Image  # noqa: PLC0415 - the extra that may be missing

    west, north = _place(bbox, canvas.size, (piece.bbox[0], piece.bbox[3]))
    east, south = _place(bbox, canvas.size, (piece.bbox[2], piece.bbox[1]))
    size = (min(canvas.width, max(2, round(east - west) + 1)), min(canvas.height, max(2, round(south - north) + 1)))
    smaller = size[0] * size[1] < found.width * found.height
    way = Image.Resampling.BOX if smaller else Image.Resampling.NEAREST
    made: Image.Image = found.convert("RGBA").resize(size, way)
    return made
