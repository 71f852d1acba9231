"""One Sentinel Hub task of very many tiles, by reference: the whole way from its manifest to the published catalog."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stacsync.demo.sentinelhub import Account, Bucket
from stacsync.demo.sentinelhub.bucket import ACCESS_KEY, SECRET_KEY
from stacsync.demo.sentinelhub.files import Outcome
from stacsync.demo.sentinelhub.scenario import BUCKET, task
from stacsync.demo.sentinelhub.service import CLIENT_ID, CLIENT_SECRET

from benchmarks.product import Passed, configure, make_pass
from benchmarks.report import Figure
from benchmarks.sentinelhub_100k import rows


def measure(folder: Path, quick: bool) -> list[Figure]:
    features, outputs = (5000 if quick else 100_000), 3
    account = Account()
    job = task(1, "DONE", "Many", f"s3://{BUCKET}/big")
    outcomes = (Outcome(f"tile_{number:06d}") for number in range(features))
    account.add(job, "big/", rows(features, outputs, job["id"]), outcomes)
    with account.service as service, Bucket({BUCKET: account.objects}) as bucket:
        source = {
            "endpoint_url": bucket.url,
            "region": "eu",
            "access_key_id": ACCESS_KEY,
            "secret_access_key": SECRET_KEY,
        }
        settings = {"kind": "sentinelhub", "url": service.url, "token_url": service.token_url, "transfer": "reference"}
        client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "source": source}
        config = configure(folder / "ours", {**settings, **client})
        first = make_pass(config)
        asked, read = len(service.asked), len(bucket.asked)
        second = make_pass(config)
        again = {"API requests": len(service.asked) - asked, "bucket requests": len(bucket.asked) - read}
    assert again["bucket requests"] == 0, bucket.asked[read:]
    name = f"{features:,} tiles × {outputs} outputs"
    return [
        _figure(f"{name}, first pass", first, _shape(folder / "ours" / "catalog")),
        _figure(f"{name}, second pass", second, again),
    ]


def _figure(who: str, passed: Passed, more: dict[str, Any]) -> Figure:
    return Figure(who, passed.seconds, passed.cpu, passed.run.peak_mib, more)


def _shape(catalog: Path) -> dict[str, int]:
    """Return how many documents were published, and the most links in one of them."""
    documents = most = 0
    for path in catalog.rglob("*.json"):
        found = json.loads(path.read_bytes()) if ".stacsync" not in path.parts else {}
        if isinstance(found, dict) and "links" in found:
            documents += 1
            most = max(most, len(found["links"]))
    return {"documents": documents, "most links": most}
