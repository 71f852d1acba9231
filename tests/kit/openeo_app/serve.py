# mypy: ignore-errors
# ruff: noqa: PLC0415  # the driver reads its configuration while it is imported
# Runs in a virtual environment of its own, whose packages the type checker of this one does not see.
"""A back-end of the common openEO driver with real files behind its jobs, and an OpenID Connect provider beside it.

    python serve.py FOLDER SECONDS

Files of the jobs are written to FOLDER, signed links work for SECONDS. Prints one line of JSON with the addresses once
both servers listen, and serves until its standard input ends.
"""

from __future__ import annotations

import copy
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

FOLDER, SECONDS = Path(sys.argv[1]), int(sys.argv[2])
USER = "alice"
EXTENT = {
    "bbox": [4.0, 51.0, 4.01, 51.01],
    "geometry": {
        "type": "Polygon",
        "coordinates": [[[4.0, 51.0], [4.01, 51.0], [4.01, 51.01], [4.0, 51.01], [4.0, 51.0]]],
    },
    "start_datetime": datetime(2025, 6, 1, tzinfo=UTC),
    "end_datetime": datetime(2025, 7, 1, tzinfo=UTC),
    "epsg": 32631,
}
TIFF = "image/tiff; application=geotiff"


def start_issuer() -> str:
    from oidc_provider_mock import app
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, app(), threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def configure(issuer: str) -> None:
    """Write the driver's configuration, which it reads from a file that the environment names."""
    file = FOLDER / "backend_config.py"
    file.write_text(
        "from openeo_driver.config import OpenEoBackendConfig\n"
        "from openeo_driver.urlsigning import UrlSigner\n"
        "from openeo_driver.users.oidc import OidcProvider\n"
        f"issuer = OidcProvider(id='local', title='Local', issuer={issuer!r}, scopes=['openid'])\n"
        "config = OpenEoBackendConfig(id='tests', capabilities_title='Tests', capabilities_description='Tests',\n"
        "    capabilities_backend_version='1.0.0', oidc_providers=[issuer], enable_basic_auth=True,\n"
        "    valid_basic_auth=lambda user, password: password == user + '-password',\n"
        f"    url_signer=UrlSigner(secret='of-tests', expiration={SECONDS}))\n"
    )
    os.environ["OPENEO_BACKEND_CONFIG"] = str(file)


def asset(job: str, name: str, media_type: str, **fields: object) -> dict:
    """Write a file of a job and return the asset that stands for it."""
    file = FOLDER / job / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes((f"{job}/{name}\n" * 500).encode())
    return {"output_dir": str(FOLDER / job), "href": str(file), "type": media_type, "roles": ["data"], **fields}


def scenes(job: str) -> dict:
    """Return the results of a job in the older style: an Item for each raster, none for other files."""
    assets = {}
    for day in (3, 8):
        name = f"openEO_2025-06-{day:02d}Z.tif"
        assets[name] = asset(job, name, TIFF, datetime=f"2025-06-{day:02d}T00:00:00Z", bands=[{"name": "B04"}])
    assets["nested/timeseries.csv"] = asset(job, "nested/timeseries.csv", "text/csv")
    graph = {"format": "openeo", "expression": {"load": {"process_id": "load_collection", "arguments": {"id": "S2"}}}}
    providers = [{"name": "Tests", "roles": ["processor"], "processing:expression": graph}]
    links = [{"rel": "derived_from", "href": "/eodata/S2B_MSIL2A_20250603T104629.SAFE", "title": "S2B"}]
    return {"assets": assets, "providers": providers, "links": links, **EXTENT}


def bands(job: str) -> dict:
    """Return the results of a job in the newer style: an Item for each day, which alone names the files."""
    items = {}
    for day in (3, 8):
        name = f"5d2db643-5cc3-4b27-8ef3-11f7d203b2{day:02d}_2025-06-{day:02d}T00:00:00Z"
        files = [f"openEO_2025-06-{day:02d}Z_{band}.tif" for band in ("B04", "B08")]
        properties = {"datetime": f"2025-06-{day:02d}T00:00:00Z"}
        place = {"bbox": EXTENT["bbox"], "geometry": EXTENT["geometry"]}
        assets = {file: asset(job, file, TIFF) for file in files}
        items[name] = {"id": name, **place, "properties": properties, "assets": assets, "links": []}
    return {"items": items, **EXTENT}


def jobs() -> dict[str, dict | None]:
    """Return the results of every job by its id; None for jobs that have not finished."""
    found: dict[str, dict | None] = {"t-scenes": scenes("t-scenes"), "t-bands": bands("t-bands")}
    found["t-text"] = {"assets": {"out.json": asset("t-text", "out.json", "application/json")}}
    for number in range(12):
        job = f"t-cube-{number:02d}"
        found[job] = {"assets": {"openEO.nc": asset(job, "openEO.nc", "application/x-netcdf")}, **EXTENT}
    return {**found, "t-created": None, "t-queued": None, "t-running": None, "t-canceled": None, "t-error": None}


def backend() -> object:
    """Return the driver's web application with our jobs in it."""
    from openeo_driver.backend import BatchJobMetadata, BatchJobResultMetadata
    from openeo_driver.dummy.dummy_backend import DummyBackendImplementation, DummyBatchJobs
    from openeo_driver.views import build_app

    class Jobs(DummyBatchJobs):
        """The driver's own jobs answer every download with one fixed file; these answer with the seeded ones."""

        def get_result_assets(self, job_id: str, user_id: str) -> dict:
            known = self._job_result_registry[job_id, user_id]
            inner = [asset for item in known.items.values() for asset in item["assets"].items()]
            return {**known.assets, **dict(inner)}

        def get_result_metadata(self, job_id: str, user_id: str) -> BatchJobResultMetadata:
            return copy.deepcopy(super().get_result_metadata(job_id=job_id, user_id=user_id))

    begun = datetime(2026, 1, 1, tzinfo=UTC)
    for number, (job, results) in enumerate(jobs().items()):
        status = "finished" if results is not None else job.removeprefix("t-")
        times = {"created": begun + timedelta(hours=number), "updated": begun + timedelta(hours=number, minutes=9)}
        graph = {
            "process_graph": {"load": {"process_id": "load_collection", "arguments": {"id": "S2"}, "result": True}}
        }
        of_job = {name: (results or {}).get(name) for name in EXTENT}
        metadata = BatchJobMetadata(id=job, status=status, title=f"Job {job}", process=graph, **times, **of_job)
        DummyBatchJobs._job_registry[USER, job] = metadata
        if results is not None:
            own = {name: value for name, value in results.items() if name not in EXTENT}
            DummyBatchJobs.set_result_metadata(job, USER, BatchJobResultMetadata(**own))
    implementation = DummyBackendImplementation()
    implementation.batch_jobs = Jobs()
    return build_app(backend_implementation=implementation)


def main() -> None:
    issuer = start_issuer()
    configure(issuer)
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, backend(), threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{server.server_port}", "issuer": issuer}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()


main()
