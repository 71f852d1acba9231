"""One Collection of many Items: what its search index costs, and how fast it answers.

    python benchmarks/search_100k.py [items]

Fills a ledger, publishes the Collection into a folder, adds a job of one Item and publishes again, then searches. Each
step runs in a process of its own, so that its memory is its own. Prints one JSON object: seconds and megabytes by step.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import update
from stacsync import layout
from stacsync.catalog import CatalogFacts, ProviderFacts, Publisher
from stacsync.jobs import CollectionRecord
from stacsync.ledger import Ledger, StagedItem
from stacsync.ledger.schema import items
from stacsync.search import ParquetIndex, Query
from stacsync.settings.sections import Storage as StorageSettings
from stacsync.stac import records
from stacsync.storage import open_storage

FIRST = datetime(2020, 1, 1, tzinfo=UTC)
PUBLIC = "https://data.example.org"


def documents(count: int, job: str) -> Iterator[StagedItem]:
    dice = random.Random(job)
    for number in range(count):
        name = f"{job}-{number:07d}"
        west, south = dice.uniform(-179, 178), dice.uniform(-80, 79)
        when = FIRST + timedelta(minutes=dice.randrange(5 * 365 * 24 * 60))
        yield StagedItem.of(document(name, when, west, south, dice, job), "bench", "scenes", job, key_of(name))


def key_of(name: str) -> str:
    return layout.item_key("bench", "scenes", name)


def document(name: str, when: datetime, west: float, south: float, dice: random.Random, job: str) -> dict[str, Any]:
    ring = [[west, south], [west + 1, south], [west + 1, south + 1], [west, south + 1], [west, south]]
    told = when.isoformat().replace("+00:00", "Z")
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [
            "https://stac-extensions.github.io/eo/v2.0.0/schema.json",
            "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
            "https://stac-extensions.github.io/file/v2.1.0/schema.json",
        ],
        "id": name,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [west, south, west + 1, south + 1],
        "properties": {
            "datetime": told,
            "title": f"{told[:10]} {name}",
            "created": told,
            "updated": told,
            "platform": dice.choice(["sentinel-2a", "sentinel-2b"]),
            "instruments": ["msi"],
            "gsd": 10,
            "eo:cloud_cover": round(dice.uniform(0, 100), 2),
            "proj:code": f"EPSG:{32600 + dice.randrange(1, 61)}",
            "stacsync:provider": "bench",
            "stacsync:kind": "openeo",
            "stacsync:job_id": job,
        },
        "assets": {
            band: {
                "href": f"{band}.tif",
                "type": "image/tiff; application=geotiff; profile=cloud-optimized",
                "title": f"Band {band}",
                "roles": ["data"],
                "file:size": dice.randrange(1_000_000, 9_000_000),
                "file:checksum": "1220" + dice.randbytes(32).hex(),
                "stacsync:source": dice.randbytes(16).hex(),
                "proj:shape": [10980, 10980],
                "bands": [{"name": band, "data_type": "uint16", "nodata": 0}],
            }
            for band in ("red", "nir", "scl")
        },
        "links": [
            {"rel": "via", "href": f"https://openeo.example.org/jobs/{job}", "type": "application/json"},
            {"rel": "derived_from", "href": f"https://stac.example.org/collections/s2/items/{name}"},
        ],
        "collection": "scenes",
    }


def stage(ledger: Ledger, count: int, job: str) -> None:
    rows: list[StagedItem] = []
    for one in documents(count, job):
        rows.append(one)
        if len(rows) == 1_000:
            ledger.items.stage("bench", job, rows)
            rows = []
    ledger.items.stage("bench", job, rows)
    record = CollectionRecord(id="scenes", job_id=None, title="Scenes")
    with ledger.write() as conn:
        ledger.items.commit(conn, "bench", job, {"scenes": (records.to_json(record), "2026-01-01T00:00:00Z")})


def fill(folder: Path, count: int, job: str) -> dict[str, float]:
    ledger = Ledger.open(f"sqlite:///{folder}/ledger.db", lambda: datetime.now(UTC))
    stage(ledger, count, job)
    if job == "first":  # the index is measured, not the writing of documents
        with ledger.write() as conn:
            conn.execute(update(items).values(written=True))
    ledger.close()
    return {}


def publish(folder: Path) -> dict[str, float]:
    ledger = Ledger.open(f"sqlite:///{folder}/ledger.db", lambda: datetime.now(UTC))
    store = open_storage(StorageSettings(url=f"file://{folder}/catalog"))
    index = Timed(ParquetIndex(store, ledger, public_url=PUBLIC, guard=lambda: None))
    facts = CatalogFacts(id="bench", title="Bench", public_url=PUBLIC)
    before, begun = resident(), time.monotonic()
    counts = Publisher(store, ledger, facts, index=index).publish(
        {"bench": ProviderFacts(kind="openeo", title="Bench")}
    )
    took = time.monotonic() - begun
    size = store.head("bench/scenes/items.parquet")
    assert size is not None
    ledger.close()
    return {
        "index_s": index.seconds,
        "all_s": took,
        "documents": counts.written,
        "parquet_mb": size.size / 1e6,
        "rss_before_mb": before,
        "rss_peak_mb": resident(),
    }


class Timed:
    """An index that knows how long it took."""

    def __init__(self, index: ParquetIndex) -> None:
        self.index = index
        self.seconds = 0.0

    def owed(self) -> frozenset[tuple[str, str]]:
        return self.index.owed()

    def update(self, *told: Any) -> Any:
        begun = time.monotonic()
        try:
            return self.index.update(*told)
        finally:
            self.seconds += time.monotonic() - begun


def search(folder: Path) -> dict[str, float]:
    from stacsync.search.engine import find

    store = open_storage(StorageSettings(url=f"file://{folder}/catalog"))
    dice, times, hits = random.Random(7), [], 0
    for _ in range(11):
        west, south = dice.uniform(-180, 170), dice.uniform(-80, 70)
        year = dice.randrange(2020, 2025)
        query = Query(
            bbox=(west, south, west + 10, south + 10),
            datetime=f"{year}-01-01T00:00:00Z/{year}-07-01T00:00:00Z",
            limit=1_000,
        )
        begun = time.monotonic()
        hits += len(find(store, query).matches)
        times.append(time.monotonic() - begun)
    filtered = Query(filter="\"eo:cloud_cover\" < 5 AND platform = 'sentinel-2a'", limit=10)
    begun = time.monotonic()
    find(store, filtered)
    took = time.monotonic() - begun
    return {
        "hits": hits,
        "bbox_and_time_median_ms": 1000 * statistics.median(times),
        "first_ms": 1000 * times[0],
        "filter_ms": 1000 * took,
    }


def resident() -> float:
    """Return the most memory that this process ever held, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


STEPS = {"fill": fill, "publish": publish, "search": search}


def step(folder: str, name: str, *words: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--step", folder, name, *words]
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    told: dict[str, float] = json.loads(found)
    return told


def whole(count: int) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        step(folder, "fill", str(count), "first")
        first = step(folder, "publish")
        step(folder, "fill", "1", "second")
        return {"items": count, "anew": first, "one_more": step(folder, "publish"), "search": step(folder, "search")}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        words: list[Any] = [int(word) if word.isdigit() else word for word in sys.argv[4:]]
        print(json.dumps(STEPS[sys.argv[3]](Path(sys.argv[2]), *words)))  # type: ignore[operator] # each takes its own words
    else:
        told = whole(int((sys.argv[1:] or ["100000"])[0]))
        print(json.dumps(told, default=str, indent=2))
