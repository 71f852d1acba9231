"""Assets: what the provider states of a file, what the mirror measured, and what the file's own header says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stacsync import layout
from stacsync.jobs import AssetRecord, Mirrored
from stacsync.stac import bands, titles
from stacsync.stac.clean import public_href
from stacsync.stac.upgrade import fields_of

_REFERENCE_SCHEMES = frozenset({"http", "https", "s3", "gs", "abfs", "abfss"})
_GENERIC = frozenset({"application/octet-stream", "binary/octet-stream", "application/x-binary", "*/*"})
_MEASURED = ("file:size", "file:checksum", "stacsync:source")
_OURS = ("href", "type", "title", "description", "roles", *_MEASURED)
_OF_THE_ITEM = ("footprint", "render", "picture")
"""What a raster says that stands elsewhere than in its asset."""
_HEADER = ("proj:code", "proj:shape", "proj:transform", "proj:bbox")


def asset_object(record: AssetRecord, mirrored: Mirrored | None, document_key: str) -> dict[str, Any] | None:
    """Return the STAC asset for the document at `document_key`, or None when there is nothing that could be published.

    A mirrored asset gets a relative href, its measured size and SHA-256, and its source's identity.
    """
    stated = fields_of({name: value for name, value in record.extra.items() if name not in _OURS})
    stated = {name: value for name, value in stated.items() if name not in _MEASURED}
    if record.mirrored:
        if mirrored is None:
            return None
        found = {
            "href": layout.href(document_key, mirrored.key),
            **with_header(stated, mirrored.facts),
            **_measured(mirrored),
        }
    else:
        href = public_href(record.href, _REFERENCE_SCHEMES)
        if href is None:
            return None
        found = {"href": href, **({} if record.size is None else {"file:size": record.size}), **stated}
    described = {
        "type": media_type(record.media_type, mirrored.media_type if mirrored else None),
        "title": titles.asset_title(record),
        "description": record.description or None,
        "roles": list(dict.fromkeys(record.roles)) or ["data"],
    }
    return {**found, **{name: value for name, value in described.items() if value is not None}}


def _measured(mirrored: Mirrored) -> dict[str, Any]:
    fields: dict[str, Any] = {"stacsync:source": mirrored.identity}
    if mirrored.size is not None:
        fields["file:size"] = mirrored.size
    if mirrored.sha256 is not None:
        fields["file:checksum"] = "1220" + mirrored.sha256
    return fields


def media_type(stated: str | None, sniffed: str | None) -> str | None:
    """Return the media type to publish: the stated one, unless the bytes say more, or plainly something else."""
    if stated is None or not stated.strip() or stated.partition(";")[0].strip().lower() in _GENERIC:
        return sniffed or stated or None
    if sniffed is None:
        return stated
    kind, told = sniffed.partition(";")[0].strip().lower(), stated.partition(";")[0].strip().lower()
    if kind == told:
        return sniffed if len(sniffed) > len(stated) else stated
    return sniffed if kind.startswith("image/") and told.startswith("image/") else stated


def with_header(stated: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return stated fields completed by the header's; where both speak of the grid and differ, the header is right."""
    header = fields_of({name: value for name, value in facts.items() if name not in (*_OF_THE_ITEM, *_OURS)})
    merged = {**header, **{name: value for name, value in stated.items() if name != "bands"}}
    for name in _HEADER:
        if name in header and not _same(stated.get(name), header[name]):
            merged[name] = header[name]
    merged.pop("bands", None)
    if "bands" in stated:
        merged["bands"] = stated["bands"]
    return bands.with_facts(merged, header)


def _same(stated: object, header: object) -> bool:
    if isinstance(stated, list) and isinstance(header, list):
        return len(stated) == len(header) and all(
            abs(one - other) <= 1e-6 * max(1.0, abs(other)) for one, other in zip(stated, header, strict=True)
        )
    return stated == header
