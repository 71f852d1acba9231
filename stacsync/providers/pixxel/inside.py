"""What is in a package: the Items that its files tell of. Pure.

STAC documents in the package come first, one Item each; all other files belong to the Item of the job. Where the job's
Item lies: footprint files, then vector results; then (by the shared conversion) the rasters' own georeferencing, the
area of interest, and at last nothing.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from stacsync.jobs import JSON, AssetRecord, BBox, ItemRecord, JobRecord, Member, MemberFact, identity
from stacsync.providers.pixxel import repair
from stacsync.providers.pixxel.area import Area, bounds, outline

PICTURE = re.compile(r"thumb|preview|quicklook|rgb", re.IGNORECASE)
FOOTPRINT = re.compile(r"foot_?print|bounding_?box|bbox|boundary", re.IGNORECASE)
DATED = re.compile(r"_(19|20)\d{6}(_|\b)")
_DOCUMENTS = (".xml", ".hdr", ".json", ".txt", ".md", ".pdf", ".html")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is known of a package besides its files."""

    job: JobRecord
    collection: str
    item: str
    """Id of the Item for files that no STAC document names."""
    title: str | None
    package: str
    source: str
    """The package's identity."""
    area: Area
    properties: Mapping[str, Any]
    stac: Mapping[str, Any] | None = None
    """A STAC Item that the provider itself tells of all files together (delivered imagery)."""


def items(setting: Setting, members: Sequence[MemberFact]) -> Iterator[ItemRecord]:
    """Yield the Items of one package."""
    parsed = {fact.path: _json(fact) for fact in members}
    named: set[str] = set()
    for path, document in parsed.items():
        if repair.is_item(document):
            record, used = _stac_item(setting, path, document, members)
            named |= {path, *used}
            yield record
    rest = [fact for fact in members if fact.path not in named]
    if any(_is_result(fact) for fact in rest) or (rest and not named):
        yield _job_item(setting, rest, parsed) if setting.stac is None else _told_item(setting, setting.stac, rest)


def _json(fact: MemberFact) -> Any:
    if not fact.path.lower().endswith((".json", ".geojson")) or len(fact.head) < fact.size:
        return None
    try:
        return orjson.loads(fact.head)
    except orjson.JSONDecodeError:
        return None


def _is_result(fact: MemberFact) -> bool:
    return "data" in roles(fact)


def roles(fact: MemberFact) -> tuple[str, ...]:
    """Return what a file is for, by its bytes' type and its name."""
    name = posixpath.basename(fact.path)
    kind = fact.media_type or ""
    if kind in {"image/png", "image/jpeg", "image/webp"} and (PICTURE.search(name) or kind == "image/jpeg"):
        return ("thumbnail",) if PICTURE.search(name) else ("overview",)
    if FOOTPRINT.search(name) or name.lower().endswith(_DOCUMENTS):
        return ("metadata",)
    return ("data",)


def _asset(setting: Setting, fact: MemberFact, key: str, stated: Mapping[str, Any] | None = None) -> AssetRecord:
    stated = stated or {}
    named = tuple(str(role) for role in stated.get("roles") or ())
    return AssetRecord(
        key=key,
        source=Member(package=setting.package, path=fact.path),
        filename=fact.path,
        identity=identity(setting.source, fact.path),
        media_type=fact.media_type or stated.get("type"),
        title=stated.get("title") or posixpath.basename(fact.path),
        description=stated.get("description"),
        roles=named or roles(fact),
        size=fact.size,
        extra=repair.asset_fields(stated),
    )


def _stac_item(
    setting: Setting, path: str, document: Mapping[str, Any], members: Sequence[MemberFact]
) -> tuple[ItemRecord, set[str]]:
    by_path = {fact.path: fact for fact in members}
    by_name = {posixpath.basename(fact.path): fact for fact in members}
    assets, missing = {}, []
    for key, stated in (document.get("assets") or {}).items():
        href = str(stated.get("href") or "")
        beside = posixpath.normpath(posixpath.join(posixpath.dirname(path), href))
        fact = by_path.get(beside) or by_name.get(posixpath.basename(href.split("?", maxsplit=1)[0]))
        if fact is None:
            missing.append(key)
        else:
            assets[key] = _asset(setting, fact, key, stated)
    stated = repair.properties(document)
    record = ItemRecord(
        id=f"{setting.item}-{document.get('id') or posixpath.basename(path)}",
        collection=setting.collection,
        job_id=setting.job.id,
        title=stated.get("title") or str(document.get("id") or "") or None,
        description=stated.get("description"),
        geometry=document.get("geometry"),
        bbox=repair.bbox(document.get("bbox")),
        properties={**repair.further(stated), **setting.properties},
        assets=tuple(assets.values()),
        missing=tuple(missing),
        **repair.times(stated),
    )
    return record, {asset.filename for asset in assets.values()}


def _told_item(setting: Setting, document: Mapping[str, Any], members: Sequence[MemberFact]) -> ItemRecord:
    stated = repair.properties(document)
    return ItemRecord(
        id=setting.item,
        collection=setting.collection,
        job_id=None,
        title=stated.get("title") or setting.title,
        description=stated.get("description"),
        geometry=document.get("geometry"),
        bbox=repair.bbox(document.get("bbox")),
        properties={**repair.further(stated), **setting.properties},
        assets=tuple(_asset(setting, fact, fact.path) for fact in members),
        **repair.times(stated),
    )


def _job_item(setting: Setting, members: Sequence[MemberFact], parsed: Mapping[str, Any]) -> ItemRecord:
    geometry, bbox, source = _place(setting, members, parsed)
    job = setting.job
    start, end, dated = setting.area.start, setting.area.end, "inputs"
    if start is None and end is None and not any(DATED.search(fact.path) for fact in members):
        start, end, dated = job.created, job.finished, "job"
    known = start is not None or end is not None
    return ItemRecord(
        id=setting.item,
        collection=setting.collection,
        job_id=job.id,
        title=setting.title,
        geometry=geometry,
        bbox=bbox,
        geometry_source=source,
        start_datetime=start or end,
        end_datetime=end or start,
        datetime_source=dated if known else None,
        created=job.created,
        updated=job.finished,
        properties=setting.properties,
        assets=tuple(_asset(setting, fact, fact.path) for fact in members),
    )


def _place(
    setting: Setting, members: Sequence[MemberFact], parsed: Mapping[str, Any]
) -> tuple[JSON | None, BBox | None, str | None]:
    drawn = {path: document for path, document in parsed.items() if isinstance(document, Mapping)}
    for path, document in sorted(drawn.items()):
        if FOOTPRINT.search(posixpath.basename(path)) and (found := outline(document)) is not None:
            return found, None, "footprint file"
    boxes = [box for document in drawn.values() if (box := bounds(document)) is not None]
    if boxes:
        west, south = min(box[0] for box in boxes), min(box[1] for box in boxes)
        east, north = max(box[2] for box in boxes), max(box[3] for box in boxes)
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        return {"type": "Polygon", "coordinates": [ring]}, None, "vector results"
    area = setting.area
    rasters = any((fact.media_type or "").startswith("image/tiff") for fact in members)
    if area.geometry is not None and not rasters:
        return dict(area.geometry), None, area.source
    return (
        None,
        None if area.geometry is None else bounds(area.geometry),
        None if area.geometry is None else area.source,
    )
