"""A TIFF's header as STAC asset fields."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, BinaryIO

from stacsync.stac.projection import covered, footprint

_TYPES = {"complex64": "cfloat32", "complex128": "cfloat64"}
_KNOWN = {"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"}
_STATISTIC = re.compile(r'<Item name="STATISTICS_(\w+)"([^>]*)>([^<]{1,40})</Item>')
_SAMPLE = re.compile(r'sample="(\d{1,5})"')
_NAMES = {
    "MINIMUM": "minimum",
    "MAXIMUM": "maximum",
    "MEAN": "mean",
    "STDDEV": "stddev",
    "VALID_PERCENT": "valid_percent",
}
_USER_DEFINED = 32767
MOST_BANDS = 1000


def facts_of(file: BinaryIO) -> dict[str, Any]:
    """Return what the first image of a TIFF says as asset fields: `proj:*`, `bands`, `data_type`, `nodata`, and `footprint`.

    `footprint` is GeoJSON in WGS84 degrees. Raises whatever the reading library raises on a file that is no sound TIFF.
    """
    import tifffile  # noqa: PLC0415 - loads numpy, which most commands do without

    with tifffile.TiffFile(file) as tiff:
        page = tiff.pages.first
        tags = dict(page.geotiff_tags or {})
        facts: dict[str, Any] = {"proj:shape": [int(page.imagelength), int(page.imagewidth)]}
        facts |= _bands(page)
        transform = _transform(tags)
    code = _code(tags)
    if code is not None:
        facts["proj:code"] = code
    if transform is not None:
        facts["proj:transform"] = transform
        facts["proj:bbox"] = covered(transform, facts["proj:shape"])
    outline = footprint(facts)
    if outline is not None:
        facts["footprint"] = outline
    return facts


def _bands(page: Any) -> dict[str, Any]:
    count = int(page.samplesperpixel)
    name = str(page.dtype) if page.dtype is not None else ""
    fields: dict[str, Any] = {}
    kind = _TYPES.get(name, name if name in _KNOWN else None)
    if kind is not None:
        fields["data_type"] = kind
    nodata = _nodata(page)
    if nodata is not None:
        fields["nodata"] = nodata
    statistics = _statistics(page)
    if 0 < count <= MOST_BANDS and (count > 1 or statistics):
        fields["bands"] = [{"statistics": statistics[n]} if n in statistics else {} for n in range(count)]
    return fields


def _nodata(page: Any) -> float | int | str | None:
    tag = page.tags.get(42113)
    text = str(tag.value).strip("\0 ") if tag is not None else ""
    if not text:
        return None
    if text.lower() in {"nan", "-nan"}:
        return "nan"
    try:
        value = float(text)
    except ValueError:
        return None
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _statistics(page: Any) -> dict[int, dict[str, float]]:
    tag = page.tags.get(42112)
    text = str(tag.value)[:65_536] if tag is not None else ""
    found: dict[int, dict[str, float]] = {}
    for name, attributes, value in _STATISTIC.findall(text):
        sample = _SAMPLE.search(attributes)
        try:
            number = float(value)
        except ValueError:
            continue
        if name in _NAMES and math.isfinite(number):
            found.setdefault(int(sample[1]) if sample else 0, {})[_NAMES[name]] = number
    return found


def _code(tags: Mapping[str, Any]) -> str | None:
    for name in ("ProjectedCSTypeGeoKey", "GeographicTypeGeoKey"):
        value = tags.get(name)
        if value is not None and 1024 <= int(value) < _USER_DEFINED:
            return f"EPSG:{int(value)}"
    return None


def _transform(tags: Mapping[str, Any]) -> list[float] | None:
    """Return the affine transform from pixel corners to map units, rows first as `proj:transform` has it (6 numbers)."""
    matrix = tags.get("ModelTransformation")
    scale, tie = tags.get("ModelPixelScale"), tags.get("ModelTiepoint")
    if matrix is not None:
        flat = [float(value) for row in matrix for value in (row if hasattr(row, "__iter__") else [row])]
        values = [flat[0], flat[1], flat[3], flat[4], flat[5], flat[7]] if len(flat) == 16 else []
    elif scale is not None and tie is not None and len(tie) >= 6:
        x, y = float(scale[0]), float(scale[1])
        values = [x, 0.0, float(tie[3]) - float(tie[0]) * x, 0.0, -y, float(tie[4]) + float(tie[1]) * y]
    else:
        return None
    if len(values) != 6 or not all(math.isfinite(value) for value in values) or not (values[0] or values[1]):
        return None
    if int(tags.get("GTRasterTypeGeoKey") or 1) == 2:  # the tie point is a pixel's centre: go to its corner
        values[2] -= (values[0] + values[1]) / 2
        values[5] -= (values[3] + values[4]) / 2
    return values
