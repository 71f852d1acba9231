"""Bands: `eo:bands`, `raster:bands` and `bands` of any STAC version as the one `bands` of STAC 1.1.

Bands are matched by name where both lists name them alike, else by place. Nulls are dropped, wavelengths brought to
micrometres, and what all bands share moves up to the asset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stacsync.stac.numbers import finite, no_data

_EO = {
    "common_name": "eo:common_name",
    "center_wavelength": "eo:center_wavelength",
    "wavelength_um": "eo:center_wavelength",
    "full_width_half_max": "eo:full_width_half_max",
    "fwhm": "eo:full_width_half_max",
    "solar_illumination": "eo:solar_illumination",
    "solar_irradiance": "eo:solar_illumination",
    "cloud_cover": "eo:cloud_cover",
    "snow_cover": "eo:snow_cover",
}
_RASTER = {name: f"raster:{name}" for name in ("sampling", "bits_per_sample", "spatial_resolution", "histogram")}
_RASTER |= {"scale": "raster:scale", "offset": "raster:offset"}
COMMON_NAMES = frozenset(
    [
        "pan",
        "coastal",
        "blue",
        "green",
        "green05",
        "yellow",
        "red",
        "rededge",
        "rededge071",
        "rededge075",
        "rededge078",
        "nir",
        "nir08",
        "nir09",
        "cirrus",
        "swir16",
        "swir22",
        "lwir",
        "lwir11",
        "lwir12",
    ]
)
DATA_TYPES = frozenset(
    [
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "float16",
        "float32",
        "float64",
        "cint16",
        "cint32",
        "cfloat32",
        "cfloat64",
        "other",
    ]
)
_TYPE_NAMES = {
    "byte": "uint8",
    "float": "float32",
    "double": "float64",
    "complex64": "cfloat32",
    "complex128": "cfloat64",
}
_STATISTICS = ("minimum", "maximum", "mean", "stddev", "count", "valid_percent")
SHARED = (
    "data_type",
    "nodata",
    "unit",
    "raster:sampling",
    "raster:bits_per_sample",
    "raster:spatial_resolution",
    "raster:scale",
    "raster:offset",
)
"""Fields that move up to the asset when all its bands agree."""


def upgraded(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return asset (or Item) fields with one `bands` list in place of the three; without any, fields stay as they are."""
    kept = {name: value for name, value in fields.items() if name not in ("eo:bands", "raster:bands", "bands")}
    kept = _values_put_right(kept)
    merged = _listed(fields.get("bands"), {})
    for name, words in (("eo:bands", _EO), ("raster:bands", _RASTER)):
        merged = united(merged, _listed(fields.get(name), words))
    return lifted({**kept, "bands": merged}) if merged else kept


def with_facts(fields: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return upgraded fields completed by what the file's own header says of its bands.

    The header knows how many bands there are. A stated list of another length is of other files too, so only bands
    that the header names are taken from it.
    """
    kept = {name: value for name, value in fields.items() if name != "bands"}
    for name in ("data_type", "nodata", "unit"):
        if name in facts and name not in kept:
            kept |= _values_put_right({name: facts[name]})
    stated, found = list(fields.get("bands") or []), _listed(facts.get("bands"), {})
    if found and stated and len(found) != len(stated):
        by_name = {band.get("name"): band for band in stated if band.get("name")}
        bands = [{**band, **by_name.get(band.get("name"), {})} for band in found]
    else:
        bands = united(stated, found)
    bands = [{name: value for name, value in band.items() if kept.get(name) != value} for band in bands]
    return lifted({**kept, "bands": bands}) if bands and any(bands) else kept


def united(stated: Sequence[Mapping[str, Any]], more: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return both lists as one, band by band; what `stated` says wins."""
    names = [band.get("name") for band in stated]
    others = [band.get("name") for band in more]
    if others and len(set(names)) == len(names) and all(name is not None and name in names for name in others):
        by_name = dict(zip(others, more, strict=True))
        return [{**by_name.get(band.get("name"), {}), **band} for band in stated]
    longer = max(len(stated), len(more))
    pairs = ((_at(stated, index), _at(more, index)) for index in range(longer))
    return [{**other, **band} for band, other in pairs]


def _at(bands: Sequence[Mapping[str, Any]], index: int) -> Mapping[str, Any]:
    return bands[index] if index < len(bands) else {}


def lifted(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields with what all bands share moved up to the asset; a lone band without a word of its own goes."""
    result, bands = dict(fields), [dict(band) for band in fields["bands"]]
    for name in SHARED:
        first = bands[0].get(name)
        if first is not None and name not in result and all(band.get(name) == first for band in bands):
            result[name] = first
            for band in bands:
                del band[name]
    result["bands"] = bands
    if not any(bands):
        del result["bands"]
    return result


def _listed(value: object, words: Mapping[str, str]) -> list[dict[str, Any]]:
    if not isinstance(value, (list, tuple)):
        return []
    return [_band(band, words) if isinstance(band, Mapping) else {} for band in value]


def _band(band: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    renamed: dict[str, Any] = {}
    for name, value in band.items():
        if value is not None:
            renamed.setdefault(words.get(name, name), value)
    if not isinstance(renamed.get("name", ""), str):
        renamed["name"] = str(renamed["name"])
    return _values_put_right(renamed)


def _values_put_right(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields whose well-known values have the type and unit that STAC gives them; hopeless ones are dropped."""
    result = dict(fields)
    for name, read in _READERS.items():
        if name in result:
            value = read(result.pop(name))
            if value is not None:
                result[name] = value
    return result


def _data_type(value: object) -> str | None:
    text = str(value).lower()
    return text if text in DATA_TYPES else _TYPE_NAMES.get(text)


def _statistics(value: object) -> dict[str, Any] | None:
    if not isinstance(value, Mapping):
        return None
    known = {name: finite(value.get(name)) for name in _STATISTICS}
    kept: dict[str, Any] = {name: number for name, number in known.items() if number is not None}
    if "count" in kept:
        kept["count"] = int(kept["count"])
    if not 0 <= kept.get("valid_percent", 0) <= 100:
        del kept["valid_percent"]
    return kept or None


def _wavelength(value: object) -> float | None:
    """Return a wavelength in micrometres; more than 100 of them must have been nanometres."""
    number = finite(value)
    if number is None or number <= 0:
        return None
    if number <= 100:
        return number
    return round(number / 1000.0, 9) if number <= 100_000 else None


def _common_name(value: object) -> str | None:
    text = str(value).lower()
    return text if text in COMMON_NAMES else None


def _positive(value: object) -> float | None:
    number = finite(value)
    return number if number is not None and number > 0 else None


def _text(value: object) -> str | None:
    return str(value) if value not in (None, "") else None


_READERS = {
    "nodata": no_data,
    "data_type": _data_type,
    "statistics": _statistics,
    "unit": _text,
    "description": _text,
    "gsd": _positive,
    "eo:common_name": _common_name,
    "eo:center_wavelength": _wavelength,
    "eo:full_width_half_max": _wavelength,
    "eo:solar_illumination": _positive,
    "raster:scale": finite,
    "raster:offset": finite,
    "raster:spatial_resolution": _positive,
}
