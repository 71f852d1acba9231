"""The projection extension: version 1 fields brought to version 2, nonsense dropped, footprints computed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import orjson

from stacsync.jobs import JSON
from stacsync.stac import geometry
from stacsync.stac.numbers import finite, finite_list

if TYPE_CHECKING:
    from pyproj import Transformer

_STEPS = 16
_TOLERANCE = 2e-5
"""Degrees (about two metres) that a straight edge may miss the true one by."""
_WELL_KNOWN = re.compile(r"^(EPSG:(4326|3857|32[67]\d\d)|OGC:CRS84)$")
_CODE = re.compile(r"^[A-Za-z]+:[A-Za-z0-9._-]+$")


def upgraded(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields with `proj:*` as version 2.0.0 has them; what is no projection metadata at all is dropped."""
    kept = {name: value for name, value in fields.items() if not name.startswith("proj:")}
    if len(kept) == len(fields):
        return kept
    for name, read in _READERS.items():
        value = read(fields.get(name))
        if value is not None:
            kept[name] = value
    code = _code(fields.get("proj:code")) or _code(fields.get("proj:epsg"))
    if code is not None:
        kept["proj:code"] = code
    return _consistent(kept)


def _code(value: object) -> str | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()):
        return f"EPSG:{int(value)}" if int(value) > 0 else None
    if not isinstance(value, str) or not _CODE.match(value):
        return None
    authority, _, code = value.partition(":")
    return f"{authority.upper()}:{code}"


def _bbox(value: object) -> list[float] | None:
    numbers = finite_list(value, (4, 6))
    if numbers is None:
        return None
    half = len(numbers) // 2
    return numbers if all(low <= high for low, high in zip(numbers[:2], numbers[half:], strict=False)) else None


def _shape(value: object) -> list[int] | None:
    numbers = finite_list(value, (2,))
    if numbers is None or any(number < 1 or number != int(number) for number in numbers):
        return None
    return [int(number) for number in numbers]


def _transform(value: object) -> list[float] | None:
    numbers = finite_list(value, (6, 9))
    if numbers is None or numbers[0] * numbers[4] == numbers[1] * numbers[3]:
        return None  # a transform that maps all pixels onto one line maps nothing
    return numbers


def _centroid(value: object) -> dict[str, float] | None:
    if not isinstance(value, Mapping):
        return None
    latitude, longitude = finite(value.get("lat")), finite(value.get("lon"))
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return {"lat": latitude, "lon": longitude}


def _geojson(value: object) -> JSON | None:
    if isinstance(value, Mapping) and ("coordinates" in value or "geometries" in value) and value.get("type"):
        return dict(value)
    return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _object(value: object) -> JSON | None:
    return dict(value) if isinstance(value, Mapping) and "type" in value and "name" in value else None


_READERS = {
    "proj:bbox": _bbox,
    "proj:shape": _shape,
    "proj:transform": _transform,
    "proj:centroid": _centroid,
    "proj:geometry": _geojson,
    "proj:wkt2": _text,
    "proj:projjson": _object,
}


def _consistent(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields whose transform agrees with shape and bbox, as far as these are there."""
    transform, shape, bbox = (fields.get(name) for name in ("proj:transform", "proj:shape", "proj:bbox"))
    if transform is None or shape is None:
        return fields
    for candidate in (transform, [transform[i] for i in (1, 2, 0, 4, 5, 3)]):  # as stated, or in GDAL's order
        extent = covered(candidate, shape)
        if bbox is None and extent[0] < extent[2]:
            return {**fields, "proj:bbox": extent}
        if bbox is not None and _near(extent, bbox):
            return {**fields, "proj:transform": candidate}
    return {name: value for name, value in fields.items() if name != "proj:transform"}


def covered(transform: Sequence[float], shape: Sequence[int]) -> list[float]:
    """Return the bbox, in the raster's own system, of `shape` (height, width) pixels under an affine transform."""
    height, width = shape
    a, b, c, d, e, f = transform[:6]
    corners = [(c + a * x + b * y, f + d * x + e * y) for x, y in ((0, 0), (width, 0), (0, height), (width, height))]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return [min(xs), min(ys), max(xs), max(ys)]


def _near(extent: Sequence[float], bbox: Sequence[float]) -> bool:
    flat = bbox if len(bbox) == 4 else [*bbox[:2], *bbox[3:5]]
    size = max(flat[2] - flat[0], flat[3] - flat[1], 1e-9)
    return all(abs(one - other) <= 0.01 * size for one, other in zip(extent, flat, strict=True))


def footprint(fields: Mapping[str, Any]) -> JSON | None:
    """Return the WGS84 outline of `proj:bbox` in `proj:code` (or wkt2, projjson), or None when they do not say.

    Edges are straight in the source system, so they get as many points between their corners as they need to be true
    to two metres.
    """
    bbox = fields.get("proj:bbox")
    system = fields.get("proj:code") or fields.get("proj:wkt2") or fields.get("proj:projjson")
    if bbox is None or not system:
        return None
    flat = bbox if len(bbox) == 4 else [*bbox[:2], *bbox[3:5]]
    if not (flat[0] < flat[2] and flat[1] < flat[3]):
        return None
    ring = _outline(flat, system if isinstance(system, str) else orjson.dumps(system).decode())
    return None if ring is None else geometry.normalised({"type": "Polygon", "coordinates": [ring]})[0]


def _outline(bbox: Sequence[float], system: str) -> list[list[float]] | None:
    from pyproj.exceptions import ProjError  # noqa: PLC0415 - PROJ is loaded by those who have something to reproject

    west, south, east, north = bbox
    corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    sides = list(pairwise(corners))
    shares = [step / _STEPS for step in range(_STEPS)]
    xs = [x0 + share * (x1 - x0) for (x0, _), (x1, _) in sides for share in shares]
    ys = [y0 + share * (y1 - y0) for (_, y0), (_, y1) in sides for share in shares]
    try:
        longitudes, latitudes = _transformer(system).transform(xs, ys, errcheck=True)
    except ProjError:
        return None
    points = [[round(x, 7), round(y, 7)] for x, y in zip(longitudes, latitudes, strict=True)]
    if any(finite(number) is None for point in points for number in point):
        return None
    return _thinned([*points, points[0]])


def _thinned(points: list[list[float]]) -> list[list[float]]:
    """Return the fewest evenly spaced points that stay within the tolerance of all."""
    for stride in (_STEPS, _STEPS // 2, _STEPS // 4, _STEPS // 8):
        if all(_deviation(points, start, stride) <= _TOLERANCE for start in range(0, len(points) - 1, stride)):
            return points[::stride]
    return points


def _deviation(points: list[list[float]], start: int, stride: int) -> float:
    first, last = points[start], points[start + stride]
    worst = 0.0
    for step in range(1, stride):
        share = step / stride
        here = points[start + step]
        worst = max(worst, *(abs(a + share * (b - a) - c) for a, b, c in zip(first, last, here, strict=True)))
    return worst


def described(code: str) -> JSON | None:
    """Return the PROJJSON of a system that map clients in browsers do not know by its code, else None.

    They know WGS84, web Mercator and the UTM zones; for any other they would have to ask a service on the internet.
    """
    return None if _WELL_KNOWN.match(code) else _projjson(code)


@lru_cache(maxsize=64)
def _projjson(code: str) -> JSON | None:
    from pyproj import CRS  # noqa: PLC0415 - as above
    from pyproj.exceptions import ProjError  # noqa: PLC0415 - as above

    try:
        found: JSON = CRS.from_user_input(code).to_json_dict()
    except ProjError:
        return None
    return found


@lru_cache(maxsize=64)
def _transformer(system: str) -> Transformer:
    from pyproj import Transformer  # noqa: PLC0415 - as above

    return Transformer.from_crs(system, "EPSG:4326", always_xy=True)
