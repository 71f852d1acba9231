"""STAC as Pixxel writes it, brought to what the records of a job can hold; `stacsync.stac` does the rest. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from stacsync.jobs import JSON, BBox
from stacsync.providers.pixxel.words import moment

_RENAMED = {"startdatetime": "start_datetime", "enddatetime": "end_datetime"}
_TIMES = ("datetime", "start_datetime", "end_datetime", "created", "updated")
_OWN = {*_TIMES, "title", "description"}
"""Properties that a record has fields of its own for."""
_OWN_OF_ASSET = {"href", "type", "title", "description", "roles"}


def is_item(document: object) -> bool:
    """Return whether a JSON document is a STAC Item, of whatever version."""
    return isinstance(document, Mapping) and document.get("type") == "Feature" and "stac_version" in document


def bbox(value: object) -> BBox | None:
    """Return a bounding box of numbers, also from one of strings; None when it is none."""
    if not isinstance(value, list | tuple) or len(value) not in (4, 6):
        return None
    try:
        numbers = tuple(float(one) for one in value)
    except (TypeError, ValueError):
        return None
    return numbers if all(math.isfinite(one) for one in numbers) else None


def geometry(document: Mapping[str, Any]) -> JSON | None:
    """Return the geometry that an Item states, None when it states none."""
    stated = document.get("geometry")
    return dict(stated) if isinstance(stated, Mapping) else None


def properties(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of an Item with STAC's own names for its times; unknown ones are kept."""
    stated = document.get("properties")
    if not isinstance(stated, Mapping):
        return {}
    renamed = {str(name): value for name, value in stated.items() if name not in _RENAMED}
    for old, new in _RENAMED.items():
        if old in stated:
            renamed.setdefault(new, stated[old])
    return renamed


def further(stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties that a record has no field of its own for."""
    return {name: value for name, value in stated.items() if name not in _OWN}


def times(stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record's time fields from an Item's properties."""
    return {name: moment(stated.get(name)) for name in _TIMES}


def assets(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the assets of an Item by key; what is no object is left out."""
    stated = document.get("assets")
    if not isinstance(stated, Mapping):
        return {}
    return {str(key): asset for key, asset in stated.items() if isinstance(asset, Mapping)}


def asset_fields(asset: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an asset beyond those that a record has of its own."""
    return {str(name): value for name, value in asset.items() if name not in _OWN_OF_ASSET}
