"""What a Zarr store of version 2 says of itself in `.zmetadata`, as datacube fields. Pure.

Coordinates are compressed arrays that nobody here decodes: their extents come from the feature manifest. Without it no
datacube fields are told, because a spatial dimension without an extent is not allowed. Source: STAC datacube v2.2.0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from stacsync.providers.sentinelhub.facts import mapping
from stacsync.providers.sentinelhub.tiling import Extent

MEDIA_TYPE = "application/vnd.zarr; version=2"
CONSOLIDATED = ".zmetadata"
GROUP = ".zgroup"
FILES = r"(?:[^/]+/)*\.z(?:group|attrs|array|metadata)|(?:[^/]+/)+\d+(?:[./]\d+)*"
"""What a path in a store can be: metadata anywhere, chunks in the folder of an array. Beside the store may lie the
service's copy of the request, with the keys of the bucket in it: that is no part of it."""
_DEFAULT_DIMENSIONS = ("time", "y", "x")
_KINDS = {"u": "uint", "i": "int", "f": "float", "c": "complex", "b": "bool"}


def arrays(consolidated: bytes) -> dict[str, Mapping[str, Any]]:
    """Return every array of a store by name, each with its attributes as `attributes`; none when it cannot be read."""
    try:
        entries = mapping(mapping(orjson.loads(_without_nan(consolidated))).get("metadata"))
    except orjson.JSONDecodeError:
        return {}
    found: dict[str, Mapping[str, Any]] = {}
    for path, entry in sorted(entries.items()):
        name, slash, kind = path.rpartition("/")
        if slash and kind == ".zarray" and isinstance(mapping(entry).get("shape"), list):
            found[name] = {**mapping(entry), "attributes": mapping(entries.get(f"{name}/.zattrs"))}
    return found


def properties(
    found: Mapping[str, Mapping[str, Any]],
    area: Extent | None,
    code: str | None,
    interval: tuple[datetime | None, datetime | None] | None,
) -> dict[str, Any]:
    """Return `cube:dimensions` and `cube:variables`, and `proj:shape` with its transform, as far as they can be told."""
    named = {name: _dimensions(name, array) for name, array in found.items()}
    used = sorted({dimension for dimensions in named.values() for dimension in dimensions})
    if area is None or not {"x", "y"} <= set(used):
        return {}
    cube = {name: _dimension(name, area, code, interval, found) for name in used}
    variables = {
        name: _variable(array, named[name], coordinate=name in used) for name, array in found.items() if named[name]
    }
    return {"cube:dimensions": cube, "cube:variables": variables, **_raster(found, named, area)}


def _dimensions(name: str, array: Mapping[str, Any]) -> tuple[str, ...]:
    """Return an array's dimension names: as xarray notes them, else the service's order, else its own name."""
    rank = len(array["shape"])
    noted = mapping(array.get("attributes")).get("_ARRAY_DIMENSIONS")
    if isinstance(noted, list) and len(noted) == rank:
        return tuple(str(dimension) for dimension in noted)
    if rank == 1:
        return (name,)
    return _DEFAULT_DIMENSIONS[-rank:] if rank <= len(_DEFAULT_DIMENSIONS) else ()


def _dimension(
    name: str,
    area: Extent,
    code: str | None,
    interval: tuple[datetime | None, datetime | None] | None,
    found: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    if name in ("x", "y"):
        extent = [area[0], area[2]] if name == "x" else [area[1], area[3]]
        system = _reference_system(code)
        return {"type": "spatial", "axis": name, "extent": extent, **({"reference_system": system} if system else {})}
    if name in ("time", "t"):
        return {"type": "temporal", "extent": [_text(moment) for moment in interval or (None, None)]}
    length = next((array["shape"][0] for key, array in found.items() if key == name and array["shape"]), None)
    return {"type": "other", "extent": [0, length - 1] if isinstance(length, int) else [None, None]}


def _variable(array: Mapping[str, Any], dimensions: tuple[str, ...], *, coordinate: bool) -> dict[str, Any]:
    attributes = mapping(array.get("attributes"))
    stated = {
        "dimensions": list(dimensions),
        "type": "auxiliary" if coordinate else "data",
        "description": attributes.get("long_name"),
        "unit": attributes.get("units"),
    }
    plain = {name: value for name, value in stated.items() if isinstance(value, list) or (value and str(value).strip())}
    kind, nodata = data_type(array.get("dtype")), array.get("fill_value")
    if not coordinate and kind:
        plain["data_type"] = kind
    if not coordinate and isinstance(nodata, int | float | str) and not isinstance(nodata, bool):
        plain["nodata"] = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}.get(str(nodata), nodata)
    return plain


def data_type(dtype: Any) -> str | None:
    """Return the STAC name of a NumPy data type as Zarr writes it.

    >>> data_type("<u2"), data_type("|u1"), data_type("<f4"), data_type("<M8[ns]")
    ('uint16', 'uint8', 'float32', None)
    """
    if not isinstance(dtype, str) or len(dtype) < 3 or not dtype[2:].isdigit() or dtype[1] not in "uif":
        return None
    return f"{_KINDS[dtype[1]]}{int(dtype[2:]) * 8}"


def _raster(
    found: Mapping[str, Mapping[str, Any]], named: Mapping[str, tuple[str, ...]], area: Extent
) -> dict[str, Any]:
    shapes = {tuple(found[name]["shape"][-2:]) for name, dimensions in named.items() if dimensions[-2:] == ("y", "x")}
    if len(shapes) != 1:
        return {}
    height, width = shapes.pop()
    if not (isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0):
        return {}
    west, south, east, north = area
    size_x, size_y = (east - west) / width, (north - south) / height
    fits = math.isclose(size_x, size_y, rel_tol=0.01)
    transform = {"proj:transform": [size_x, 0.0, west, 0.0, -size_y, north]} if fits else {}
    return {"proj:shape": [height, width], **transform}


def _reference_system(code: str | None) -> int | str | None:
    if code and code.startswith("EPSG:") and code[5:].isdigit():
        return int(code[5:])
    return code


def _text(moment: datetime | None) -> str | None:
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z" if moment else None


def _without_nan(data: bytes) -> bytes:
    """Return JSON with the bare NaN that some Zarr writers leave in it made null."""
    if b"NaN" not in data:
        return data
    return data.replace(b": NaN", b": null").replace(b":NaN", b":null")
