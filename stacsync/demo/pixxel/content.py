"""What the stand-in holds in the demo: fields of the Po valley, packed in every way that a package may be packed."""

from __future__ import annotations

from typing import Any

import orjson

from stacsync.demo import pictures
from stacsync.demo.pictures import Place
from stacsync.demo.pixxel.account import JSON, USER, StandInImage, StandInJob, StandInWorkflow, task
from stacsync.demo.pixxel.packing import gzipped, tarred, zipped
from stacsync.demo.pixxel.server import PixxelStandIn

VERCELLI, CREMONA, FERRARA, MANTUA = (8.42, 45.32), (10.02, 45.13), (11.62, 44.84), (10.79, 45.16)
SCENE = "pixxel-td2/20250514_101500_TD2"


def demo_account(port: int = 0) -> PixxelStandIn:
    """Return the account of the demo on `port` (0: a free one), not started yet."""
    account = PixxelStandIn([_crops(), _carbon()], port=port)
    account.scenes[SCENE] = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": SCENE.rpartition("/")[2],
        "geometry": Place.around(*MANTUA).polygon(),
        "properties": {"datetime": "2025-05-14T10:15:00Z"},
    }
    account.areas["aoi-ferrara"] = {"id": "aoi-ferrara", "geometry": Place.around(*FERRARA).polygon()}
    account.images.append(_image())
    return account


def _crops() -> StandInWorkflow:
    """Three jobs: a ZIP that tells of itself in STAC, a tar.gz with a footprint, a TAR of nothing but vectors."""
    return StandInWorkflow(
        id="w-crop-map",
        name="Crop map",
        description="Crop types from hyperspectral scenes, one run a month over the Po valley.",
        project="Po valley",
        jobs=[
            StandInJob(
                id="crops-vercelli", status="completed", created="2025-05-15T08:00:00Z", finished="2025-05-15T08:20:00Z",
                package=zipped(_with_stac()), package_name="crops-vercelli.zip",
            ),
            StandInJob(
                id="crops-cremona", status="SUCCESS", created="2025-06-12 08:00:00.125928+00:00",
                finished="2025-06-12 08:25:00.000001+00:00", package=gzipped(_with_footprint()),
                package_name="crops-cremona.tgz",
                tasks=[task("t-crops", "crops", results=[_output("classified", "Crop classes")], inputs=[], encoding="base64")],
            ),
            StandInJob(
                id="fields-ferrara", status="Finished", created="2025-07-10T08:00:00Z", finished="0001-01-01T00:00:00Z",
                package=tarred(_with_vectors()), package_name="fields-ferrara.tar", ready="SUCCESS",
                tasks=[task("t-fields", "fields", results=[], inputs=_inputs(), encoding="bytes")],
            ),
        ],
    )  # fmt: skip


def _carbon() -> StandInWorkflow:
    """One job whose package is a single file."""
    raster = pictures.geotiff(pictures.index(41, 0.9), Place.around(*MANTUA), nodata=0)
    scene = {"name": "scene", "type": "url", "format": "raster", "value": "", "stac_url": _address(SCENE)}
    return StandInWorkflow(
        id="w-carbon",
        name="Soil organic carbon",
        project="Research",
        jobs=[
            StandInJob(
                id="carbon-mantua", status="done", created="2025-05-20T09:00:00Z", finished="2025-05-20T09:12:00Z",
                package=raster, package_name="soil_organic_carbon.tif",
                tasks=[task("t-carbon", "carbon", results=[], inputs=[scene], encoding="text")],
            )
        ],
    )  # fmt: skip


def _with_stac() -> dict[str, bytes]:
    place = Place.around(*VERCELLI)
    document = {
        "type": "Feature",
        "stac_version": "0.1.0",
        "id": "vercelli_rice",
        "geometry": place.polygon(),
        "bbox": [str(part) for part in place.bbox()],
        "properties": {
            "datetime": "2025-05-14T10:21:07.5Z",
            "title": "Rice fields of Vercelli",
            "license": "CC-BY-4.0",
            "platform": "TD2",
            "gsd": 30,
        },
        "assets": {
            "crops": {
                "href": "./crops.tif",
                "type": "image/tiff",
                "roles": ["data"],
                "title": "Crop types",
                "eo:bands": [{"name": "B091", "common_name": "red", "center_wavelength": 665}],
            },
            "thumbnail": {"href": "./rgb.png", "type": "image/png", "roles": ["thumbnail"]},
        },
        "links": [{"rel": "self", "href": "https://storage.example/output/item.json?sig=stand-in-signature"}],
        "created_by": USER,
    }
    return {
        "input/scene.tif": pictures.geotiff(pictures.index(11, 0.1), place),
        "output/crops.tif": pictures.geotiff(pictures.parcels(11), place, nodata=0),
        "output/rgb.png": pictures.png(pictures.colours(11, 0.3)),
        "output/item.json": orjson.dumps(document),
    }


def _with_footprint() -> dict[str, bytes]:
    place = Place.around(*CREMONA)
    name = "TD22_cremona_20250611_L2A_20250612_a1b2c3d4"
    return {
        f"{name}_classified.tif": pictures.geotiff(pictures.parcels(23), place, nodata=0),
        f"{name}_rgb.png": pictures.png(pictures.colours(23, 0.6)),
        f"{name}_footprint.geojson": _feature(place.polygon(), {}),
        f"{name}.hdr": b"ENVI\nsamples = 128\nlines = 128\nbands = 1\n",
    }


def _with_vectors() -> dict[str, bytes]:
    ring = Place.around(*FERRARA).ring()
    middle = [[round((one[part] + ring[0][part]) / 2, 6) for part in (0, 1)] for one in ring]
    return {
        "fields.geojson": _feature({"type": "Polygon", "coordinates": [middle]}, {"crop": "maize"}),
        "preview.png": pictures.png(pictures.colours(31, 0.8)),
    }


def _image() -> StandInImage:
    place = Place.around(*CREMONA)
    details: JSON = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": "20250611_102200_TD2",
        "collection": "pixxel-td2",
        "geometry": place.polygon(),
        "bbox": [str(part) for part in place.bbox()],
        "properties": {
            "startdatetime": "2025-06-11T10:22:00Z",
            "enddatetime": "2025-06-11T10:22:04Z",
            "title": "Cremona from TD2",
            "license": "CC-BY-4.0",
            "eo:cloud_cover": 3.5,
            "rd:product_level": "L2A",
        },
        "assets": {"B091": {"href": "B091.tif", "type": "image/tiff", "eo:bands": [{"name": "B091", "center_wavelength": 490}]}},
        "links": [],
    }  # fmt: skip
    files = {
        "B091.tif": pictures.geotiff(pictures.index(23, 0.5), place),
        "thumbnail.png": pictures.png(pictures.colours(23, 0.5)),
    }
    return StandInImage(id="47435e2b-d8c4-41ff-9de9-2be3bfc92276", details=details, package=zipped(files))


def _output(name: str, description: str) -> JSON:
    file = f"TD22_cremona_20250611_L2A_20250612_a1b2c3d4_{name}.tif"
    address = f"https://storage.example/outputs/{file}?sig=stand-in-signature"
    bands = {"bands": ["classes"]}
    return {
        "name": name,
        "type": "url",
        "format": "raster",
        "description": description,
        "value": address,
        "properties": bands,
    }


def _inputs() -> list[JSON]:
    return [
        {"name": "aoi", "type": "string", "format": "vector", "value": "aoi-ferrara"},
        {"name": "start_date", "type": "string", "format": "date", "value": "2025-06-01"},
        {"name": "end_date", "type": "string", "format": "date", "value": "2025-06-30"},
    ]


def _address(scene: str) -> str:
    collection, _, name = scene.partition("/")
    return f"https://stac.pixxel.space/collections/{collection}/items/{name}"


def _feature(geometry: Any, properties: JSON) -> bytes:
    feature = {"type": "Feature", "geometry": geometry, "properties": properties}
    return orjson.dumps({"type": "FeatureCollection", "features": [feature]})
