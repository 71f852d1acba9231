"""Collection records as JSON and back, for the ledger's contributions and for adopting a published catalog."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from stacsync import layout
from stacsync.jobs import (
    AssetRecord,
    CollectionRecord,
    Inline,
    LinkRecord,
    Member,
    Mirrored,
    Remote,
    Source,
    SourceFolder,
    SourceObject,
)
from stacsync.stac.bounds import flattened
from stacsync.stac.clean import organisation, published
from stacsync.stac.times import parse, rfc3339

_SOURCES: dict[str, type[Remote | SourceObject | SourceFolder | Member]] = {
    "remote": Remote,
    "object": SourceObject,
    "folder": SourceFolder,
    "member": Member,
}
_PLAIN = ("id", "job_id", "title", "description", "license")
_ASSET_PLAIN = ("key", "filename", "identity", "media_type", "title", "description", "size", "mirrored", "href")
_DOCUMENT = frozenset(
    [
        "type",
        "stac_version",
        "stac_extensions",
        "id",
        "title",
        "description",
        "keywords",
        "license",
        "providers",
        "extent",
        "summaries",
        "item_assets",
        "links",
        "assets",
        "stacsync:provider",
        "stacsync:kind",
        "stacsync:job_id",
        "stacsync:extent_source",
        "created",
        "updated",
    ]
)


def to_json(record: CollectionRecord) -> dict[str, Any]:
    """Return `record` as JSON, for `from_json`; foreign fields lose their secrets and process graphs on the way."""
    return {
        **{name: getattr(record, name) for name in _PLAIN},
        "keywords": list(record.keywords),
        "providers": [known for entry in record.providers if (known := organisation(entry)) is not None],
        "bbox": None if record.bbox is None else list(record.bbox),
        "interval": None if record.interval is None else [_time(moment) for moment in record.interval],
        "summaries": published(record.summaries),
        "item_assets": published(record.item_assets),
        "assets": [_asset_to_json(asset) for asset in record.assets],
        "links": [asdict(entry) for entry in record.links],
        "created": _time(record.created),
        "extra": published(record.extra),
    }


def from_json(body: Mapping[str, Any]) -> CollectionRecord:
    """Return what `to_json` was called on."""
    interval = body.get("interval")
    bbox = body.get("bbox")
    return CollectionRecord(
        **{name: body.get(name) for name in _PLAIN if name != "id"},
        id=body["id"],
        keywords=tuple(body.get("keywords", ())),
        providers=tuple(body.get("providers", ())),
        bbox=None if bbox is None else tuple(bbox),
        interval=None if interval is None else (parse(interval[0]), parse(interval[1])),
        summaries=body.get("summaries", {}),
        item_assets=body.get("item_assets", {}),
        assets=tuple(_asset_from_json(asset) for asset in body.get("assets", ())),
        links=tuple(LinkRecord(**entry) for entry in body.get("links", ())),
        created=parse(body.get("created")),
        extra=body.get("extra", {}),
    )


def _time(moment: Any) -> str | None:
    return None if moment is None else rfc3339(moment)


def _asset_to_json(asset: AssetRecord) -> dict[str, Any]:
    plain = {name: getattr(asset, name) for name in _ASSET_PLAIN}
    return {
        **plain,
        "roles": list(asset.roles),
        "extra": published(asset.extra),
        "source": _source_to_json(asset.source),
    }


def _source_to_json(source: Source) -> dict[str, Any]:
    if isinstance(source, Inline):
        return {"kind": "inline", "data": base64.b64encode(source.data).decode()}
    kind = next(name for name, form in _SOURCES.items() if isinstance(source, form))
    return {"kind": kind, **asdict(source)}


def _asset_from_json(body: Mapping[str, Any]) -> AssetRecord:
    plain = {name: body[name] for name in _ASSET_PLAIN}
    roles, source = tuple(body["roles"]), _source_from_json(body["source"])
    return AssetRecord(**plain, roles=roles, extra=body["extra"], source=source)


def _source_from_json(body: Mapping[str, Any]) -> Source:
    fields = {name: value for name, value in body.items() if name != "kind"}
    if body["kind"] == "inline":
        return Inline(base64.b64decode(fields["data"]))
    return _SOURCES[body["kind"]](**fields)


def from_document(document: Mapping[str, Any], key: str) -> tuple[CollectionRecord, dict[str, Mirrored]]:
    """Return the contribution that a published Collection at `key` stands for, and its mirrored assets by identity.

    Published again it gives the same document, as long as nobody else contributes.
    """
    assets: dict[str, Mirrored] = {}
    records = []
    for name, asset in sorted((document.get("assets") or {}).items()):
        identity = asset.get("stacsync:source")
        if identity is None:
            continue  # the search index is made, not mirrored
        place = layout.resolve(key, asset["href"])
        sha256 = str(asset.get("file:checksum", ""))[4:] or None
        assets[identity] = Mirrored(key=place, size=asset.get("file:size"), sha256=sha256, identity=identity)
        records.append(_published_asset(name, asset, identity, place))
    links = [
        entry for entry in document.get("links") or () if "://" in entry.get("href", "") and entry["rel"] != "self"
    ]
    extent = document.get("extent") or {}
    bbox = flattened(((extent.get("spatial") or {}).get("bbox") or [None])[0])
    first, last = ((extent.get("temporal") or {}).get("interval") or [[None, None]])[0]
    record = CollectionRecord(
        id=document["id"],
        job_id=document.get("stacsync:job_id"),
        title=document.get("title"),
        description=document.get("description"),
        keywords=tuple(document.get("keywords", ())),
        license=document.get("license"),
        providers=tuple(document.get("providers", ())),
        bbox=bbox,
        interval=(parse(first), parse(last)),
        summaries=document.get("summaries", {}),
        item_assets=document.get("item_assets", {}),
        assets=tuple(records),
        links=tuple(LinkRecord(entry["rel"], entry["href"], entry.get("type"), entry.get("title")) for entry in links),
        created=parse(document.get("created")),
        extra={name: value for name, value in document.items() if name not in _DOCUMENT},
    )
    return record, assets


def _published_asset(name: str, asset: Mapping[str, Any], identity: str, place: str) -> AssetRecord:
    known = ("href", "type", "title", "description", "roles", "file:size", "file:checksum", "stacsync:source")
    return AssetRecord(
        key=name,
        source=Remote(""),
        filename=place.rpartition("/")[2],
        identity=identity,
        media_type=asset.get("type"),
        title=asset.get("title"),
        description=asset.get("description"),
        roles=tuple(asset.get("roles", ("data",))),
        size=asset.get("file:size"),
        extra={field: value for field, value in asset.items() if field not in known},
    )
