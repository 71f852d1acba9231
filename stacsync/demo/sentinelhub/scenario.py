"""A small account: what the API says of it and what lies in its bucket, made to agree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from stacsync.demo.sentinelhub.files import Extent, Outcome, Row, blob, execution, geotiff, manifest, zarr
from stacsync.demo.sentinelhub.service import Service

BUCKET = "demo-results"
COLLECTION = "22222222-2222-4222-8222-222222222222"
SECRET = "DEMO-SECRET-MUST-NEVER-LEAK"  # noqa: S105 - opens nothing; it is there to be kept out of everything
USER = "11111111-1111-4111-8111-111111111111"
_JOB = "d3e0c1de-5f7b-4c59-9a53-0c61c0c9d0{:02d}"
_TIFF = {"type": "image/tiff"}


@dataclass(slots=True)
class Account:
    """The API and the content of the bucket."""

    service: Service = field(default_factory=Service)
    objects: dict[str, bytes] = field(default_factory=dict)
    """What lies in `BUCKET`, by key."""

    def add(self, task: dict[str, Any], folder: str, rows: Iterable[Row], outcomes: Iterable[Outcome]) -> None:
        """Add a task with its manifest and execution database."""
        self.service.tasks.append(task)
        self.objects[f"{folder}featureManifest-{task['id']}.gpkg"] = manifest(rows)
        self.objects[f"{folder}execution-{task['id']}.sqlite"] = execution(outcomes)
        self.objects[f"{folder}request-{task['id']}.json"] = f'{{"secretAccessKey": "{SECRET}"}}'.encode()


def account() -> Account:
    """Return the whole account; nothing is started yet."""
    made = Account()
    _two_zones(made)
    _store(made)
    _stopped(made)
    _fields(made, 4, "2019-04-01T00:00:00Z", "2019-06-30T00:00:00Z", west=500000)
    _fields(made, 5, "2019-07-01T00:00:00Z", "2019-09-30T00:00:00Z", west=520000)
    _collection(made)
    made.service.tasks += [
        task(6, "PROCESSING", "still at work", "s3://demo-results/later"),
        {"id": _JOB.format(7), "status": "HIBERNATING", "created": "2025-02-11T09:00:00Z"},
        {"status": "CREATED"},
        "not a task at all",
    ]
    return made


def task(number: int, status: str, description: str, url: str, **output: Any) -> dict[str, Any]:
    """Return a task as the listing tells it, secrets included."""
    delivery = {"s3": {"url": url, "accessKey": "DEMO-ACCESS-KEY", "secretAccessKey": SECRET, "region": "eu-central-1"}}
    process = {
        "input": {
            "bounds": {"bbox": [8.44, 41.31, 9.66, 43.1]},
            "data": [{"type": "sentinel-2-l2a", "dataFilter": {"timeRange": _span("2019-04-01", "2019-06-30")}}],
        },
        "output": {"responses": [{"identifier": "default", "format": _TIFF}]},
        "evalscript": "//VERSION=3\nfunction setup() { return { input: ['B04', 'B08'], output: { bands: 1 } } }",
    }
    return {
        "id": _JOB.format(number),
        "domainAccountId": USER,
        "status": status,
        "userAction": "START",
        "userActionUpdated": "2025-02-11T09:00:05.120Z",
        "created": f"2025-02-11T08:{number:02d}:40.010Z",
        "lastUpdated": f"2025-02-11T09:{number:02d}:12.554Z",
        "completionPercentage": 100 if status == "DONE" else 42.5,
        "costPU": 311.24,
        "request": {
            "description": description,
            "processRequest": process,
            "input": {"type": "tiling-grid", "id": 1, "resolution": 10.0},
            "output": {"type": "raster", "delivery": delivery, "cogOutput": True, **output},
        },
    }


def _span(start: str, end: str) -> dict[str, str]:
    return {"from": f"{start}T00:00:00Z", "to": f"{end}T00:00:00Z"}


def _area(west: float, south: float) -> Extent:
    return west, south, west + 10_000, south + 10_000


def _two_zones(made: Account) -> None:
    """Add a task over two UTM zones: two tiles delivered, one without data, one that failed."""
    job = task(1, "DONE", "Max NDVI over Corsica", f"s3://{BUCKET}/ndvi")
    tiles = [("32TMN_0_1", 32632, 400_000, 4_680_000), ("32TMN_1_1", 32632, 410_000, 4_680_000)]
    tiles += [("32TNN_0_1", 32632, 500_000, 4_680_000), ("31TGH_9_1", 32631, 790_000, 4_780_000)]
    rows = []
    for place, (name, epsg, west, south) in enumerate(tiles):
        area = _area(west, south)
        key = f"ndvi/{job['id']}/{name}/default.tif"
        geometry = blob(area, epsg, little=place % 2 == 0, envelope=place < 2)
        rows.append(Row(epsg, "default", name, f"s3://{BUCKET}/{key}", 1000, 1000, geometry))
        if place in (0, 3):
            made.objects[key] = geotiff(area, epsg, value=60 + 40 * place)
    outcomes = [Outcome("32TMN_0_1"), Outcome("32TMN_1_1", error="No data", delivered=False)]
    outcomes += [Outcome("32TNN_0_1", "FATAL", "Evalscript execution error", delivered=False), Outcome("31TGH_9_1")]
    made.add(job, "ndvi/", rows, outcomes)


def _store(made: Account) -> None:
    """Add a task that made one Zarr store."""
    job = task(2, "DONE", "Max NDVI as a data cube", f"s3://{BUCKET}/cubes/<requestId>", type="zarr", cogOutput=False)
    job["request"]["input"] = {"type": "tiling-grid", "id": 6, "resolution": 100.0}
    root = f"cubes/{job['id']}"
    made.objects |= {f"{root}/{path}": content for path, content in zarr().items()}
    made.objects[f"{root}/request-{job['id']}.json"] = f'{{"secretAccessKey": "{SECRET}"}}'.encode()
    area = (4_180_000.0, 2_080_000.0, 4_280_000.0, 2_180_000.0)
    rows = [Row(3035, "maxNDVI", "N208E418", f"s3://{BUCKET}/{root}", 1000, 1000, blob(area, 3035))]
    made.add(job, "cubes/", rows, [Outcome("N208E418")])


def _stopped(made: Account) -> None:
    """Add a task that ran out of processing units after one of two tiles."""
    job = task(3, "STOPPED", "Stopped for want of processing units", f"s3://{BUCKET}/stopped")
    job["stoppedStatusReason"] = "OUT_OF_PU"
    rows = []
    for name, west in (("32TMN_2_1", 420_000), ("32TMN_3_1", 430_000)):
        key = f"stopped/{job['id']}/{name}/default.tif"
        area = _area(west, 4_680_000)
        rows.append(Row(32632, "default", name, f"s3://{BUCKET}/{key}", 1000, 1000, blob(area, 32632)))
        if name == "32TMN_2_1":
            made.objects[key] = geotiff(area, 32632, value=30)
    outcomes = [Outcome("32TMN_2_1"), Outcome("32TMN_3_1", "PENDING", delivered=False)]
    made.add(job, f"stopped/{job['id']}/", rows, outcomes)


def _fields(made: Account, number: int, start: str, end: str, *, west: float) -> None:
    """Add a task over features of the user's own that feeds the batch collection."""
    url = f"s3://{BUCKET}/fields-{number}/<tileName>/<outputId>.<format>"
    job = task(number, "DONE", f"Fields, part {number - 3}", url, createCollection=True, collectionId=COLLECTION)
    del job["domainAccountId"]
    job["workspaceId"] = USER
    features = {
        "s3": {"url": "s3://demo-inputs/fields.gpkg", "accessKey": "DEMO-ACCESS-KEY", "secretAccessKey": SECRET}
    }
    job["request"]["input"] = {"type": "geopackage", "features": features}
    process = job["request"]["processRequest"]
    process["input"] = {"data": [{"type": "sentinel-2-l2a", "dataFilter": {"timeRange": {"from": start, "to": end}}}]}
    rows, outcomes = [], []
    for place in range(3):
        key = f"fields-{number}/field-{place}/default.tif"
        area = _area(west + 12_000 * place, 4_640_000)
        made.objects[key] = geotiff(area, 32632, value=20 * number + place)
        rows.append(Row(32632, "default", f"field-{place}", f"s3://{BUCKET}/{key}", 500, 500, blob(area, 32632)))
        outcomes.append(Outcome(f"field-{place}"))
    made.add(job, f"fields-{number}/", rows, outcomes)


def _collection(made: Account) -> None:
    bands = {"default": {"source": "default", "bandIndex": 1, "bitDepth": 8, "sampleFormat": "UINT", "noData": 0}}
    made.service.byoc_collections[COLLECTION] = {
        "id": COLLECTION,
        "accountId": USER,
        "userId": USER,
        "name": "Fields of Corsica",
        "s3Bucket": BUCKET,
        "isConfigured": True,
        "created": "2025-02-11T10:00:00.000Z",
        "additionalData": {"bands": bands, "maxMetersPerPixel": 800.0, "hasSensingTimes": "YES"},
    }
    made.service.byoc_tiles[COLLECTION] = [
        _tile(number, place, 500_000 + 20_000 * (number - 4) + 12_000 * place)
        for number in (4, 5)
        for place in range(3)
    ]


def _tile(number: int, place: int, west: float) -> dict[str, Any]:
    east, south = west + 10_000, 4_640_000
    ring = [[west, south], [east, south], [east, south + 10_000], [west, south + 10_000], [west, south]]
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32632"}}
    geometry = {"type": "Polygon", "crs": crs, "coordinates": [ring]}
    return {
        "id": f"7{number}{place}00000-0000-4000-8000-000000000000",
        "created": "2025-02-11T10:00:00Z",
        "ingestionStart": f"2025-02-11T10:0{place}:00Z",
        "sensingTime": f"2019-{5 if number == 4 else 8:02d}-15T10:10:00Z",
        "path": f"fields-{number}/field-{place}/(BAND).tif",
        "status": "INGESTED",
        "tileGeometry": geometry,
        "coverGeometry": geometry,
        "additionalData": {"minMetersPerPixel": 20.0, "filesMetadata": {"default": {"headerSize": 1328}}},
    }
