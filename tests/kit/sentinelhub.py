"""A Sentinel Hub account to run stacsync against: its API and its bucket on real sockets, filled by a test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from stacsync.demo.sentinelhub import Account, Bucket
from stacsync.demo.sentinelhub.bucket import ACCESS_KEY, SECRET_KEY
from stacsync.demo.sentinelhub.files import Outcome, Row, blob, geotiff
from stacsync.demo.sentinelhub.scenario import BUCKET, SECRET, USER, task
from stacsync.demo.sentinelhub.service import CLIENT_ID, CLIENT_SECRET

HIDDEN = (CLIENT_SECRET, SECRET, SECRET_KEY, USER, "DEMO-ACCESS-KEY")
SOUTH = 4_640_000.0


@dataclass(frozen=True)
class Hub:
    """The account while it listens."""

    account: Account
    bucket: Bucket

    @property
    def objects(self) -> dict[str, bytes]:
        """What lies in the source bucket, by key."""
        return self.bucket.objects[BUCKET]

    def settings(self, **more: Any) -> dict[str, Any]:
        """Return the provider's table of a configuration."""
        source = {"endpoint_url": self.bucket.url, "region": "eu-central-1"}
        service = self.account.service
        return {
            "kind": "sentinelhub",
            "url": service.url,
            "token_url": service.token_url,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "source": {**source, "access_key_id": ACCESS_KEY, "secret_access_key": SECRET_KEY},
            **more,
        }

    def feed(self, number: int, collection: str, span: tuple[str, str], wests: Sequence[float]) -> str:
        """Add a version 2 task that fed a batch collection with a tile at each of `wests` (UTM 32N); return its id."""
        job = task(number, "DONE", f"Part {number}", f"s3://{BUCKET}/part-{number}", collectionId=collection)
        _set_span(job["request"]["processRequest"], span)
        rows, outcomes = [], []
        for place, west in enumerate(wests):
            name, area = f"field-{place}", (west, SOUTH, west + 10_000, SOUTH + 10_000)
            key = f"part-{number}/{job['id']}/{name}/default.tif"
            self.objects[key] = geotiff(area, 32632, value=20 * number + place)
            rows.append(Row(32632, "default", name, f"s3://{BUCKET}/{key}", 1000, 1000, blob(area, 32632)))
            outcomes.append(Outcome(name))
        made = Account(service=self.account.service)
        made.add(job, f"part-{number}/", rows, outcomes)
        self.objects.update(made.objects)
        return str(job["id"])

    def first_request(self, number: int, tiles: Sequence[tuple[float, str]], **more: Any) -> dict[str, Any]:
        """Add a version 1 request with a tile at each (longitude, status); return it, to be changed at will."""
        process = task(number, "DONE", "", "s3://unused")["request"]["processRequest"]
        request = {
            "id": f"b330c22b-0000-4000-8000-{number:012d}",
            "userId": USER,
            "accountId": USER,
            "created": f"2023-05-0{number}T10:00:00.000Z",
            "userActionUpdated": f"2023-05-0{number}T10:02:00.000Z",
            "status": "DONE",
            "description": f"Request {number}",
            "tileCount": len(tiles),
            "tileWidthPx": 1000,
            "tileHeightPx": 1000,
            "tilingGrid": {"id": 1, "resolution": 10.0, "bufferX": 0, "bufferY": 0},
            "processRequest": process,
            "output": {"defaultTilePath": f"s3://{BUCKET}/v1", "cogOutput": True},
            **more,
        }
        self.account.service.requests.append(request)
        self.account.service.tiles[request["id"]] = []
        for place, (west, status) in enumerate(tiles):
            self.first_tile(request, place, west, status)
        return request

    def first_tile(self, request: dict[str, Any], place: int, west: float, status: str = "PROCESSED") -> None:
        """Add a tile to a version 1 request, or replace it; only a processed one has its file."""
        tiles = [tile for tile in self.account.service.tiles[request["id"]] if tile["id"] != place]
        ring = [[west, 42.0], [west + 0.1, 42.0], [west + 0.1, 42.1], [west, 42.1], [west, 42.0]]
        geometry = {"type": "Polygon", "coordinates": [ring]}
        name = f"32TMN_{place}_1"
        tiles.append({"id": place, "name": name, "status": status, "geometry": geometry, "cost": 1.5})
        self.account.service.tiles[request["id"]] = tiles
        if status == "PROCESSED":
            area = (400_000.0, SOUTH, 410_000.0, SOUTH + 10_000)
            self.objects[f"v1/{request['id']}/{name}/default.tif"] = geotiff(area, 32632, value=10 * place)


def _set_span(process: dict[str, Any], span: tuple[str, str]) -> None:
    process["input"]["data"][0]["dataFilter"]["timeRange"] = {"from": span[0], "to": span[1]}


def batch_collection(collection: str, name: str) -> dict[str, Any]:
    """Return a batch collection as the service tells it, in either version; what is unknown is kept."""
    bands = {"default": {"source": "default", "bandIndex": 1, "bitDepth": 8, "sampleFormat": "UINT", "noData": 0}}
    return {
        "id": collection,
        "accountId": USER,
        "userId": USER,
        "name": name,
        "s3Bucket": BUCKET,
        "created": "2025-01-11T10:00:00.000Z",
        "additionalData": {"bands": bands, "maxMetersPerPixel": 10.0, "hasSensingTimes": "NO"},
        "novelty": {"kept": True},
    }


@contextmanager
def listening(account: Account | None = None) -> Iterator[Hub]:
    """Yield an account that listens; an empty one by default."""
    made = account or Account()
    with made.service, Bucket({BUCKET: made.objects}) as bucket:
        yield Hub(made, bucket)
