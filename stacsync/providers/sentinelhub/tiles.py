"""Describing a version 1 request: its tiles from the service, its files from one sweep over the bucket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from stacsync.errors import JobNotReady, JobSkipped, JobUnusable
from stacsync.jobs import ItemRecord, JobRecord, JobResult
from stacsync.providers.sentinelhub import layout_v1, records, requests_v1, stores
from stacsync.providers.sentinelhub.deliveries import Delivery
from stacsync.providers.sentinelhub.facts import mapping, number
from stacsync.providers.sentinelhub.locations import address
from stacsync.providers.sentinelhub.reading import Reading
from stacsync.providers.sentinelhub.workplace import Workplace

_NO_FILES = "no data"


def describe(reading: Reading, job: JobRecord) -> JobResult:
    """Tell what a request delivered. Raises `JobUnusable`, `JobNotReady`, `JobSkipped` or `Unavailable`."""
    request = mapping(job.details.get("request"))
    results = reading.results(job, requests_v1.request_facts(request))
    place = Workplace()
    try:
        if requests_v1.is_zarr(request):
            return _store(reading, results, request, place)
        return _tiles(reading, results, request, place)
    except BaseException:
        place.close()
        raise


@dataclass(frozen=True, slots=True)
class _Spool:
    """The processed tiles of a request on disk, a line each: there may be 100,000 of them."""

    path: Path

    def fill(self, tiles: Iterator[Mapping[str, Any]]) -> dict[str, int]:
        """Write the processed tiles; return how many of the others there are, by reason."""
        left_out: dict[str, int] = {}
        with self.path.open("wb") as file:
            for tile in tiles:
                status = str(tile.get("status") or "").upper()
                if status in requests_v1.PROCESSED:
                    file.write(orjson.dumps(tile, option=orjson.OPT_APPEND_NEWLINE))
                else:
                    reason = "failed" if status == requests_v1.FAILED else "pending"
                    left_out[reason] = left_out.get(reason, 0) + 1
        return left_out

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        with self.path.open("rb") as file:
            for line in file:
                yield mapping(orjson.loads(line))


def _tiles(reading: Reading, results: records.Results, request: Mapping[str, Any], place: Workplace) -> JobResult:
    job = results.job
    where = layout_v1.layout(request)
    spool = _Spool(place.path("tiles.jsonl"))
    left_out = spool.fill(reading.client.tiles(job.id))
    _check_settled(spool, left_out, request)
    delivery, listed = reading.swept(reading.delivery(job.fingerprint), place, where.folders(job.id))
    outputs = requests_v1.outputs(results.facts)

    def found(tile: Mapping[str, Any]) -> requests_v1.Found:
        return requests_v1.find(where, outputs, job.id, tile, delivery, listed=listed)

    def items() -> Iterator[ItemRecord]:
        for tile in spool:
            files = found(tile)
            if files.files:
                yield requests_v1.tile_item(results, tile, files, delivery, request)

    _count_empty(spool, found, left_out)
    return JobResult(
        collections=(reading.collection(results, request),),
        items=lambda _: items(),
        left_out=left_out,
        complete=requests_v1.complete(request),
        close=place.close,
    )


def _check_settled(spool: _Spool, left_out: Mapping[str, int], request: Mapping[str, Any]) -> None:
    """Raise when the tiles do not (yet) bear out what the request says of itself."""
    if requests_v1.complete(request) and left_out.get("pending"):
        raise JobNotReady(
            f"the request is done, but {left_out['pending']} of its tiles are not yet", "the next pass looks again"
        )
    if next(iter(spool), None) is None and not left_out:
        if number(request.get("tileCount")):
            raise JobNotReady("the service does not list the request's tiles yet", "the next pass looks again")
        raise JobSkipped("the request has no tiles")


def _count_empty(spool: _Spool, found: Any, left_out: dict[str, int]) -> None:
    """Count the tiles of which the bucket holds nothing at all; when that is all of them, something else is wrong."""
    empty = [not found(tile).files for tile in spool]
    if empty and all(empty):
        raise JobUnusable(
            "none of the request's files is where it delivered to", "look whether they were moved or deleted"
        )
    if any(empty):
        left_out[_NO_FILES] = sum(empty)


def _store(reading: Reading, results: records.Results, request: Mapping[str, Any], place: Workplace) -> JobResult:
    url = requests_v1.zarr_url(request)
    if url is None:
        raise JobUnusable("the request does not say where its Zarr store is", "look at the request there")
    delivery: Delivery = reading.delivery(results.job.fingerprint)
    store = stores.find(reading.bucket(address(url).bucket), url, results.job.id, ())
    item = stores.item(results, store, None, delivery)
    return JobResult(
        collections=(reading.collection(results, request),),
        items=lambda _: (item,),
        complete=requests_v1.complete(request),
        close=place.close,
    )
