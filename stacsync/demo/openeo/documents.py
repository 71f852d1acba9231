"""What the stand-in answers: listings, results and Items, in the words of openEO back-ends. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from stacsync.demo.openeo.jobs import GRAPH, StandInFile, StandInJob

Sign = Callable[[str, str, str], str]
"""(job id, kind of address, name) -> an address that works for a while."""
JSON = dict[str, Any]


def listed(job: StandInJob) -> JSON:
    """Return a job as `GET /jobs` lists it."""
    stated = {"id": job.id, "title": job.title, "status": job.status, "created": job.created, "updated": job.updated}
    return {**{name: value for name, value in stated.items() if value is not None}, "progress": 100}


def page(jobs: Sequence[StandInJob], start: int, size: int, address: str) -> JSON:
    """Return one page of the listing; `next` holds an opaque place to go on from."""
    more = start + size < len(jobs)
    links = [{"rel": "next", "href": f"{address}?limit={size}&after={start + size}"}] if more else []
    return {"jobs": [listed(job) for job in jobs[start : start + size]], "links": links}


def results(job: StandInJob, address: str, sign: Sign) -> JSON:
    """Return the results document of a job in its shape."""
    if job.shape == "item":
        return {**_item(job, job.id, job.files, sign), "links": _links(job, address, sign), **job.fields}
    named = () if job.shape == "items11" else job.files
    return {
        "type": "Collection",
        "stac_version": "1.0.0",
        "id": job.id,
        "title": job.title or job.id,
        "description": f"Results for batch job {job.id}",
        "license": "proprietary",
        "extent": {
            "spatial": {"bbox": [list(job.bbox or (-180, -90, 180, 90))]},
            "temporal": {"interval": [list(job.interval)]},
        },
        "summaries": {"instruments": ["msi"]},
        "providers": [
            {
                "name": "Stand-in",
                "roles": ["processor"],
                "processing:expression": {"format": "openeo", "expression": GRAPH},
            }
        ],
        "openeo:status": "finished",
        "assets": {file.name: _asset(job, file, sign) for file in named},
        "links": _links(job, address, sign),
        **job.fields,
    }


def item(job: StandInJob, name: str, sign: Sign) -> JSON | None:
    """Return the Item document of this name, None when there is none."""
    files = [file for file in job.files if _item_name(job, file) == name]
    return _item(job, name, files, sign) if files else None


def _item(job: StandInJob, name: str, files: Sequence[StandInFile], sign: Sign) -> JSON:
    west, south, east, north = job.bbox or (-180.0, -90.0, 180.0, 90.0)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    day = files[0].day if files else None
    times: JSON = {"datetime": f"{day}T00:00:00Z"}
    if job.shape == "item" or day is None:
        times = {"datetime": None, "start_datetime": job.interval[0], "end_datetime": job.interval[1]}
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [west, south, east, north],
        "properties": times,
        "assets": {_key(job, file): _asset(job, file, sign) for file in files},
        "links": [],
    }


def _asset(job: StandInJob, file: StandInFile, sign: Sign) -> JSON:
    href = sign(job.id, "assets", file.name)
    stated = {"href": href, "type": file.media_type, "title": file.name, "roles": ["data"], "file:size": len(file.data)}
    return {**stated, **file.fields}


def _key(job: StandInJob, file: StandInFile) -> str:
    if job.shape == "items11":
        return file.name.rpartition("_")[2].removesuffix(".tif")
    return file.name


def _links(job: StandInJob, address: str, sign: Sign) -> list[JSON]:
    found = [
        {"rel": "self", "href": address, "type": "application/json"},
        {"rel": "canonical", "href": sign(job.id, "", ""), "type": "application/json"},
        {"rel": "derived_from", "href": "/eodata/Sentinel-2/MSI/L2A/2025/06/03/S2B_MSIL2A_20250603T104629.SAFE"},
    ]
    if job.shape in {"items", "items11"}:
        kind = "items" if job.shape == "items" else "items11"
        names = dict.fromkeys(_item_name(job, file) for file in job.files)
        found += [{"rel": "item", "href": sign(job.id, kind, name), "type": "application/geo+json"} for name in names]
    return found


def _item_name(job: StandInJob, file: StandInFile) -> str:
    return f"{file.day}T00:00:00Z" if job.shape == "items11" else file.name
