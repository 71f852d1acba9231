"""Items of both versions, out of what a request, its tiles and its batch collection say. Pure.

A request that feeds a batch collection has its Items in `sh-<collection id>` with those of the other requests; any other
has a Collection of its own, `sh-<request id>`. The evalscript and all that is the same for every tile is said once, on
the Collection; the request itself goes along whole, but for secrets, as a metadata asset of the Collection.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from stacsync.jobs import AssetRecord, ItemRecord, JobRecord
from stacsync.providers.sentinelhub import times
from stacsync.providers.sentinelhub.bands import Bands, by_source
from stacsync.providers.sentinelhub.facts import Output, RequestFacts, mapping
from stacsync.providers.sentinelhub.footprint import Footprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What is the same for every item of one job."""

    job: JobRecord
    version: str
    """Of the API: "v2" or "v1"."""
    facts: RequestFacts
    shared: Mapping[str, Any] | None = None
    """The batch collection (cleaned) that the job feeds, None when its Collection is its own; may be empty."""
    sensed: Mapping[tuple[str, str], dt.datetime] | None = None
    """Sensing times by (bucket, key), where the batch collection knows them."""

    bands: Bands = field(init=False)
    """By source file, as the batch collection describes them."""
    outputs: Mapping[str, Output] = field(init=False)
    """What the request makes for every tile, by id."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "bands", by_source(self.shared or {}))
        object.__setattr__(self, "outputs", {output.id: output for output in self.facts.outputs})

    @property
    def collection(self) -> str:
        """Return the id of the STAC Collection."""
        return f"sh-{self.facts.collection_id if self.shared is not None else self.job.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When an item's data are from, in the words of `ItemRecord`."""

    datetime: dt.datetime | None = None
    start_datetime: dt.datetime | None = None
    end_datetime: dt.datetime | None = None
    datetime_source: str | None = None


def moment(results: Results, sensed: dt.datetime | None = None) -> Moment:
    """Return the time of an item: of its tile if known, over the span that the request asked for.

    Without either the collection's span is taken and told as a guess; without that nothing is told.
    """
    span = results.facts.interval
    if span is None and sensed is None:
        span = sensing_span(results.shared or {})
        return spanning(span, None, "collection") if span else Moment()
    return spanning(span or (None, None), sensed, None)


def spanning(span: times.Interval, sensed: dt.datetime | None, source: str | None) -> Moment:
    """Return a time over a span, open ends closed; a span without length is an instant."""
    start, end = span[0] or span[1], span[1] or span[0]
    if sensed is None and start == end:
        return Moment(datetime=start, datetime_source=source)
    return Moment(datetime=sensed, start_datetime=start, end_datetime=end, datetime_source=source)


def sensing_span(collection: Mapping[str, Any]) -> times.Interval | None:
    """Return the sensing times that a batch collection states for all its tiles."""
    facts = mapping(collection.get("additionalData"))
    return times.union([(times.instant(facts.get("fromSensingTime")), times.instant(facts.get("toSensingTime")))])


def item(
    results: Results,
    name: str,
    place: Footprint | None,
    when: Moment,
    assets: tuple[AssetRecord, ...],
    properties: Mapping[str, Any],
) -> ItemRecord:
    """Return the Item of one tile or feature; its id names the job, because tile names repeat between jobs."""
    known = {
        "gsd": results.facts.grid.gsd if results.facts.grid else None,
        "sh:request_id": results.job.id,
        "sh:api_version": results.version,
        "sh:tile_name": name,
        "sh:collection_id": results.facts.collection_id,
        **properties,
    }
    return ItemRecord(
        id=f"{results.job.id}-{name}",
        collection=results.collection,
        job_id=results.job.id,
        title=name,
        geometry=place.geometry if place else None,
        bbox=place.bbox if place else None,
        datetime=when.datetime,
        start_datetime=when.start_datetime,
        end_datetime=when.end_datetime,
        datetime_source=when.datetime_source,
        created=results.job.created,
        updated=results.job.updated,
        properties={key: value for key, value in known.items() if value is not None},
        assets=distinct(assets),
    )


def distinct(assets: Iterable[AssetRecord]) -> tuple[AssetRecord, ...]:
    """Return assets with every key once, the first of each."""
    kept: dict[str, AssetRecord] = {}
    for asset in assets:
        kept.setdefault(asset.key, asset)
    return tuple(kept.values())


def whole(made: ItemRecord, results: Results, geometry_source: str | None) -> ItemRecord:
    """Return the Item of a request that made one thing instead of tiles: it goes by the request's own id and title."""
    properties = {name: value for name, value in made.properties.items() if name != "sh:tile_name"}
    title = results.job.title or f"Sentinel Hub batch request {results.job.id}"
    return replace(made, id=results.job.id, title=title, properties=properties, geometry_source=geometry_source)


def band_fields(results: Results, output: str) -> dict[str, Any]:
    """Return the asset field `bands` of an output, where the batch collection describes its bands."""
    known = results.bands.get(output)
    return {"bands": list(known)} if known else {}
