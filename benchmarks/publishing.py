"""Publishing: so many Items from scratch, then one job more; against pystac's `normalize_hrefs` and `save`.

    python -m benchmarks.publishing ours CONFIG ITEMS
    python -m benchmarks.publishing pystac FOLDER TARGET [linked]

This project makes whole passes over a provider whose jobs hold a hundred Items each: records are converted, validated,
kept in the ledger and written to a folder. pystac gets the very same Items, made into objects before its clock starts.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.measured import run
from benchmarks.product import configure
from benchmarks.report import Figure

SHARE = 100
"""Items of one job."""
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
SPAN = timedelta(days=720)


def measure(folder: Path, quick: bool, *, sizes: Iterable[int] | None = None) -> list[Figure]:
    figures = []
    for items in sizes or ((1000,) if quick else (1000, 10_000)):
        account = {"method": "basic", "username": "nobody", "password": "asked-by-nobody"}
        config = configure(folder / str(items), {"kind": "openeo", "url": "http://127.0.0.1:9", "auth": account})
        done = run([sys.executable, "-m", "benchmarks.publishing", "ours", config, str(items)], timeout=3000)
        told = json.loads(done.out)
        ours = Figure(f"stacsync, {items:,} items", told["first_s"], told["cpu_s"], done.peak_mib, _added(told))
        figures.append(ours)
        if items == 1000:
            figures += [_pystac(folder, items, ours, linked=linked) for linked in (False, True)]
    return figures


def _added(told: dict[str, Any]) -> dict[str, Any]:
    return {"items/s": told["items"] / told["first_s"], "one job more: s": told["added_s"]} | {
        "documents": told["documents"],
        "kB": told["bytes"] / 1000,
    }


def _pystac(folder: Path, items: int, ours: Figure, *, linked: bool) -> Figure:
    place = folder / str(items) / "catalog"
    more = ["linked"] if linked else []
    done = run([sys.executable, "-m", "benchmarks.publishing", "pystac", place, folder / f"pystac{linked}", *more])
    told = json.loads(done.out)
    who = f"pystac, {items:,} items {'with one' if linked else 'without'} outside link"
    return Figure(
        who,
        told["first_s"],
        told["cpu_s"],
        done.peak_mib,
        {**_added(told), "× stacsync": told["first_s"] / ours.seconds},
    )


@dataclass
class Scripted:
    """A provider with jobs of reference Items."""

    items: int
    extra: int = 0
    _seen: list[str] = field(default_factory=list)

    def check(self) -> Iterable[Any]:
        return []

    def finished_jobs(self) -> Iterator[Any]:
        from stacsync.jobs import JobRecord

        for number in range(self.items // SHARE + self.extra):
            yield JobRecord(id=f"j{number:06d}", fingerprint="1", title=None, created=FIRST, finished=FIRST)

    def describe(self, job: Any) -> Any:
        from stacsync.jobs import CollectionRecord, JobResult

        number = int(job.id[1:])
        first, count = number * SHARE, SHARE if number < self.items // SHARE else 1
        records = [self._item(place, job.id) for place in range(first, first + count)]
        return JobResult(
            collections=(CollectionRecord(id="scenes", job_id=None, title="Scenes"),), items=lambda _: records
        )

    def _item(self, number: int, job: str) -> Any:
        from stacsync.jobs import AssetRecord, Inline, ItemRecord, LinkRecord, identity

        west, south = (number * 7919) % 3580 / 10 - 179, (number * 104729) % 1700 / 10 - 85
        ring = [[west, south], [west + 1, south], [west + 1, south + 1], [west, south + 1], [west, south]]
        address = f"https://data.example/{job}/scene-{number}.tif"
        asset = AssetRecord(
            key="data",
            source=Inline(b""),  # never read: the asset stays where it is
            filename=f"scene-{number}.tif",
            identity=identity(job, str(number)),
            media_type="image/tiff; application=geotiff; profile=cloud-optimized",
            roles=("data",),
            mirrored=False,
            href=address,
        )
        return ItemRecord(
            id=f"scene-{number:07d}",
            collection="scenes",
            job_id=job,
            datetime=FIRST + SPAN * (number / self.items),
            geometry={"type": "Polygon", "coordinates": [ring]},
            bbox=(west, south, west + 1, south + 1),
            properties={"eo:cloud_cover": number % 100, "platform": "sentinel-2a", "constellation": "sentinel-2"},
            assets=(asset,),
            links=(LinkRecord(rel="derived_from", href=f"https://data.example/source/{number}.json", title="Source"),),
        )

    def sign(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        return


def ours(config: Path, items: int) -> None:
    from stacsync import logs
    from stacsync.app import open_app

    logs.configure("warning", "json", sys.stderr)
    app = open_app(config)
    provider = Scripted(items)
    app.parts._providers["p"] = provider
    app.parts.hold_lease()
    place = config.parent / "catalog"
    begun, before = time.monotonic(), time.process_time()
    told = app.sync([], [])
    first, cpu = time.monotonic() - begun, time.process_time() - before
    assert told["providers"]["p"]["published"] == items // SHARE, told
    provider.extra, mark, begun = 1, time.time_ns(), time.monotonic()
    told = app.sync([], [])
    added = time.monotonic() - begun
    assert told["providers"]["p"]["published"] == 1, told
    written = _written(place, mark)
    app.close()
    print(
        json.dumps(
            {
                "items": items,
                "first_s": first,
                "cpu_s": cpu,
                "added_s": added,
                "documents": len(written),
                "bytes": sum(written),
            }
        )
    )


def _written(place: Path, mark: int) -> list[int]:
    found = (path.stat() for path in place.rglob("*") if path.is_file() and ".stacsync" not in path.parts)
    return [one.st_size for one in found if one.st_mtime_ns >= mark]


def with_pystac(source: Path, target: Path, *, linked: bool) -> None:
    import pystac

    documents = [json.loads(path.read_bytes()) for path in sorted((source / "p" / "scenes").rglob("scene-*.json"))]
    whole = pystac.SpatialExtent([[-180.0, -90.0, 180.0, 90.0]]), pystac.TemporalExtent([[FIRST, None]])
    catalog = pystac.Catalog("bench", "Benchmark")
    collection = pystac.Collection("scenes", "Scenes", pystac.Extent(*whole))
    catalog.add_child(collection)
    items = []
    for document in documents:
        outside = [link for link in document["links"] if linked and link["rel"] == "derived_from"]
        items.append(pystac.Item.from_dict({**document, "links": outside, "collection": None}))
    begun, before = time.monotonic(), time.process_time()
    collection.add_items(items[:-1])
    catalog.normalize_hrefs(str(target))
    catalog.save(pystac.CatalogType.SELF_CONTAINED)
    first, cpu = time.monotonic() - begun, time.process_time() - before
    mark, begun = time.time_ns(), time.monotonic()
    collection.add_item(items[-1])
    catalog.normalize_hrefs(str(target))
    catalog.save(pystac.CatalogType.SELF_CONTAINED)
    added, written = time.monotonic() - begun, _written(target, mark)
    told = {
        "items": len(items),
        "first_s": first,
        "cpu_s": cpu,
        "added_s": added,
        "documents": len(written),
        "bytes": sum(written),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    who, one, two, *more = sys.argv[1:]
    if who == "ours":
        ours(Path(one), int(two))
    else:
        with_pystac(Path(one), Path(two), linked=bool(more))
