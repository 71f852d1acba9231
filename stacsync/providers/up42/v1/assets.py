"""The files of a scene -> AssetRecords. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from stacsync.jobs import JSON, AssetRecord, Member, MemberFact, PackageRecord, identity
from stacsync.providers.up42.names import plain
from stacsync.providers.up42.v1.acquisition import projection
from stacsync.providers.up42.v1.features import Scene
from stacsync.providers.up42.v1.members import Members

RESERVED = frozenset({"thumbnail", "source_metadata"})
_METADATA_TYPES = frozenset({"application/json", "application/xml", "text/plain", "text/xml", "text/html"})
_METADATA_SUFFIXES = frozenset({".xml", ".json", ".txt", ".html", ".xsd", ".hdr", ".md5"})


def scene_assets(scene: Scene, package: PackageRecord, members: Members) -> list[tuple[AssetRecord, MemberFact]]:
    """Return the assets of a scene, each with the file behind it.

    A scene's only file is `data`; several are called by their stem, those of a folder by their path below it. Raises
    `JobUnusable` when a path of the scene names nothing.
    """
    found = [(path, members.find(path)) for path in scene.paths]
    alone = len(found) == 1 and list(found[0][1]) == [""]
    stated = _stated_apart(scene)
    taken = set(RESERVED)
    assets = []
    for path, files in found:
        for below, fact in files.items():
            wished = below.replace("/", "_") if below else "data" if alone else PurePosixPath(path).stem
            key = _unique(plain(wished) or "data", taken)
            roles = _roles(below, fact) if below else ("data",)
            assets.append((member_asset(key, fact, package, roles, stated.get(path, {})), fact))
    return assets


def metadata_asset(package: PackageRecord, fact: MemberFact) -> AssetRecord:
    """Return the archive's `data.json` as an asset: one file that all items of the job name."""
    return member_asset("source_metadata", fact, package, ("metadata",), {"title": "data.json"})


def member_asset(
    key: str, fact: MemberFact, package: PackageRecord, roles: tuple[str, ...], extra: Mapping[str, object]
) -> AssetRecord:
    """Return a file of `package` as the asset `key`."""
    name = PurePosixPath(fact.path).name
    return AssetRecord(
        key=key,
        source=Member(package.id, fact.path),
        filename=name,
        identity=identity(package.identity, fact.path),
        media_type=fact.media_type,
        title=str(extra.get("title", name)),
        roles=roles,
        size=fact.size,
        extra={field: value for field, value in extra.items() if field != "title"},
    )


def _stated_apart(scene: Scene) -> dict[str, JSON]:
    """Return what each file's feature states of its grid, when the files of a scene differ in it."""
    grids = {path: projection(properties) for path, properties in scene.per_path.items()}
    return grids if any(grid != projection(scene.properties) for grid in grids.values()) else {}


def _roles(below: str, fact: MemberFact) -> tuple[str, ...]:
    """Return the roles of a file in a folder."""
    name = PurePosixPath(below)
    if name.name.lower() == "manifest.safe":
        return ("metadata", "manifest")
    described = fact.media_type in _METADATA_TYPES or (
        fact.media_type is None and name.suffix.lower() in _METADATA_SUFFIXES
    )
    return ("metadata",) if described else ("data",)


def _unique(wished: str, taken: set[str]) -> str:
    key = next(candidate for candidate in _candidates(wished) if candidate.lower() not in taken)
    taken.add(key.lower())
    return key


def _candidates(wished: str) -> Iterator[str]:
    yield wished
    number = 2
    while True:
        yield f"{wished}-{number}"
        number += 1
