"""A small picture of a raster: stretched, coloured, transparent where nothing is known."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from stacsync.raster.looks import Looks
from stacsync.raster.pixels import SIDE, Sample

if TYPE_CHECKING:
    import numpy as np

MEDIA_TYPE = "image/webp"
RECIPE = "1"
"""Counts up when pictures are made otherwise than before."""
_SMALLEST = 192
_QUALITY = 82


def painted(sample: Sample, looks: Looks) -> tuple[bytes, tuple[int, int]]:
    """Return a WebP picture and its rows and columns. The same sample gives the same bytes."""
    import numpy as np  # noqa: PLC0415 - the extra that may be missing

    colours, known = _colours(sample, looks)
    pixels = np.dstack([colours, np.where(known, 255, 0).astype("uint8")])
    enlarge = max(1, min(_SMALLEST // max(known.shape) + 1, SIDE // max(known.shape)))
    if enlarge > 1:
        pixels = pixels.repeat(enlarge, axis=0).repeat(enlarge, axis=1)
    return encoded(pixels), (pixels.shape[0], pixels.shape[1])


def encoded(pixels: np.ndarray[Any, Any]) -> bytes:
    """Return RGBA pixels as WebP; without transparency the fourth channel is left out."""
    from PIL import Image  # noqa: PLC0415 - the extra that may be missing

    opaque = bool((pixels[..., 3] == 255).all())
    image = Image.fromarray(pixels[..., :3].copy() if opaque else pixels)
    target = io.BytesIO()
    image.save(target, format="WEBP", quality=_QUALITY, method=4)
    return target.getvalue()


def _colours(sample: Sample, looks: Looks) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return RGB pixels, and which of them are known."""
    import numpy as np  # noqa: PLC0415 - the extra that may be missing

    chosen = sample.values[list(looks.bands)]
    values = np.abs(chosen.data) if np.iscomplexobj(chosen.data) else chosen.data
    known = ~np.ma.getmaskarray(chosen).all(axis=0) & np.isfinite(values.astype("float64")).all(axis=0)
    if sample.palette is not None:
        table = np.zeros((256, 4), dtype="uint8")
        for value, tint in sample.palette.items():
            if 0 <= value < 256:
                table[value] = tint
        found = table[np.clip(values[0], 0, 255).astype("uint8")]
        return found[..., :3], known & (found[..., 3] > 0)
    if looks.intervals:
        edges = [end for _, end, _ in looks.intervals[:-1]]
        table = np.array([tint for _, _, tint in looks.intervals], dtype="uint8")
        return table[np.digitize(np.nan_to_num(values[0].astype("float64")), edges)], known
    ranges = [(0.0, 255.0)] * len(looks.bands) if looks.plain else looks.ranges
    planes = [_spread(plane, *edges) for plane, edges in zip(values, ranges, strict=True)]
    return np.dstack(planes if len(planes) == 3 else planes * 3), known


def _spread(plane: np.ndarray[Any, Any], low: float, high: float) -> np.ndarray[Any, Any]:
    import numpy as np  # noqa: PLC0415 - the extra that may be missing

    share = (np.nan_to_num(plane.astype("float64")) - low) / (high - low)
    shade: np.ndarray[Any, Any] = np.clip(np.rint(share * 255.0), 0, 255).astype("uint8")
    return shade
