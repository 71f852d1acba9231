"""Items: one record with what was mirrored of it, as a STAC 1.1.0 document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stacsync import layout
from stacsync.jobs import ItemRecord, Mirrored
from stacsync.stac import extensions, links, projection, shown, titles
from stacsync.stac.asset import asset_object
from stacsync.stac.catalog import STAC_VERSION
from stacsync.stac.clean import holds_secret, organisation
from stacsync.stac.footprint import located
from stacsync.stac.licenses import license_of
from stacsync.stac.place import Place
from stacsync.stac.repair import fitted
from stacsync.stac.times import When, resolve, rfc3339
from stacsync.stac.upgrade import fields_of

_NOT_PROPERTIES = frozenset(
    {"assets", "links", "geometry", "bbox", "stac_version", "stac_extensions", "id", "collection", "href"}
)


def item_document(record: ItemRecord, mirrored: Mapping[str, Mirrored], place: Place) -> dict[str, Any]:
    """Return the Item of `record` at `place`; `mirrored` holds its mirrored assets by asset key.

    An asset that is to be mirrored and is not there is left out and listed in `stacsync:missing_assets`. Fields that
    the core schema refuses are dropped. An Item without any known time is returned as it is, for `validate` to refuse:
    no time is invented.
    """
    objects = {asset.key: asset_object(asset, mirrored.get(asset.key), place.key) for asset in record.assets}
    assets = {key: found for key, found in objects.items() if found is not None}
    facts = {key: one.facts for key, one in mirrored.items() if key in assets}
    missing = sorted({*record.missing, *(objects.keys() - assets.keys())})
    when = resolve(record, assets.values(), [asset.filename for asset in record.assets if "data" in asset.roles])
    properties = _properties(record, place, when)
    if missing:
        properties["stacsync:missing_assets"] = missing
    spot = located(record, _footprints(record, mirrored), [properties, *assets.values()])
    if spot.source is not None:
        properties["stacsync:geometry_source"] = spot.source
    document: dict[str, Any] = {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "id": place.item_id,
        "collection": place.collection,
        "geometry": spot.geometry,
        "properties": shown.with_renders(_inherited(properties, assets), facts),
        "assets": shown.with_thumbnail(assets, facts, place.key),
        "links": _links(record, place),
    }
    if spot.bbox is not None:
        document["bbox"] = spot.bbox
    document = fitted(document)
    document["stac_extensions"] = extensions.named(document)
    return document


def _footprints(record: ItemRecord, mirrored: Mapping[str, Mirrored]) -> Iterable[object]:
    """Footprints of the data first, then of anything else that has one, in the record's order."""
    assets = sorted(record.assets, key=lambda asset: "data" not in asset.roles)
    return [mirrored[asset.key].facts.get("footprint") for asset in assets if asset.key in mirrored]


def _properties(record: ItemRecord, place: Place, when: When) -> dict[str, Any]:
    kept = fields_of({name: value for name, value in record.properties.items() if name not in _NOT_PROPERTIES})
    for name in ("datetime", "start_datetime", "end_datetime"):
        kept.pop(name, None)
    kept |= when.fields()
    kept["title"] = titles.item_title(record, when)
    if record.description and not holds_secret(record.description):
        kept["description"] = record.description
    for name, instant in (("created", record.created), ("updated", record.updated)):
        if instant is not None:
            kept[name] = rfc3339(instant)
    if place.license is not None or "license" in kept:
        kept["license"] = license_of(place.license or str(kept["license"]))
    if "providers" in kept:
        organisations = kept["providers"] if isinstance(kept["providers"], list) else []
        kept["providers"] = [known for entry in organisations if (known := organisation(entry)) is not None]
    kept |= {"stacsync:provider": place.provider, "stacsync:kind": place.kind}
    return kept if record.job_id is None else {**kept, "stacsync:job_id": record.job_id}


def _inherited(properties: dict[str, Any], assets: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return properties without what can only be said of assets, and with the CRS that all located assets share."""
    kept = {name: value for name, value in properties.items() if not (name == "bands" and _any_bands(assets))}
    codes = {asset["proj:code"] for asset in assets.values() if "proj:code" in asset}
    if len(codes) == 1:
        kept["proj:code"] = codes.pop()
    projjson = projection.described(kept["proj:code"]) if "proj:code" in kept else None
    return kept if projjson is None else {"proj:projjson": projjson, **kept}


def _any_bands(assets: Mapping[str, Mapping[str, Any]]) -> bool:
    return any("bands" in asset for asset in assets.values())


def _links(record: ItemRecord, place: Place) -> list[dict[str, Any]]:
    collection = layout.collection_key(place.provider, place.collection)
    return [
        links.link(place.key, layout.ROOT, "root", place.catalog_title),
        links.link(place.key, collection, "parent", place.collection_title),
        links.link(place.key, collection, "collection", place.collection_title),
        *links.outside(record.links),
    ]
