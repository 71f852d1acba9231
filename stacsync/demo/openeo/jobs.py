"""The jobs that the stand-in knows: what each delivered, in every shape that back-ends use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from stacsync.demo.openeo import files

Shape = Literal["item", "assets", "items", "items11"]
"""An Item; a Collection that names all files itself; one with an Item for each raster; one whose Items alone name files."""
TIFF = "image/tiff; application=geotiff"
BBOX = (3.0, 50.0, 3.009, 50.006)
GRAPH = {"load": {"process_id": "load_collection", "arguments": {"id": "SENTINEL2_L2A"}, "result": True}}


@dataclass(frozen=True, slots=True, kw_only=True)
class StandInFile:
    """One file of a job."""

    name: str
    data: bytes = field(repr=False)
    media_type: str
    day: str | None = None
    """The date that its Item is of; files without one have no Item."""
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandInJob:
    """One batch job."""

    id: str
    title: str | None = None
    status: str = "finished"
    created: str = "2026-01-05T04:00:00Z"
    updated: str = "2026-01-05T04:20:00Z"
    shape: Shape = "items"
    files: tuple[StandInFile, ...] = ()
    bbox: tuple[float, float, float, float] | None = BBOX
    interval: tuple[str | None, str | None] = ("2025-06-01T00:00:00Z", "2025-06-30T00:00:00Z")
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Further top-level fields of its results; they replace those that the stand-in makes."""


def scene(day: int, seed: int, band: str = "NDVI") -> StandInFile:
    """Return a raster of one day of June 2025."""
    return StandInFile(
        name=f"openEO_2025-06-{day:02d}Z.tif" if band == "NDVI" else f"openEO_2025-06-{day:02d}Z_{band}.tif",
        data=files.geotiff(seed, 500_000.0, 5_538_640.0),
        media_type=TIFF,
        day=f"2025-06-{day:02d}",
        fields={
            "bands": [{"name": band}],
            "raster:bands": [{"name": band, "statistics": {"minimum": 0, "maximum": 255, "valid_percent": 100.0}}],
            "proj:epsg": 32631,
            "proj:shape": [files.SIDE, files.SIDE],
            "proj:bbox": [500_000.0, 5_538_000.0, 500_640.0, 5_538_640.0],
        },
    )


def demo_jobs() -> tuple[StandInJob, ...]:
    """Return a handful of jobs, newest first, as an account might have them."""
    chart = StandInFile(name="preview.png", data=files.png(3), media_type="image/png", fields={"roles": ["thumbnail"]})
    series = StandInFile(name="nested/timeseries.csv", data=files.csv(1), media_type="text/csv")
    cube = StandInFile(name="openEO.nc", data=files.netcdf(), media_type="application/x-netcdf")
    return (
        StandInJob(id="j-running", title="Not finished yet", status="running", created="2026-01-09T00:00:00Z"),
        StandInJob(id="j-ndvi-scenes", title="NDVI of June", files=(scene(3, 1), scene(6, 2), scene(9, 3), series)),
        StandInJob(
            id="j-bands",
            title="Red and near infrared",
            shape="items11",
            created="2026-01-04T04:00:00Z",
            files=tuple(scene(day, day, band) for day in (3, 6) for band in ("B04", "B08")),
        ),
        StandInJob(id="j-cube", title="NDVI cube", shape="assets", created="2026-01-03T04:00:00Z", files=(cube, chart)),
        StandInJob(
            id="j-mosaic", title="June mosaic", shape="item", created="2026-01-02T04:00:00Z", files=(scene(15, 5),)
        ),
        StandInJob(id="j-failed", title="Out of memory", status="error", created="2026-01-01T00:00:00Z"),
    )
