"""Scenes, their files and their pictures -> ItemRecords. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import orjson

from stacsync.errors import JobSkipped, JobUnusable, StacsyncError
from stacsync.jobs import JSON, AssetRecord, Contents, ItemRecord, JobRecord, MemberFact, PackageRecord
from stacsync.providers.up42.names import plain, slug, text, without_private
from stacsync.providers.up42.v1 import acquisition
from stacsync.providers.up42.v1.assets import metadata_asset, scene_assets
from stacsync.providers.up42.v1.features import NO_PATH, UNSAFE_PATH, Scene, parse, scenes
from stacsync.providers.up42.v1.jobs import facts_of
from stacsync.providers.up42.v1.members import Members
from stacsync.providers.up42.v1.quicklooks import UNMATCHED, Quicklook, match, thumbnail
from stacsync.providers.up42.v1.tasks import Task

SOURCE_LIMIT = 32 * 1024
"""Bytes of a scene's own properties beyond which they are not repeated; `source_metadata` holds them anyway."""
UNCLAIMED = "file that no feature names"
_TITLES = ("title", "name", "identification.externalId", "sourceIdentifier", "filename")


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a job, or one task of it, put out: an archive, and its scenes if they could be asked for beforehand."""

    package: PackageRecord
    task: Task | None = None
    """None: the job's own results."""
    scenes: tuple[Scene, ...] | None = None
    """None: told by the `data.json` in the archive."""
    unwanted: set[str] = field(default_factory=set)
    """Members that were not mirrored, as far as the archive was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the items of a job have in common."""

    collection: str
    software: Mapping[str, str]
    pictures: Sequence[Quicklook]


def item_records(
    job: JobRecord, outputs: Sequence[Output], contents: Contents, around: Surroundings, left_out: Counter[str]
) -> list[ItemRecord]:
    """Return the items of a job, in the order of its outputs.

    What is left out is counted in `left_out`. Raises `JobUnusable` when the archive and its description do not belong
    together, `JobSkipped` when there is nothing to publish.
    """
    records: list[ItemRecord] = []
    taken: set[str] = set()
    for output in outputs:
        members = Members(contents.get(output.package.id, ()))
        found = output.scenes if output.scenes is not None else read_scenes(members, output.task, left_out)
        pictures = match(around.pictures, found)
        claimed: list[MemberFact] = []
        for scene in found:
            record, files = _item(job, output, scene, members, around, pictures.get(scene.name))
            records.append(_named(record, taken))
            claimed += files
        _count(left_out, UNCLAIMED, len(output.unwanted) + members.unclaimed(claimed))
        if output.task is None:
            _count(
                left_out,
                UNMATCHED,
                len({picture.stem for picture in around.pictures} - {p.stem for p in pictures.values()}),
            )
    return records


def read_scenes(members: Members, task: Task | None, left_out: Counter[str]) -> tuple[Scene, ...]:
    """Return the scenes that the archive's own `data.json` tells of. Raises `JobUnusable` or `JobSkipped`."""
    fact = members.metadata
    if fact is None:
        raise JobUnusable(
            "the job's archive has no data.json and the API tells none", "look at the job's results at UP42"
        )
    if len(fact.head) < fact.size:
        raise JobUnusable("the data.json in the job's archive is too large to be read", "")
    return publishable(parse(fact.head), task, left_out)


def publishable(document: object, task: Task | None, left_out: Counter[str]) -> tuple[Scene, ...]:
    """Return the scenes of a `data.json`; for the job's own results, none is `JobSkipped`."""
    counted: Counter[str] = Counter()
    found = scenes(document, counted)
    left_out.update(counted)
    if not found and task is None:
        raise _nothing(counted)
    return found


def _nothing(counted: Counter[str]) -> StacsyncError:
    if counted[UNSAFE_PATH]:
        return JobUnusable("data.json names no file inside the job's results", "look at the job's results at UP42")
    return JobSkipped("no feature names a file" if counted[NO_PATH] else "no features")


def _item(
    job: JobRecord, output: Output, scene: Scene, members: Members, around: Surroundings, picture: Quicklook | None
) -> tuple[ItemRecord, list[MemberFact]]:
    files = scene_assets(scene, output.package, members)
    facts = facts_of(job)
    when = acquisition.taken(scene.properties, facts.asked_for, (facts.started or job.created, job.finished))
    step = f"{plain(output.task.name)}-" if output.task else ""
    record = ItemRecord(
        id=f"{slug(job.id)}-{step}{scene.name}",
        collection=around.collection,
        job_id=job.id,
        title=_title(scene),
        geometry=scene.geometry,
        bbox=scene.bbox,
        datetime=when.moment,
        start_datetime=when.start,
        end_datetime=when.end,
        datetime_source=when.source,
        created=job.created,
        updated=job.finished,
        properties=_properties(job, output, scene, around.software),
        assets=(*(asset for asset, _ in files), *_shared(job, output, members, picture)),
    )
    return record, [fact for _, fact in files]


def _shared(job: JobRecord, output: Output, members: Members, picture: Quicklook | None) -> list[AssetRecord]:
    metadata = [metadata_asset(output.package, members.metadata)] if members.metadata else []
    return [*metadata, *([thumbnail(job.id, picture)] if picture else [])]


def _properties(job: JobRecord, output: Output, scene: Scene, software: Mapping[str, str]) -> JSON:
    facts = facts_of(job)
    own = {
        "up42:workflow_id": facts.workflow_id,
        "up42:workflow_name": facts.workflow_name,
        "up42:job_name": facts.name,
        "up42:task": output.task.name if output.task else None,
        "processing:software": dict(software) or None,
    }
    source = without_private(scene.properties)
    if source and len(orjson.dumps(source)) <= SOURCE_LIMIT:
        own["up42:source"] = source
    return {
        **acquisition.stated(scene.properties),
        **{name: value for name, value in own.items() if value is not None},
    }


def _title(scene: Scene) -> str:
    found = (text(acquisition.at_path(scene.properties, key)) for key in _TITLES)
    return next((title for title in found if title), scene.name)


def _named(record: ItemRecord, taken: set[str]) -> ItemRecord:
    """Return `record` with an id that no other item of its job has."""
    name, number = record.id, 1
    while name.lower() in taken:
        number += 1
        name = f"{record.id}-{number}"
    taken.add(name.lower())
    return replace(record, id=name)


def _count(left_out: Counter[str], reason: str, number: int) -> None:
    if number:
        left_out[reason] += number
