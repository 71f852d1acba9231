"""STAC as Pixxel writes it, brought to what STAC allows. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from stacsync.jobs import BBox
from stacsync.providers.pixxel.words import moment

_RENAMED = {"startdatetime": "start_datetime", "enddatetime": "end_datetime"}
_OURS = {"datetime", "start_datetime", "end_datetime", "created", "updated", "title", "description", "license"}


def is_item(document: object) -> bool:
    """Return whether a JSON document is a STAC Item."""
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


def properties(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of an Item with STAC's own names for its times; unknown ones are kept."""
    stated = document.get("properties")
    if not isinstance(stated, Mapping):
        return {}
    return {_RENAMED.get(str(name), str(name)): value for name, value in stated.items()}


def further(stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties that a record has no field of its own for."""
    return {name: value for name, value in stated.items() if name not in _OURS}


def times(stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record's time fields from an Item's properties."""
    return {
        name: moment(stated.get(name)) for name in ("datetime", "start_datetime", "end_datetime", "created", "updated")
    }


def asset_fields(asset: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an asset beyond those that a record has of its own."""
    own = {"href", "type", "title", "description", "roles"}
    return {name: value for name, value in asset.items() if name not in own}
