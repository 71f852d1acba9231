"""Records to STAC: pure functions from what a provider says and the mirror found to STAC 1.1.0 documents.

    Item        item_document(record, mirrored, place)
    Collection  collection_document(contributions, summary, place, links)     summary = Summary.of(items)
    Catalog     catalog_document(id, title, description, links)
    bytes       dumps(document), once validate(document) has nothing to say

Nothing here does I/O or reads a clock: the same inputs give the same bytes.
"""

from __future__ import annotations

from stacsync.stac import asset, records
from stacsync.stac.catalog import STAC_VERSION, catalog_document
from stacsync.stac.collection import collection_document, collection_title
from stacsync.stac.item import item_document
from stacsync.stac.links import ITEM_TYPE, JSON_TYPE, link
from stacsync.stac.place import CollectionPlace, Place
from stacsync.stac.summary import Summary
from stacsync.stac.validate import validate
from stacsync.stac.write import dumps

__all__ = [
    "ITEM_TYPE",
    "JSON_TYPE",
    "STAC_VERSION",
    "CollectionPlace",
    "Place",
    "Summary",
    "asset",
    "catalog_document",
    "collection_document",
    "collection_title",
    "dumps",
    "item_document",
    "link",
    "records",
    "validate",
]
