"""Assets of UP42's storage -> AssetRecords. Pure.

Those that the API holds are mirrored: their bytes lie behind an address that is signed for each request. Others are named
as they are, unless their address would give away a signature.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from stacsync.jobs import JSON, AssetRecord, Remote, identity
from stacsync.providers.up42.names import is_private, plain, text, without_private
from stacsync.providers.up42.v2.addresses import own, public

FOREIGN = "asset whose address cannot be published"
DOWNLOAD = "/download-url"
_SUFFIXES = {
    "image/tiff": ".tif",
    "image/jp2": ".jp2",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "application/geo+json": ".geojson",
    "application/json": ".json",
    "application/xml": ".xml",
    "text/xml": ".xml",
    "text/plain": ".txt",
    "text/csv": ".csv",
    "application/zip": ".zip",
    "application/gzip": ".gz",
    "application/geopackage+sqlite3": ".gpkg",
    "application/x-netcdf": ".nc",
    "application/netcdf": ".nc",
    "application/x-hdf5": ".h5",
    "application/vnd.apache.parquet": ".parquet",
    "application/pdf": ".pdf",
}
_STATED = frozenset({"href", "type", "title", "description", "roles", "file:size", "file:checksum"})
_PICTURE = re.compile(r"(?i)thumbnail|quick-?look")


def asset_records(assets: Any, base: str, left_out: Counter[str]) -> tuple[AssetRecord, ...]:
    """Return the assets of an Item or Collection, by key; what can be neither mirrored nor named is counted."""
    given = assets if isinstance(assets, Mapping) else {}
    records: list[AssetRecord] = []
    for key in sorted(given):
        record = _asset(str(key), given[key], base)
        if record is None:
            left_out[FOREIGN] += 1
        else:
            records.append(record)
    return tuple(records)


def is_original(asset: Any) -> bool:
    """Tell whether a Collection's asset is the original delivery."""
    roles = asset.get("roles") if isinstance(asset, Mapping) else None
    return isinstance(roles, list) and ("original" in roles or "data" in roles)


def _asset(key: str, asset: Any, base: str) -> AssetRecord | None:
    href = text(asset.get("href")) if isinstance(asset, Mapping) else None
    if href is None:
        return None
    held = own(href, base)
    foreign = None if held else public(href)
    if held is None and foreign is None:
        return None
    path = held.removeprefix(base).partition("?")[0].removesuffix(DOWNLOAD) if held else foreign or ""
    media_type = text(asset.get("type"))
    return AssetRecord(
        key=key,
        source=Remote(path),
        filename=_filename(key, media_type),
        identity=identity("up42-v2", path),
        media_type=media_type,
        title=text(asset.get("title")),
        description=text(asset.get("description")),
        roles=_roles(key, asset),
        extra=_extra(asset),
        mirrored=held is not None,
        href=foreign,
    )


def _extra(asset: Mapping[str, Any]) -> JSON:
    return {
        name: without_private(value)
        for name, value in asset.items()
        if name not in _STATED and not is_private(name) and name != "alternate"
    }


def _roles(key: str, asset: Mapping[str, Any]) -> tuple[str, ...]:
    stated = asset.get("roles")
    roles = tuple(dict.fromkeys(role for role in _strings(stated) if role))
    if "thumbnail" not in roles and (_PICTURE.search(key) or _PICTURE.search(text(asset.get("title")) or "")):
        return (*(role for role in roles if role != "data"), "thumbnail")
    return roles or ("data",)


def _strings(value: Any) -> Iterable[str]:
    return (entry for entry in value if isinstance(entry, str)) if isinstance(value, list) else ()


def _filename(key: str, media_type: str | None) -> str:
    """Return a name for a file that has none until it is signed: its key, with the suffix of its type."""
    name = plain(key) or "asset"
    suffix = _SUFFIXES.get((media_type or "").partition(";")[0].strip().lower(), "")
    return name if name.lower().endswith(suffix) else name + suffix
