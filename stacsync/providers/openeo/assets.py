"""The files that a result document names, as asset records. Pure.

The same file is named by a Collection and by one of its Items, each time under another signed address and sometimes
another key; what it is called *here* is its address without all that (`links.name_of`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from stacsync.errors import JobUnusable
from stacsync.jobs import AssetRecord, Inline, Remote, identity
from stacsync.providers.openeo import links
from stacsync.providers.openeo.leaks import cleaned
from stacsync.providers.openeo.place import Place

CARRIED = frozenset({"href", "type", "title", "description", "roles", "file:size"})
"""Fields of an asset that have a place of their own in an `AssetRecord`."""
SUFFIXES = {
    "image/tiff": ".tif",
    "application/x-netcdf": ".nc",
    "application/netcdf": ".nc",
    "text/csv": ".csv",
    "application/json": ".json",
    "application/geo+json": ".geojson",
    "application/parquet": ".parquet",
    "application/vnd.apache.parquet": ".parquet",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "application/xml": ".xml",
    "application/zip": ".zip",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """One file that a document names."""

    key: str
    name: str
    """What it is called without signature, host and API version."""
    url: str = field(repr=False)
    """Where it can be fetched now; lives in memory only."""
    fields: Mapping[str, Any]


def named(document: Mapping[str, Any], requested: str) -> list[Named]:
    """Return the files that a document names; those without any web address are left to `unreachable`.

    Raises `JobUnusable` for a document whose assets are no object.
    """
    base = links.base_of(document, requested)
    found = []
    for key, fields in _assets(document):
        href = _href(fields, base, requested)
        if href is not None:
            found.append(Named(key=key, name=links.name_of(href), url=href, fields=fields))
    return _distinct(found)


def unreachable(document: Mapping[str, Any], requested: str) -> tuple[str, ...]:
    """Return the keys of assets whose href leads nowhere that we could ask (`s3://` of somebody else, nothing at all)."""
    base = links.base_of(document, requested)
    return tuple(key for key, fields in _assets(document) if _href(fields, base, requested) is None)


def records(files: Iterable[Named], place: Place, item: str | None = None) -> tuple[AssetRecord, ...]:
    """Return files as records of one Item; `item` is the name of the Item's own document, where it has one."""
    return tuple(_record(file, place, item) for file in files)


def remote(name: str, item: str | None) -> Remote:
    """Return how a file is found again: by its name, and by the Item document that names it."""
    return Remote(f"{name}|{quote(item, safe='')}" if item else f"{name}|")


def found_again(source: Remote) -> tuple[str, str | None]:
    """Return (name, name of the Item document) of what `remote` made."""
    name, _, item = source.path.rpartition("|")
    return name, unquote(item) or None


def process_asset(graph_bytes: bytes, digest: str, place: Place) -> AssetRecord:
    """Return a process graph as an asset."""
    key = "process" if place.per_job else f"process-{place.job.id}"
    return AssetRecord(
        key=key,
        source=Inline(graph_bytes),
        filename=f"{key}.json",
        identity=identity("openeo", place.origin, place.job.id, "process", digest),
        media_type="application/json",
        title="Process graph",
        description="The openEO process graph that made these results",
        roles=("metadata", "process"),
        size=len(graph_bytes),
    )


def _record(file: Named, place: Place, item: str | None) -> AssetRecord:
    fields = file.fields
    roles = fields.get("roles")
    size = fields.get("file:size")
    return AssetRecord(
        key=file.key,
        source=remote(file.name, item),
        filename=_filename(file),
        identity=identity("openeo", place.origin, place.job.id, file.name, place.job.fingerprint),
        media_type=text(fields.get("type")),
        title=text(fields.get("title")),
        description=text(fields.get("description")),
        roles=tuple(str(role) for role in roles) if isinstance(roles, list) and roles else ("data",),
        size=size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None,
        extra={name: cleaned(value) for name, value in fields.items() if name not in CARRIED and not _leaky(name)},
    )


def text(value: Any) -> str | None:
    """Return non-empty text without signatures, None of anything else."""
    return links.without_signatures(value) if isinstance(value, str) and value.strip() else None


def _leaky(name: str) -> bool:
    return not cleaned({name: None})


def _assets(document: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    assets = document.get("assets") or {}  # an empty list is how some languages write an empty object
    if not isinstance(assets, Mapping):
        raise JobUnusable("the results name their assets in no JSON object", "report it to the back-end's operator")
    return [(str(key), fields) for key, fields in assets.items() if isinstance(fields, Mapping)]


def _href(fields: Mapping[str, Any], base: str, requested: str) -> str | None:
    """Return where an asset can be fetched: its href, else the first alternate that is a web address."""
    alternates = fields.get("alternate")
    others = alternates.values() if isinstance(alternates, Mapping) else ()
    for candidate in (fields, *(other for other in others if isinstance(other, Mapping))):
        href = candidate.get("href")
        if isinstance(href, str) and href.strip():
            url = links.absolute(href, base, requested)
            if links.is_web(url):
                return url
    return None


def _filename(file: Named) -> str:
    name = links.filename_of(file.url) or file.key
    if "." in name.rpartition("/")[2]:
        return name
    media_type = str(file.fields.get("type", "")).partition(";")[0].strip().lower()
    return name + SUFFIXES.get(media_type, "")


def _distinct(files: list[Named]) -> list[Named]:
    """Tell files apart that have one name but two addresses in one document (two capability paths)."""
    addresses: dict[str, set[str]] = {}
    for file in files:
        addresses.setdefault(file.name, set()).add(links.path_of(file.url))
    return [
        file
        if len(addresses[file.name]) == 1
        else Named(key=file.key, name=f"{file.name}#{file.key}", url=file.url, fields=file.fields)
        for file in files
    ]
