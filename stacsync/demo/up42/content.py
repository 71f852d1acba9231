"""What the stand-in holds in the demo: some processing jobs of today, one workflow job of the first API."""

from __future__ import annotations

import io
import tarfile
import uuid
from typing import Any

import orjson

from stacsync.demo.up42.first import FirstJob, FirstTask
from stacsync.demo.up42.pictures import geotiff, pattern, png
from stacsync.demo.up42.today import STAC, TodayJob

SIZE = 64
PIXEL = 10.0
_NAMES = uuid.UUID("8d8ac610-566d-4ef0-9c22-186b2a5ed793")


def stable_id(*parts: object) -> str:
    """Return a UUID that is the same each time for the same parts."""
    return str(uuid.uuid5(_NAMES, "/".join(map(str, parts))))


def today_job(process: str, number: int, base: str, *, status: str = "successful", scenes: int = 1) -> TodayJob:
    """Return a finished job of `process` with so many scenes near Berlin, its addresses below `base`."""
    job_id, collection = stable_id("job", process, number), stable_id("collection", process, number)
    day = f"2025-{1 + number % 12:02d}-{1 + number % 28:02d}"
    job = TodayJob(
        payload={
            "processID": process,
            "jobID": job_id,
            "accountID": stable_id("account"),
            "workspaceID": stable_id("workspace"),
            "definition": {
                "inputs": {
                    "title": f"Berlin, {process}",
                    "item": f"{base}{STAC}/collections/{stable_id('in', number)}/items/{stable_id('scene', number)}",
                }
            },
            "results": {"collection": f"{base}{STAC}/collections/{collection}", "errors": None},
            "creditConsumption": {"credits": 63},
            "status": status,
            "created": f"{day}T10:00:00.123456789Z",
            "updated": f"{day}T10:07:31.123456789Z",
            "started": f"{day}T10:01:00.123456789Z",
            "finished": f"{day}T10:07:30.123456789Z",
        },
        collection=_collection(collection, process),
    )
    for scene in range(scenes):
        _add_item(job, job_id, collection, f"{day}T09:5{scene % 10}:52.100000+00:00", number * 10 + scene, base)
    return job


def first_job(number: int, *, features: int = 2) -> FirstJob:
    """Return a finished job of the first API: a data block and a tiling block, one archive, one quicklook per feature."""
    job_id = stable_id("first", number)
    day = f"2021-{1 + number % 12:02d}-{1 + number % 28:02d}"
    ids = [stable_id("feature", number, feature) for feature in range(features)]
    names = {name: f"{name}/{name}_0-0.tif" for name in ids}
    rasters = {path: _raster(number * 10 + index) for index, path in enumerate(names.values())}
    document = {
        "type": "FeatureCollection",
        "features": [
            _feature(name, path, f"{day}T10:1{index % 10}:31.024Z", index)
            for index, (name, path) in enumerate(names.items())
        ],
    }
    pictures = {f"{name}.png": png(pattern(SIZE, SIZE, index), SIZE, SIZE) for index, name in enumerate(ids)}
    data = _task(job_id, "esa-s2-l2a-gtiff-visual", "DATA", [])
    tiling = _task(job_id, "tiling", "PROCESSING", [data["id"]])
    packed = archive({**rasters, "data.json": orjson.dumps(document)})
    payload = {
        "id": job_id,
        "displayId": job_id[:8],
        "createdAt": f"{day}T12:00:00.000Z",
        "updatedAt": f"{day}T14:00:00.000Z",
        "status": "SUCCEEDED",
        "name": f"Berlin tiles {day}",
        "startedAt": f"{day}T12:00:05.000Z",
        "finishedAt": f"{day}T12:05:00.000Z",
        "inputs": {"esa-s2-l2a-gtiff-visual:1": {"time": f"{day}T00:00:00+00:00/{day}T23:59:59+00:00", "limit": 1}},
        "mode": "DEFAULT",
        "workflowId": stable_id("workflow"),
        "workflowName": "Sentinel-2 tiles",
        "createdBy": {"id": stable_id("user"), "type": "USER"},
    }
    return FirstJob(
        payload=payload,
        archive=packed,
        document=document,
        tasks=[
            FirstTask(payload=data, archive=packed, document=document, quicklooks=pictures),
            FirstTask(payload=tiling, archive=packed, document=document),
        ],
    )


def archive(files: dict[str, bytes], *, top: str = "output/") -> bytes:
    """Return a tar.gz of `files` below `top`, in their order; the same bytes each time."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=6) as packed:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{top}{name}")
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _raster(seed: int) -> bytes:
    west = 388_000.0 + seed % 10 * SIZE * PIXEL
    return geotiff(pattern(SIZE, SIZE, seed), SIZE, SIZE, epsg=32633, west=west, north=5_820_000.0, pixel=PIXEL)


def _square(index: int) -> dict[str, Any]:
    west, south = round(13.35 + index % 10 * 0.0095, 6), 52.515
    east, north = round(west + 0.0095, 6), 52.521
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def _feature(name: str, path: str, taken: str, index: int) -> dict[str, Any]:
    properties = {"acquisitionDate": taken, "cloudCover": 4.2, "up42.data_path": path}
    return {"type": "Feature", "id": name, "geometry": _square(index), "properties": properties}


def _task(job_id: str, block: str, kind: str, parents: list[str]) -> dict[str, Any]:
    return {
        "id": stable_id("task", job_id, block),
        "name": f"{block}:1",
        "status": "SUCCEEDED",
        "parentsIds": parents,
        "block": {"id": stable_id("block", block), "name": block, "type": kind, "version": "1.0.1"},
    }


def _collection(collection_id: str, process: str) -> dict[str, Any]:
    return {
        "type": "Collection",
        "stac_version": "1.0.0",
        "id": collection_id,
        "title": f"Results of {process}",
        "description": f"Delivered by the process {process}.",
        "license": "proprietary",
        "extent": {"spatial": {"bbox": [[13.3, 52.4, 13.5, 52.6]]}, "temporal": {"interval": [[None, None]]}},
        "links": [],
        "up42-system:account_id": stable_id("account"),
    }


def _add_item(job: TodayJob, job_id: str, collection: str, taken: str, seed: int, base: str) -> None:
    item_id = stable_id("item", job_id, seed)
    data, picture = stable_id("asset", item_id, "data"), stable_id("asset", item_id, "picture")
    square = _square(seed)
    ring = square["coordinates"][0]
    job.files[data] = _raster(seed)
    job.files[picture] = png(pattern(SIZE, SIZE, seed), SIZE, SIZE)
    job.items.append(
        {
            "type": "Feature",
            "stac_version": "1.0.0",
            "stac_extensions": ["https://api.up42.com/stac-extensions/up42-product/v1.0.0/schema.json"],
            "id": item_id,
            "collection": collection,
            "geometry": square,
            "bbox": [*ring[0], *ring[2]],
            "properties": {
                "datetime": taken,
                "gsd": 10,
                "eo:cloud_cover": 2.5,
                "up42-system:job_id": job_id,
                "up42-system:account_id": stable_id("account"),
                "up42-system:workspace_id": stable_id("workspace"),
                "up42-system:asset_id": stable_id("delivery", item_id),
            },
            "assets": {
                "data": {
                    "href": f"{base}/v2/assets/{data}",
                    "type": "image/tiff; application=geotiff; profile=cloud-optimized",
                    "title": "Data",
                    "roles": ["data"],
                },
                "thumbnail": {"href": f"{base}/v2/assets/{picture}", "type": "image/png", "title": "Thumbnail"},
            },
            "links": [{"rel": "self", "href": f"{base}{STAC}/collections/{collection}/items/{item_id}"}],
        }
    )
