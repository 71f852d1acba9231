"""Describing a batch collection that is configured by its id and that no request of the listing feeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from stacsync.errors import JobUnusable
from stacsync.jobs import ItemRecord, JobRecord, JobResult
from stacsync.providers.sentinelhub import byoc
from stacsync.providers.sentinelhub.facts import mapping
from stacsync.providers.sentinelhub.reading import Reading
from stacsync.providers.sentinelhub.workplace import Workplace


def describe(reading: Reading, job: JobRecord) -> JobResult:
    """Tell what the collection holds: an Item per ingested tile. Raises `JobNotReady`, `JobUnusable` or `Unavailable`."""
    collection_id = str(job.details["collection"])
    facts = reading.shared.facts(collection_id)
    if not facts:
        raise JobUnusable(f"the service knows no batch collection {collection_id}", "correct collections")
    place = Workplace()
    try:
        spool = place.path("tiles.jsonl")
        left_out = byoc.left_out(_spooled(spool, reading.client.collection_tiles(collection_id)))
        delivery = reading.delivery(job.fingerprint)
    except BaseException:
        place.close()
        raise

    def items() -> Iterator[ItemRecord]:
        for tile in _read(spool):
            yield byoc.tile_item(facts, collection_id, tile, delivery)

    return JobResult(
        collections=(byoc.collection_record(facts, collection_id),),
        items=lambda _: items(),
        left_out=left_out,
        close=place.close,
    )


def _spooled(path: Path, tiles: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield every tile, keeping the ingested ones on disk."""
    with path.open("wb") as file:
        for tile in tiles:
            if byoc.ingested(tile):
                file.write(orjson.dumps(tile, option=orjson.OPT_APPEND_NEWLINE))
            yield tile


def _read(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            yield mapping(orjson.loads(line))
