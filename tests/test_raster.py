"""A raster's header tells where it lies and what it holds, from a few ranges; a broken one tells nothing and harms nobody."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from rasterio.transform import from_origin
from stacsync.jobs import Mirrored
from stacsync.raster import Inspector, RangeFile, facts_of


class Folder:
    """A store of plain files that counts what is read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bytes_read = 0

    def get_range(self, key: str, start: int, length: int) -> bytes:
        data = (self.root / key).read_bytes()[start : start + length]
        self.bytes_read += len(data)
        return data


def write_tiff(path: Path, *, epsg: int = 32631, bands: int = 1, size: int = 64, **profile: Any) -> None:
    data = np.arange(bands * size * size, dtype="float32").reshape(bands, size, size)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=size,
        height=size,
        count=bands,
        dtype="float32",
        crs=CRS.from_epsg(epsg),
        transform=from_origin(500_000, 5_600_000, 10, 10) if epsg != 4326 else from_origin(3, 51, 0.01, 0.01),
        **profile,
    ) as target:
        target.write(data)


def facts(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return facts_of(file)


def test_a_utm_raster_tells_its_grid_and_its_footprint(tmp_path: Path) -> None:
    """Code, shape and transform are those that GDAL wrote; the footprint is in degrees, where the raster lies."""
    write_tiff(tmp_path / "a.tif", nodata=-9999)
    told = facts(tmp_path / "a.tif")
    assert (told["proj:code"], told["proj:shape"]) == ("EPSG:32631", [64, 64])
    assert told["proj:transform"] == [10.0, 0.0, 500_000.0, 0.0, -10.0, 5_600_000.0]
    assert (told["data_type"], told["nodata"]) == ("float32", -9999)
    west, north = told["footprint"]["coordinates"][0][0]
    assert west == pytest.approx(3.0, abs=0.02)
    assert north == pytest.approx(50.55, abs=0.02)


def test_a_point_registered_raster_is_shifted_to_its_corner(tmp_path: Path) -> None:
    """A tie point that means a pixel's centre gives the same transform as GDAL's own reading."""
    write_tiff(tmp_path / "p.tif", epsg=4326, GEOTIFF_KEYS_FLAVOR="STANDARD")
    with rasterio.open(tmp_path / "p.tif", "r+") as target:
        target.update_tags(AREA_OR_POINT="Point")
    told = facts(tmp_path / "p.tif")
    with rasterio.open(tmp_path / "p.tif") as source:
        assert told["proj:transform"] == pytest.approx(list(source.transform)[:6])


def test_embedded_statistics_become_those_of_the_bands(tmp_path: Path) -> None:
    """What GDAL keeps as STATISTICS_* is told per band."""
    write_tiff(tmp_path / "s.tif", bands=2)
    with rasterio.open(tmp_path / "s.tif", "r+") as target:
        target.update_tags(2, STATISTICS_MINIMUM=-0.2, STATISTICS_MAXIMUM=0.9)
    assert facts(tmp_path / "s.tif")["bands"] == [{}, {"statistics": {"minimum": -0.2, "maximum": 0.9}}]


def test_a_large_raster_is_not_read_whole(tmp_path: Path) -> None:
    """A few blocks of a file of many megabytes are enough."""
    write_tiff(tmp_path / "big.tif", size=2048)
    store = Folder(tmp_path)
    size = (tmp_path / "big.tif").stat().st_size
    facts_of(RangeFile(store, "big.tif", size))  # type: ignore[arg-type]
    assert size > 16_000_000
    assert store.bytes_read < 300_000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"II*\0",
        b"II*\0\xff\xff\xff\x7f",
        b"II*\0\x08\0\0\0\xff\xff" + b"\xff" * 4000,
        b"MM\0+\0\x08\0\0" + b"\xff" * 64,
    ],
)
def test_a_header_that_lies_costs_its_facts_and_nothing_else(tmp_path: Path, content: bytes) -> None:
    """The file is passed on as it is, and it is not looked at again."""
    (tmp_path / "bad.tif").write_bytes(content)
    kept: dict[str, Mapping[str, Any]] = {}
    one = Mirrored(key="bad.tif", size=len(content) or 1, sha256="00", identity="i", media_type="image/tiff")
    (back,) = Inspector(Folder(tmp_path), kept.update)([one])
    assert back == one
    assert list(kept) == ["bad.tif"]


def test_other_files_are_not_read(tmp_path: Path) -> None:
    """Only TIFFs are looked into."""
    store = Folder(tmp_path)
    one = Mirrored(key="a.nc", size=10, sha256="00", identity="i", media_type="application/x-netcdf")
    kept: dict[str, Mapping[str, Any]] = {}
    assert Inspector(store, kept.update)([one]) == [one]
    assert store.bytes_read == 0
