"""A Zarr store as one Item, for both versions: where it is, what it holds, where on earth."""

from __future__ import annotations

from dataclasses import dataclass

from stacsync.errors import JobUnusable
from stacsync.jobs import ItemRecord, SourceFolder, identity
from stacsync.providers.sentinelhub import records, zarr
from stacsync.providers.sentinelhub.bucket import Bucket
from stacsync.providers.sentinelhub.deliveries import Delivery
from stacsync.providers.sentinelhub.footprint import Footprint, Projection, box, footprint
from stacsync.providers.sentinelhub.locations import Address, address, store_folders
from stacsync.providers.sentinelhub.manifest import Manifest
from stacsync.providers.sentinelhub.tiling import Extent, extent
from stacsync.providers.sentinelhub.wkb import GeometryError, Polygon


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a store lies on earth, as its manifest says."""

    code: str | None
    area: Extent
    place: Footprint | None


@dataclass(frozen=True, slots=True)
class Store:
    """A store that was found in the bucket."""

    folder: SourceFolder
    version: str
    metadata: bytes
    """`.zmetadata`; empty when the store has none."""


def from_manifest(manifest: Manifest) -> tuple[Ground | None, tuple[Address, ...]]:
    """Return where a store lies and which addresses the manifest names. Raises `JobUnusable`.

    Tiles of a store are all in one reference system; where they are not, there is no one place to tell.
    """
    paths: dict[str, None] = {}
    parts: list[Extent] = []
    systems: dict[str | None, Projection] = {}
    for code, system, polygons, path in manifest.extents():
        paths.setdefault(path)
        systems[code] = system
        if polygons:
            parts.append(extent(polygons))
    if len(systems) != 1 or not parts:
        return None, tuple(map(address, paths))
    (code, system), area = next(iter(systems.items())), _around(parts)
    return Ground(code, area, _footprint(box(*area), system)), tuple(map(address, paths))


def find(bucket: Bucket, url: str, request_id: str, stated: tuple[Address, ...]) -> Store | None:
    """Return the store, looked for where the manifest says and where the delivery address may mean; None when absent.

    Raises `JobUnusable` without the right to read, or `Unavailable`.
    """
    folders = [f"{place.path.strip('/')}/" for place in stated if place.bucket == bucket.name]
    for folder in dict.fromkeys([*folders, *store_folders(url, request_id)]):
        for mark in (zarr.CONSOLIDATED, zarr.GROUP):
            seen = bucket.head(f"{folder}{mark}")
            if seen:
                metadata = bucket.get(f"{folder}{mark}") if mark == zarr.CONSOLIDATED else b""
                return Store(SourceFolder(bucket.name, folder, zarr.FILES), str(seen.etag), metadata)
    return None


def item(results: records.Results, store: Store | None, ground: Ground | None, delivery: Delivery) -> ItemRecord:
    """Return the one Item of a request that made a Zarr store. Raises `JobUnusable` when there is no such store."""
    if store is None:
        raise JobUnusable(
            "the Zarr store is not where the request delivered to", "look whether it was moved or deleted"
        )
    name = results.job.id
    arrays = zarr.arrays(store.metadata)
    fields = zarr.properties(
        arrays, ground.area if ground else None, ground.code if ground else None, results.facts.interval
    )
    asset = delivery.folder(
        "zarr",
        store.folder,
        version=identity(store.version, results.job.fingerprint),
        filename=f"{name}.zarr",
        media_type=zarr.MEDIA_TYPE,
        extra={"title": "Zarr store", "zarr:consolidated": bool(store.metadata), "zarr:zarr_format": 2},
    )
    properties = {
        **({"proj:code": ground.code} if ground and ground.code else {}),
        **fields,
        **delivery.properties(store.folder.bucket),
        **({"sh:tiling_grid": results.facts.grid.properties()} if results.facts.grid else {}),
    }
    place = ground.place if ground else None
    made = records.item(results, "zarr", place or results.facts.area, records.moment(results), (asset,), properties)
    return records.whole(made, results, geometry_source="aoi" if place is None and results.facts.area else None)


def _around(parts: list[Extent]) -> Extent:
    wests, souths, easts, norths = zip(*parts, strict=True)
    return min(wests), min(souths), max(easts), max(norths)


def _footprint(polygon: Polygon, system: Projection) -> Footprint | None:
    try:
        return footprint((polygon,), system)
    except GeometryError as problem:
        raise JobUnusable(
            f"the manifest's geometry cannot be brought to WGS84: {problem}",
            "check the reference system of the request",
        ) from None
