"""Jobs for the stand-in of an openEO back-end: a season over the fields of Belgium."""

from __future__ import annotations

from stacsync.demo import pictures
from stacsync.demo.openeo import StandInFile, StandInJob
from stacsync.demo.pictures import Place

HESBAYE, POLDERS, CONDROZ = (5.19, 50.72), (2.87, 51.03), (5.21, 50.35)
_TIFF = "image/tiff; application=geotiff"


def jobs() -> tuple[StandInJob, ...]:
    """Return the jobs, newest first: two series of scenes, one mosaic, and one that is still at work."""
    return (
        StandInJob(id="j-queued", title="Grassland mowing, 2025", status="queued", created="2025-07-14T06:00:00Z"),
        _series(
            "j-hesbaye-ndvi",
            "NDVI over the Hesbaye",
            "Vegetation index of sugar beet, wheat and orchards around Sint-Truiden, as the season goes on.",
            HESBAYE,
            days=("2025-04-18", "2025-05-13", "2025-06-19"),
            seed=3,
            created="2025-06-21T05:30:00Z",
        ),
        _series(
            "j-polder-colour",
            "The Yser polders in true colour",
            "Scenes of the polders behind Diksmuide without clouds.",
            POLDERS,
            days=("2025-05-01", "2025-06-10"),
            seed=8,
            created="2025-06-12T05:30:00Z",
            colour=True,
        ),
        _mosaic(),
        StandInJob(id="j-error", title="Ran out of memory", status="error", created="2025-05-02T04:00:00Z"),
    )


def _series(
    number: str,
    title: str,
    description: str,
    where: tuple[float, float],
    *,
    days: tuple[str, ...],
    seed: int,
    created: str,
    colour: bool = False,
) -> StandInJob:
    place = Place.around(*where)
    files = [file for step, day in enumerate(days) for file in _scene(place, day, seed, (step + 1) / 4, colour=colour)]
    return _job(
        number, title, description, place, created, tuple(files), (f"{days[0]}T00:00:00Z", f"{days[-1]}T23:59:59Z")
    )


def _scene(place: Place, day: str, seed: int, season: float, *, colour: bool) -> list[StandInFile]:
    picture = pictures.colours(seed, season)
    name = "TCI" if colour else "NDVI"
    bands = (
        [{"name": part, "eo:common_name": part} for part in ("red", "green", "blue")] if colour else [{"name": name}]
    )
    pixels = picture if colour else pictures.index(seed, season)
    return [
        StandInFile(
            name=f"openEO_{day}Z_{name}.tif", data=pictures.geotiff(pixels, place), media_type=_TIFF, day=day,
            fields={"bands": bands, "title": name},
        ),
        StandInFile(
            name=f"openEO_{day}Z_thumbnail.png", data=pictures.png(picture), media_type="image/png", day=day,
            fields={"roles": ["thumbnail"], "title": "Thumbnail"},
        ),
    ]  # fmt: skip


def _mosaic() -> StandInJob:
    place = Place.around(*CONDROZ)
    table = "\n".join(["month,median", *(f"2025-{month:02d},{0.25 + month / 12:.3f}" for month in range(3, 7)), ""])
    files = (
        StandInFile(name="crops.tif", data=pictures.geotiff(pictures.parcels(5), place, nodata=0), media_type=_TIFF),
        StandInFile(
            name="preview.png", data=pictures.png(pictures.colours(5, 0.7)), media_type="image/png",
            fields={"roles": ["thumbnail"], "title": "Preview"},
        ),
        StandInFile(name="timeseries.csv", data=table.encode(), media_type="text/csv"),
    )  # fmt: skip
    return _job(
        "j-condroz-crops",
        "Crop types of the Condroz",
        "One map of the main crops, made of a season of scenes.",
        place,
        "2025-06-30T05:30:00Z",
        files,
        ("2025-03-01T00:00:00Z", "2025-06-30T00:00:00Z"),
        shape_is_item=True,
    )


def _job(
    number: str,
    title: str,
    description: str,
    place: Place,
    created: str,
    files: tuple[StandInFile, ...],
    interval: tuple[str, str],
    *,
    shape_is_item: bool = False,
) -> StandInJob:
    west, south, east, north = place.bbox()
    words = {"description": description, "license": "CC-BY-4.0", "keywords": ["Belgium", "agriculture", "Sentinel-2"]}
    return StandInJob(
        id=number,
        title=title,
        created=created,
        updated=created.replace("05:30", "06:10"),
        shape="item" if shape_is_item else "items11",
        files=files,
        bbox=(west, south, east, north),
        interval=interval,
        fields={"properties": {**_interval(interval), "description": description}} if shape_is_item else words,
    )


def _interval(interval: tuple[str, str]) -> dict[str, str | None]:
    return {"datetime": None, "start_datetime": interval[0], "end_datetime": interval[1]}
