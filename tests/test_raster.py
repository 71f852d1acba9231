"""A raster's header tells where it lies and what it holds, from a few ranges; a broken one tells nothing and harms nobody."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.crs import CRS
from rasterio.transform import from_origin
from stacsync.errors import StorageError
from stacsync.jobs import AssetRecord, ItemRecord, Mirrored, Remote
from stacsync.raster import Gallery, Hung, Inspector, RangeFile, extra, facts_of


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


def forget(_: Mapping[str, Mapping[str, Any]]) -> None:
    """Remember nothing."""


def asset(key: str, name: str, *, roles: tuple[str, ...] = ("data",), **extra: Any) -> AssetRecord:
    return AssetRecord(key=key, source=Remote(name), filename=name, identity=f"id-{name}", roles=roles, extra=extra)


def item(*assets: AssetRecord) -> ItemRecord:
    return ItemRecord(id="i", collection="c", job_id="j", assets=assets)


def stored(folder: Path, name: str, kind: str = "image/tiff") -> Mirrored:
    data = (folder / name).read_bytes()
    return Mirrored(key=name, size=len(data), sha256=sha256(data).hexdigest(), identity=f"id-{name}", media_type=kind)


@dataclass
class Walls:
    """A wall that counts what is hung."""

    hung: dict[str, Hung] = field(default_factory=dict)
    data: dict[str, bytes] = field(default_factory=dict)
    times: int = 0
    broken: bool = False

    def find(self, key: str) -> Hung | None:
        return self.hung.get(key)

    def hang(self, owner: tuple[str, str], hung: Hung, data: bytes) -> None:
        assert owner == ("p", "j")
        if self.broken:
            raise StorageError("the store is away")
        self.hung[hung.key], self.data[hung.key] = hung, data
        self.times += 1


def look(
    folder: Path, record: ItemRecord, found: dict[str, Mirrored], walls: Walls | None = None, **options: Any
) -> tuple[dict[str, Mirrored], dict[str, Mapping[str, Any]]]:
    """Look into one Item; return its files and what is remembered."""
    kept: dict[str, Mapping[str, Any]] = {}
    gallery = None if walls is None else Gallery(walls, **options)
    inspector = Inspector(store=Folder(folder), remember=kept.update, gallery=gallery)
    (files,) = inspector.of_job("p", "j")([(record, found)])
    return files, kept


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
    one = replace(stored(tmp_path, "bad.tif"), size=len(content) or 1)
    files, kept = look(tmp_path, item(asset("a", "bad.tif")), {"a": one}, Walls())
    assert files == {"a": one}
    assert list(kept) == ["bad.tif"]


def test_other_files_are_not_read(tmp_path: Path) -> None:
    """Only TIFFs are looked into."""
    one = Mirrored(key="a.nc", size=10, sha256="00", identity="i", media_type="application/x-netcdf")
    files, kept = look(tmp_path, item(asset("a", "a.nc")), {"a": one}, Walls())
    assert (files, kept) == ({"a": one}, {})


def fields(side: int, low: float = 0.1, high: float = 0.9) -> np.ndarray[Any, Any]:
    """Return soft hills between two values."""
    y, x = np.mgrid[0:side, 0:side]
    waves = 0.5 + 0.5 * np.sin(x / 60) * np.cos(y / 80)
    return np.asarray(low + (high - low) * waves, dtype="float32")


def write_cog(path: Path, bands: list[np.ndarray[Any, Any]], *, driver: str = "COG", **profile: Any) -> None:
    height, width = bands[0].shape
    base = {"crs": "EPSG:32631", "transform": from_origin(500_000, 5_600_000, 10, 10), "compress": "deflate"}
    wanted: dict[str, Any] = {**base, "dtype": bands[0].dtype, "count": len(bands), **profile}
    with rasterio.open(path, "w", driver=driver, width=width, height=height, **wanted) as target:
        for number, band in enumerate(bands, 1):
            target.write(band, number)


def picture(walls: Walls, key: str) -> np.ndarray[Any, Any]:
    with Image.open(io.BytesIO(walls.data[key])) as image:
        return np.asarray(image.convert("RGBA"))


def test_an_index_without_statistics_gets_them_and_its_colours(tmp_path: Path) -> None:
    """A float NDVI is told by statistics, an explicit colour map and a picture that is green where plants grow."""
    values = fields(1500)
    values[:300, :300] = np.nan
    write_cog(tmp_path / "openEO_NDVI.tif", [values], nodata=float("nan"))
    walls = Walls()
    files, _ = look(
        tmp_path, item(asset("ndvi", "openEO_NDVI.tif")), {"ndvi": stored(tmp_path, "openEO_NDVI.tif")}, walls
    )
    told = files["ndvi"].facts
    (band,) = told["bands"]
    assert band["statistics"]["minimum"] == pytest.approx(0.1, abs=0.03)
    assert band["statistics"]["maximum"] == pytest.approx(0.9, abs=0.03)
    assert band["statistics"]["valid_percent"] == pytest.approx(96, abs=1)
    assert told["render"]["title"] == "NDVI"
    assert told["render"]["nodata"] == "nan"
    steps = told["render"]["colormap"]
    assert all(first[0][1] == second[0][0] for first, second in pairwise(steps))
    seen = picture(walls, told["picture"]["key"])
    assert list(seen.shape[:2]) == told["picture"]["proj:shape"]
    assert max(seen.shape) <= 512
    assert seen[5, 5, 3] == 0
    assert seen[-1, -1, 3] == 255
    green = seen[seen[..., 3] > 0][:, :3].astype(int)
    assert (green[:, 1] > green[:, 2]).mean() > 0.8


def test_only_a_small_part_of_a_large_raster_is_read(tmp_path: Path) -> None:
    """Header and smallest overview are enough, with and without overviews in the file."""
    for name, driver in (("cog.tif", "COG"), ("plain.tif", "GTiff")):
        noise = np.random.default_rng(1).random((2600, 2600), dtype="float32")
        write_cog(tmp_path / name, [noise], driver=driver, **({} if driver == "COG" else {"tiled": True}))
        store = Folder(tmp_path)
        inspector = Inspector(store=store, remember=forget, gallery=Gallery(Walls()))
        (files,) = inspector.of_job("p", "j")([(item(asset("a", name)), {"a": stored(tmp_path, name)})])
        assert files["a"].facts["bands"][0]["statistics"]["mean"] == pytest.approx(0.5, abs=0.02)
        assert store.bytes_read < 0.25 * (tmp_path / name).stat().st_size


def test_reflectances_are_stretched_to_a_picture_in_true_colours(tmp_path: Path) -> None:
    """Bands named by colours make the picture in that order, whatever their order in the file."""
    blue, red, green = (np.full((300, 400), value, dtype="uint16") for value in (400, 3000, 1500))
    for band in (blue, red, green):
        band[:, 200:] //= 4
    write_cog(tmp_path / "s2.tif", [blue, red, green], driver="GTiff", photometric="minisblack")
    bands = [{"name": "B02"}, {"name": "B04"}, {"name": "B03"}]
    walls = Walls()
    files, _ = look(tmp_path, item(asset("a", "s2.tif", bands=bands)), {"a": stored(tmp_path, "s2.tif")}, walls)
    told = files["a"].facts
    assert [entry["statistics"]["maximum"] for entry in told["bands"]] == [400, 3000, 1500]
    assert told["render"]["rescale"] == [[750, 3000], [375, 1500], [100, 400]]
    assert "colormap" not in told["render"]
    seen = picture(walls, told["picture"]["key"])
    assert seen[50, 20, :3].min() > 240
    assert seen[50, -20, :3].max() < 15


def test_a_picture_is_shown_as_it_is(tmp_path: Path) -> None:
    """Eight-bit red, green and blue need no stretch: no statistics that would make browsers change their colours."""
    bands = [np.full((64, 64), value, dtype="uint8") for value in (200, 100, 50)]
    write_cog(tmp_path / "rgb.tif", bands)
    walls = Walls()
    files, _ = look(tmp_path, item(asset("a", "rgb.tif")), {"a": stored(tmp_path, "rgb.tif")}, walls)
    told = files["a"].facts
    assert not any(told["bands"])
    assert told["render"] == {"rescale": [[0, 255]] * 3, "nodata": 0}
    assert picture(walls, told["picture"]["key"])[9, 9, :3].tolist() == pytest.approx([200, 100, 50], abs=6)


def test_what_is_told_already_stays(tmp_path: Path) -> None:
    """Statistics in the header are kept; an Item with a thumbnail of its own gets no other."""
    write_tiff(tmp_path / "s.tif")
    with rasterio.open(tmp_path / "s.tif", "r+") as target:
        target.update_tags(1, STATISTICS_MINIMUM=-7, STATISTICS_MAXIMUM=7)
    walls = Walls()
    record = item(asset("a", "s.tif"), asset("p", "p.png", roles=("thumbnail",)))
    files, _ = look(tmp_path, record, {"a": stored(tmp_path, "s.tif")}, walls)
    assert files["a"].facts["bands"] == [{"statistics": {"minimum": -7, "maximum": 7}}]
    assert walls.times == 0


def test_a_raster_is_read_once_and_its_picture_hung_once(tmp_path: Path) -> None:
    """Remembered facts answer the next look; after a lost ledger the same picture is found, not made anew."""
    write_cog(tmp_path / "a.tif", [fields(600)])
    walls, record = Walls(), item(asset("a", "a.tif"))
    first, kept = look(tmp_path, record, {"a": stored(tmp_path, "a.tif")}, walls)
    remembered = replace(stored(tmp_path, "a.tif"), facts=kept["a.tif"])
    store = Folder(tmp_path)
    inspector = Inspector(store=store, remember=kept.update, gallery=Gallery(walls))
    (second,) = inspector.of_job("p", "j")([(record, {"a": remembered})])
    lost, _ = look(tmp_path, record, {"a": stored(tmp_path, "a.tif")}, walls)
    assert first == second == lost
    assert (store.bytes_read, walls.times) == (0, 1)


def test_a_large_job_gets_pictures_for_its_first_items_only(tmp_path: Path) -> None:
    """Beyond the limit there are statistics and colours, but no picture."""
    write_cog(tmp_path / "a.tif", [fields(200)])
    walls, one = Walls(), stored(tmp_path, "a.tif")
    inspector = Inspector(store=Folder(tmp_path), remember=forget, gallery=Gallery(walls, most=1))
    looking = inspector.of_job("p", "j")
    ((first,), (second,)) = (looking([(item(asset("a", "a.tif")), {"a": one})]) for _ in range(2))
    assert "picture" in first["a"].facts
    assert "picture" not in second["a"].facts
    assert "render" in second["a"].facts


def test_a_store_that_fails_costs_the_picture_until_next_time(tmp_path: Path) -> None:
    """Nothing is raised, and nothing remembered, so that the next pass tries again."""
    write_cog(tmp_path / "a.tif", [fields(200)])
    files, kept = look(tmp_path, item(asset("a", "a.tif")), {"a": stored(tmp_path, "a.tif")}, Walls(broken=True))
    assert "picture" not in files["a"].facts
    assert files["a"].facts["bands"][0]["statistics"]["maximum"] > 0.8
    assert kept == {}


def test_without_the_extra_headers_alone_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Grid and types are told all the same; once the extra is there, pixels are looked at."""
    write_cog(tmp_path / "a.tif", [fields(200)])
    monkeypatch.setattr(extra, "installed", lambda: False)
    record, one = item(asset("a", "a.tif")), stored(tmp_path, "a.tif")
    files, kept = look(tmp_path, record, {"a": one}, Walls())
    assert files["a"].facts["proj:code"] == "EPSG:32631"
    assert not {"bands", "render", "picture"} & files["a"].facts.keys()
    monkeypatch.setattr(extra, "installed", lambda: True)
    later, _ = look(tmp_path, record, {"a": replace(one, facts=kept["a.tif"])}, Walls())
    assert {"bands", "render", "picture"} <= later["a"].facts.keys()


def test_a_block_larger_than_memory_allows_is_not_decoded(tmp_path: Path) -> None:
    """A file of a few kilobytes that unpacks to gigabytes costs its pixels, not the process."""
    side = 24_000
    path = tmp_path / "bomb.tif"
    options: dict[str, Any] = {
        "blockxsize": side,
        "blockysize": side,
        "tiled": True,
        "compress": "zstd",
        "sparse_ok": True,
        "transform": from_origin(500_000, 5_600_000, 10, 10),
    }
    with rasterio.open(
        path, "w", driver="GTiff", width=side, height=side, count=1, dtype="float64", **options
    ) as target:
        target.update_tags(kind="bomb")
    files, _ = look(tmp_path, item(asset("a", "bomb.tif")), {"a": stored(tmp_path, "bomb.tif")}, Walls())
    assert files["a"].facts["proj:shape"] == [side, side]
    assert "bands" not in files["a"].facts
