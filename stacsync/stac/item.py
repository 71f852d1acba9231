"""Items: one record with what was mirrored of it, as a STAC 1.1.0 document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stacsync.jobs import ItemRecord, Mirrored
from stacsync.stac.catalog import STAC_VERSION
from stacsync.stac.place import Place


def item_document(record: ItemRecord, mirrored: Mapping[str, Mirrored], place: Place) -> dict[str, Any]:
    """Return the Item of `record` at `place`; `mirrored` holds its mirrored assets by asset key."""
    return {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "id": place.item_id,
        "geometry": None,
        "properties": {"datetime": None},
        "assets": {key: {"href": asset.key} for key, asset in mirrored.items()},
        "links": [{"rel": entry.rel, "href": entry.href} for entry in record.links],
    }
