"""What names tell of a raster: which of an Item's files to make the picture of, and what its bands are. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from stacsync.jobs import AssetRecord, ItemRecord
from stacsync.raster.looks import Hint

_ASIDE = frozenset(
    {"metadata", "mask", "data-mask", "cloud", "cloud-shadow", "snow-ice", "land-water", "saturation", "index"}
)
_MASKS = ("mask", "usermask", "datamask", "udm", "scl", "cloud", "clm")
_PICTURES = ("thumbnail", "quicklook", "preview", "overview")
_LISTS = ("bands", "eo:bands", "raster:bands")


def subject(record: ItemRecord, rasters: Sequence[AssetRecord]) -> AssetRecord | None:
    """Return the raster that the Item's picture is to be made of; None when it has a picture already, or no raster."""
    if any(_is_picture(asset) for asset in record.assets):
        return None
    ranked = [(-_rank(asset), number, asset) for number, asset in enumerate(rasters)]
    return min(ranked, key=lambda entry: entry[:2])[2] if ranked else None


def _is_picture(asset: AssetRecord) -> bool:
    if "thumbnail" in asset.roles:
        return True
    plain = (asset.media_type or "").startswith(("image/png", "image/jpeg", "image/webp"))
    return plain and any(word in asset.key.lower() for word in _PICTURES)


def _rank(asset: AssetRecord) -> int:
    name = f"{asset.key} {asset.filename}".lower()
    if _ASIDE & set(asset.roles) or any(word in name for word in _MASKS):
        return 0
    if {"visual", "overview"} & set(asset.roles) or "visual" in name or "rgb" in name or "true-color" in name:
        return 3
    return 2 if "data" in asset.roles else 1


def hint_of(asset: AssetRecord, record: ItemRecord, *, alone: bool) -> Hint:
    """Return what is known of a raster from its record; what an Item is called speaks of its only raster (`alone`)."""
    bands, common = [], []
    for number in range(max((len(_bands(asset, name)) for name in _LISTS), default=0)):
        at = [entries[number] for name in _LISTS if number < len(entries := _bands(asset, name))]
        bands.append(_first(at, "name"))
        common.append(_first(at, "eo:common_name") or _first(at, "common_name"))
    classes = "classification:classes" in asset.extra or any(
        "classification:classes" in band for name in _LISTS for band in _bands(asset, name)
    )
    words = [asset.key, asset.filename, asset.title or "", *([record.title or "", record.id] if alone else [])]
    return Hint(tuple(words), tuple(bands), tuple(common), classes)


def _bands(asset: AssetRecord, name: str) -> list[Mapping[str, Any]]:
    stated = asset.extra.get(name)
    return [band if isinstance(band, Mapping) else {} for band in stated] if isinstance(stated, (list, tuple)) else []


def _first(bands: Sequence[Mapping[str, Any]], name: str) -> str:
    return next((str(band[name]) for band in bands if isinstance(band.get(name), str)), "")


def digest(hint: Hint) -> str:
    """Return a short name of a hint: another hint may mean other colours."""
    return sha256(repr((hint.words, hint.bands, hint.common, hint.classes)).encode()).hexdigest()[:12]
