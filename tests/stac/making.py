"""Records made by hand from recorded documents, the way a provider hands them over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stacsync import layout, stac
from stacsync.jobs import JSON, AssetRecord, CollectionRecord, ItemRecord, LinkRecord, Mirrored, Remote, identity

RECORDINGS = Path(__file__).parents[1] / "recordings" / "stac"
STATED = ("href", "type", "title", "description", "roles")
CREATED = datetime(2025, 7, 1, 8, 30, tzinfo=UTC)


def recording(name: str) -> Any:
    return json.loads((RECORDINGS / f"{name}.json").read_text())


def asset(key: str, source: Mapping[str, Any], **changes: Any) -> AssetRecord:
    fields: dict[str, Any] = {
        "key": key,
        "source": Remote(key),
        "filename": key,
        "identity": identity("made", key),
        "media_type": source.get("type"),
        "title": source.get("title"),
        "description": source.get("description"),
        "roles": tuple(source.get("roles") or ("data",)),
        "extra": {name: value for name, value in source.items() if name not in STATED},
    }
    return AssetRecord(**{**fields, **changes})


def item(document: Mapping[str, Any], job_id: str = "j-1", **changes: Any) -> ItemRecord:
    """The record of an Item document, its times left in `properties` unless changed."""
    fields: dict[str, Any] = {
        "id": f"{job_id}-{document['id']}",
        "collection": job_id,
        "job_id": job_id,
        "geometry": document.get("geometry"),
        "bbox": document.get("bbox"),
        "properties": document["properties"],
        "assets": tuple(asset(key, source) for key, source in document["assets"].items()),
        "links": tuple(LinkRecord(link["rel"], link["href"]) for link in document["links"]),
        "created": CREATED,
    }
    return ItemRecord(**{**fields, **changes})


def bare(**changes: Any) -> ItemRecord:
    """A record that says nothing but its id and when its job ran."""
    return ItemRecord(**{"id": "i", "collection": "c", "job_id": "j", "created": CREATED, **changes})


def place(record: ItemRecord, **changes: Any) -> stac.Place:
    fields: dict[str, Any] = {
        "provider": "acme",
        "kind": "openeo",
        "provider_title": "ACME on openEO",
        "catalog_title": "ACME EO products",
        "collection": record.collection,
        "collection_title": "A job",
        "item_id": record.id,
        "key": layout.item_key("acme", record.collection, record.id),
    }
    return stac.Place(**{**fields, **changes})


def mirrored(
    record: ItemRecord, facts: Mapping[str, Any] | None = None, **by_key: Mapping[str, Any]
) -> dict[str, Mirrored]:
    """All assets of a record as they lie in the store; `facts` for all of them, or `by_key`."""
    folder = layout.item_folder("acme", record.collection, record.id)
    names = layout.file_segments({entry.key: entry.filename for entry in record.assets})
    return {
        entry.key: Mirrored(
            key=f"{folder}/{names[entry.key]}",
            size=4096,
            sha256="ab" * 32,
            identity=entry.identity,
            media_type=None,
            facts=by_key.get(entry.key, facts or {}),
        )
        for entry in record.assets
        if entry.mirrored
    }


def made(record: ItemRecord, facts: Mapping[str, Any] | None = None, **by_key: Mapping[str, Any]) -> JSON:
    """The Item of a record with all its assets mirrored; proven valid on the way."""
    document = stac.item_document(record, mirrored(record, facts, **by_key), place(record))
    assert stac.validate(document) == []
    return document


def collection_place(**changes: Any) -> stac.CollectionPlace:
    fields: dict[str, Any] = {
        "provider": "acme",
        "kind": "openeo",
        "provider_title": "ACME on openEO",
        "catalog_title": "ACME EO products",
        "collection": "ndvi",
        "key": layout.collection_key("acme", "ndvi"),
    }
    return stac.CollectionPlace(**{**fields, **changes})


def collected(
    *records: CollectionRecord, summary: stac.Summary | None = None, children: tuple[JSON, ...] = (), **changes: Any
) -> JSON:
    """The Collection of some contributions; proven valid on the way."""
    document = stac.collection_document(
        records or [CollectionRecord(id="ndvi", job_id="j-1")],
        summary or stac.Summary(),
        collection_place(**changes),
        children,
    )
    assert stac.validate(document) == []
    return document


def square(west: float, south: float, east: float, north: float) -> JSON:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}
