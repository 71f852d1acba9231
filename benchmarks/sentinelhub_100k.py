"""One Sentinel Hub task of many features, by reference: how long each step takes, and how much memory.

    python benchmarks/sentinelhub_100k.py [features] [outputs]

An API and a bucket on loopback serve the task from this process; a second process describes it and walks through its
Items as a pass would, keeping none. Prints one JSON object: seconds by step, megabytes resident.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stacsync import registry
from stacsync.demo.sentinelhub import Account, Bucket
from stacsync.demo.sentinelhub.bucket import ACCESS_KEY, SECRET_KEY
from stacsync.demo.sentinelhub.files import Outcome, Row, blob
from stacsync.demo.sentinelhub.scenario import BUCKET, task
from stacsync.demo.sentinelhub.service import CLIENT_ID, CLIENT_SECRET
from stacsync.testing import context


def rows(features: int, outputs: int, job: str) -> Iterator[Row]:
    for number in range(features):
        epsg = 32631 + number % 2
        west, south = 300_000.0 + 10_000 * (number % 40), 1_000_000.0 + 10_000 * (number // 40 % 700)
        geometry = blob((west, south, west + 10_000, south + 10_000), epsg, little=number % 3 > 0)
        for output in range(outputs):
            path = f"s3://{BUCKET}/big/{job}/tile_{number:06d}/band{output}.tif"
            yield Row(epsg, f"band{output}", f"tile_{number:06d}", path, 1000, 1000, geometry)


def serve(features: int, outputs: int) -> dict[str, Any]:
    begun = time.monotonic()
    account = Account()
    job = task(1, "DONE", "Many", f"s3://{BUCKET}/big")
    outcomes = (Outcome(f"tile_{number:06d}") for number in range(features))
    account.add(job, "big/", rows(features, outputs, job["id"]), outcomes)
    made = time.monotonic() - begun
    with account.service as service, Bucket({BUCKET: account.objects}) as bucket:
        command = [sys.executable, __file__, "--describe", service.url, service.token_url, bucket.url]
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    size = sum(map(len, account.objects.values()))
    told: dict[str, Any] = json.loads(found)
    return {"features": features, "outputs": outputs, "input_mb": size / 1e6, "made_s": made, **told}


def describe(url: str, token_url: str, endpoint: str) -> dict[str, Any]:
    kind = registry.kind("sentinelhub")
    source = {"endpoint_url": endpoint, "region": "eu", "access_key_id": ACCESS_KEY, "secret_access_key": SECRET_KEY}
    client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    settings = {"kind": "sentinelhub", "url": url, "token_url": token_url, "source": source, "transfer": "reference"}
    provider = kind.connect(kind.settings.model_validate({**settings, **client}), context("bench", state_dir="/tmp"))
    before, begun = resident(), time.monotonic()
    job = next(iter(provider.finished_jobs()))
    listed = time.monotonic()
    result = provider.describe(job)
    described = time.monotonic()
    items = assets = 0
    for item in result.items({}):
        items += 1
        assets += len(item.assets)
    told = time.monotonic()
    result.close()
    second = time.monotonic()
    assert next(iter(provider.finished_jobs())).fingerprint == job.fingerprint
    provider.close()
    return {
        "items": items,
        "assets": assets,
        "listed_s": listed - begun,
        "described_s": described - listed,
        "told_s": told - described,
        "second_pass_s": time.monotonic() - second,
        "rss_before_mb": before,
        "rss_peak_mb": resident(),
    }


def resident() -> float:
    """Return the most memory that this process ever held, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return round(int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024, 1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--describe"]:
        print(json.dumps(describe(*sys.argv[2:])))
    else:
        counts = [int(word) for word in sys.argv[1:]] + [100_000, 3][len(sys.argv) - 1 :]
        found = serve(*counts)
        print(json.dumps({name: round(value, 2) for name, value in found.items()}))
