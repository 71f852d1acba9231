"""Where a document stands: what it must know of its surroundings to name and link itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an Item stands. All titles are those of the documents themselves, for its links to repeat."""

    provider: str
    """The configured name of the provider."""
    kind: str
    provider_title: str
    catalog_title: str
    collection: str
    """The id of the Collection, as published."""
    collection_title: str
    item_id: str
    """The id of the Item, as published."""
    key: str
    """The key of the Item's document, from `layout`."""
    license: str | None = None
    """A configured license that overrides whatever the source states; None: what the source states."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionPlace:
    """Where a Collection stands, and what the configuration says of it."""

    provider: str
    kind: str
    provider_title: str
    catalog_title: str
    collection: str
    """The id, as published."""
    key: str
    """The key of its document, from `layout`."""
    license: str = "other"
    """Used when no contribution states one."""
    license_override: str | None = None
    """A configured license that overrides whatever the sources state."""
    organisations: tuple[Mapping[str, Any], ...] = ()
    """The catalog's own organisations (STAC provider objects), added to those of the sources."""
