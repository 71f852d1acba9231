"""What a batch collection says of its bands, as STAC bands of assets. Pure.

Several bands may lie in one file (`source`); their order in it is `bandIndex`, which counts from 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stacsync.jobs import JSON
from stacsync.providers.sentinelhub.facts import mapping, number

_FORMATS = {"UINT": "uint", "INT": "int", "FLOAT": "float"}
Bands = Mapping[str, tuple[JSON, ...]]
"""STAC bands by source file, in their order in it."""


def by_source(collection: Mapping[str, Any]) -> dict[str, tuple[JSON, ...]]:
    """Return the bands of each source of a batch or BYOC collection, with data type and nodata as far as stated."""
    stated = mapping(mapping(collection.get("additionalData")).get("bands"))
    default = number(collection.get("noData"))
    placed: dict[str, list[tuple[float, str, JSON]]] = {}
    for name, entry in stated.items():
        facts = mapping(entry)
        source = str(facts.get("source") or name)
        index = number(facts.get("bandIndex")) or 1
        placed.setdefault(source, []).append((index, name, _band(name, facts, default)))
    return {
        source: tuple(band for _, _, band in sorted(bands, key=lambda entry: entry[:2]))
        for source, bands in sorted(placed.items())
    }


def data_type(bit_depth: Any, sample_format: Any) -> str | None:
    """Return the STAC name of a data type; a missing sample format means unsigned integers, as the service assumes.

    >>> data_type(32, "FLOAT"), data_type(8, None), data_type(None, "INT")
    ('float32', 'uint8', None)
    """
    kind = _FORMATS.get(str(sample_format or "UINT").upper())
    depths = (16, 32, 64) if kind == "float" else (8, 16, 32, 64)
    return f"{kind}{bit_depth}" if kind and bit_depth in depths else None


def _band(name: str, facts: Mapping[str, Any], default: float | None) -> JSON:
    nodata = number(facts.get("noData"))
    aliases = [alias for alias in facts.get("aliases") or () if isinstance(alias, str)]
    stated = {
        "name": name,
        "description": f"also known as {', '.join(aliases)}" if aliases else None,
        "data_type": data_type(facts.get("bitDepth"), facts.get("sampleFormat")),
        "nodata": default if nodata is None else nodata,
    }
    return {key: _short(value) for key, value in stated.items() if value is not None}


def _short(value: Any) -> Any:
    """Return whole numbers without a fraction, as they are usually written."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
