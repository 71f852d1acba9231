"""What is in a package: the Items that its files tell of. Pure.

STAC documents in the package come first, one Item each; all other files belong to the Item of the job.

Where that lies: a footprint file, then (by the shared conversion) the rasters' own georeferencing, then the box around
vector results, the scenes or the area that the job read, and at last nothing. When: file names, the inputs, the job's
own run. Whatever the provider does not state of the Item itself says where it comes from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from stacsync.jobs import JSON, BBox, ItemRecord, JobRecord, LinkRecord, MemberFact, identity
from stacsync.providers.pixxel import dates, members, repair
from stacsync.providers.pixxel.area import Area
from stacsync.providers.pixxel.geojson import bounds, outline, united
from stacsync.providers.pixxel.tasks import Output
from stacsync.providers.pixxel.words import text


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
    area: Area = field(default_factory=Area)
    outputs: Mapping[str, Output] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)
    stac: Mapping[str, Any] | None = None
    """A STAC Item that the provider itself tells of all files together (delivered imagery)."""
    links: tuple[LinkRecord, ...] = ()
    job_id: str | None = None
    """None where no job of the provider is known."""


def items(setting: Setting, facts: Sequence[MemberFact]) -> Iterator[ItemRecord]:
    """Yield the Items of one package."""
    parsed = {fact.path: _json(fact) for fact in facts}
    used: set[str] = set()
    ids: set[str] = set()
    for path, document in parsed.items():
        if repair.is_item(document):
            found = members.beside(document, path, [fact for fact in facts if fact.path not in used])
            used |= {path, *(fact.path for fact in found.values())}
            yield _stac_item(setting, document, found, _own_id(setting, document, path, ids))
    rest = [fact for fact in facts if fact.path not in used]
    if not rest or (used and not any(members.is_data(fact) for fact in rest)):
        return
    if setting.stac is not None:
        yield _told_item(setting, setting.stac, rest)
    else:
        drawn = {fact.path: parsed[fact.path] for fact in rest if isinstance(parsed[fact.path], Mapping)}
        yield _job_item(setting, rest, drawn)


def _json(fact: MemberFact) -> Any:
    if not fact.path.lower().endswith((".json", ".geojson")) or len(fact.head) < fact.size:
        return None
    try:
        return orjson.loads(fact.head)
    except orjson.JSONDecodeError:
        return None


def _own_id(setting: Setting, document: Mapping[str, Any], path: str, ids: set[str]) -> str:
    """Return the job's id and the Item's own; of two Items with one id the second is told apart by its path."""
    name = f"{setting.item}-{text(document.get('id')) or identity(path)[:12]}"
    chosen = f"{name}-{identity(path)[:8]}" if name in ids else name
    ids.add(chosen)
    return chosen


def _stac_item(
    setting: Setting, document: Mapping[str, Any], found: Mapping[str, MemberFact], own_id: str
) -> ItemRecord:
    stated = repair.assets(document)
    assets = tuple(
        members.asset(setting.package, setting.source, fact, key, stated[key]) for key, fact in found.items()
    )
    return _from_stac(
        setting,
        document,
        id=own_id,
        title=None,
        assets=assets,
        missing=tuple(key for key in stated if key not in found),
        paths=[asset.filename for asset in assets if "data" in asset.roles],
    )


def _told_item(setting: Setting, document: Mapping[str, Any], facts: Sequence[MemberFact]) -> ItemRecord:
    stated = repair.assets(document)
    found = members.beside(document, "", facts)
    keys = {fact.path: key for key, fact in found.items()}
    assets = tuple(
        members.asset(setting.package, setting.source, fact, keys.get(fact.path, fact.path), stated.get(key))
        for fact in facts
        for key in (keys.get(fact.path, ""),)
    )
    paths = [fact.path for fact in facts if members.is_data(fact)]
    return _from_stac(setting, document, id=setting.item, title=setting.title, assets=assets, paths=paths)


def _from_stac(
    setting: Setting, document: Mapping[str, Any], *, title: str | None, paths: Sequence[str], **fields: Any
) -> ItemRecord:
    stated = repair.properties(document)
    times = repair.times(stated)
    known = any(times[name] is not None for name in ("datetime", "start_datetime", "end_datetime"))
    place: dict[str, Any] = {"geometry": repair.geometry(document), "bbox": repair.bbox(document.get("bbox"))}
    if place["geometry"] is None and place["bbox"] is None:
        place = _of_area(setting.area, rasters=True)
    job = setting.job
    return ItemRecord(
        collection=setting.collection,
        job_id=setting.job_id,
        title=text(stated.get("title")) or title or text(document.get("id")),
        description=text(stated.get("description")),
        links=setting.links,
        properties={**repair.further(stated), **setting.properties},
        **place,
        **({} if known else _period(setting, paths)),
        **{name: moment for name, moment in times.items() if moment is not None},
        **{name: moment for name, moment in _run(job).items() if times[name] is None},
        **fields,
    )


def _job_item(setting: Setting, facts: Sequence[MemberFact], drawn: Mapping[str, Mapping[str, Any]]) -> ItemRecord:
    named = members.named_by_tasks(facts, setting.outputs)
    if len(facts) == 1 and facts[0].path == setting.package:  # a single file that nobody named
        named = {setting.package: ("data", {"title": setting.title})}
    return ItemRecord(
        id=setting.item,
        collection=setting.collection,
        job_id=setting.job_id,
        title=setting.title,
        links=setting.links,
        properties=setting.properties,
        assets=tuple(members.asset(setting.package, setting.source, fact, *named[fact.path]) for fact in facts),
        **_place(setting, facts, drawn),
        **_period(setting, [fact.path for fact in facts if members.is_data(fact)]),
        **_run(setting.job),
    )


def _run(job: JobRecord) -> dict[str, Any]:
    return {"created": job.created, "updated": job.finished or job.updated}


def _period(setting: Setting, paths: Sequence[str]) -> dict[str, Any]:
    """Return when the files of these paths were taken; nothing when not even the job's own times are known."""
    job, area = setting.job, setting.area
    for first, last, source in (
        (*dates.of_names(paths), dates.FILENAME),
        (area.start, area.end, area.datetime_source),
        (job.created, job.finished, "job"),
    ):
        start, end = first or last, last or first
        if start is not None and end is not None:
            return {"start_datetime": start, "end_datetime": end, "datetime_source": source}
    return {}


def _place(setting: Setting, facts: Sequence[MemberFact], drawn: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    for path, document in sorted(drawn.items()):
        if members.is_footprint(path) and (shape := outline(document)) is not None:
            return {"geometry": shape, "geometry_source": "footprint file"}
    box = united([found for document in drawn.values() if (found := bounds(document)) is not None])
    if box is not None and box[0] != box[2] and box[1] != box[3]:
        return {"bbox": box, "geometry_source": "vector results"}
    return _of_area(setting.area, rasters=any(members.is_raster(fact) for fact in facts))


def _of_area(area: Area, *, rasters: bool) -> dict[str, Any]:
    """Return the place of a job's inputs: only as a box where rasters may know better, because a geometry would win."""
    shape: JSON | None = area.geometry
    if shape is None:
        return {}
    box: BBox | None = bounds(shape)
    return {
        "geometry": None if rasters else dict(shape),
        "bbox": box if rasters else None,
        "geometry_source": area.geometry_source,
    }
