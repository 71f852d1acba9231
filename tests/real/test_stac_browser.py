"""What people see: the published catalog in STAC Browser, from an S3 server, in a real browser. Pictures go to test-output/browser."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.transform import from_origin
from stacsync.demo.openeo import OpenEOStandIn, StandInFile, StandInJob, demo_jobs
from stacsync.demo.up42 import StandIn
from tests.kit.workspace import BucketStore, Workspace, crawl

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]
HERE = Path(__file__).parent
BROWSER = HERE.parents[1] / ".venvs" / "stac-browser"
MAP = HERE.parents[1] / ".venvs" / "ol-stac" / "dist"
OUTPUT = HERE.parents[1] / "test-output" / "browser"
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
MONTHS, DAYS = 4, 24


def hills(side: int, seed: int) -> np.ndarray[Any, Any]:
    y, x = np.mgrid[0:side, 0:side]
    return np.asarray(0.5 + 0.5 * np.sin((x + 31 * seed) / 47) * np.cos((y + 17 * seed) / 61))


def cog(bands: list[np.ndarray[Any, Any]], west: float = 500_000, north: float = 5_538_640, **more: Any) -> bytes:
    height, width = bands[0].shape
    with rasterio.MemoryFile() as memory:
        options = {"crs": "EPSG:32631", "transform": from_origin(west, north, 10, 10), "compress": "deflate", **more}
        shape = {"width": width, "height": height, "count": len(bands), "dtype": bands[0].dtype}
        with memory.open(driver="COG", **shape, **options) as target:
            for number, band in enumerate(bands, 1):
                target.write(band, number)
        return bytes(memory.read())


def ndvi(seed: int, west: float = 500_000) -> bytes:
    """Return a float NDVI without statistics, with a corner of nothing."""
    values = (-0.1 + 0.95 * hills(700, seed)).astype("float32")
    values[:80, :120] = np.nan
    return cog([values], west, nodata=float("nan"))


def file(name: str, data: bytes, day: str) -> StandInFile:
    return StandInFile(name=name, data=data, media_type=COG, day=day)


def jobs() -> list[StandInJob]:
    scenes = [
        file(f"openEO_2025-06-{day:02d}Z.tif", ndvi(day, 500_000 + 250 * day), f"2025-06-{day:02d}")
        for day in (4, 9, 14)
    ]
    true = [(60 + 150 * hills(700, band)).astype("uint8") for band in range(3)]
    series = [
        file(
            f"openEO_2024-{month:02d}-{day:02d}Z.tif",
            cog([hills(40, month * 31 + day).astype("float32")], 500_000 + 400 * day, 5_538_640 - 400 * month),
            f"2024-{month:02d}-{day:02d}",
        )
        for month in range(1, MONTHS + 1)
        for day in range(1, DAYS + 1)
    ]
    return [
        *demo_jobs(),
        StandInJob(id="j-somme", title="NDVI of the Somme", bbox=None, files=tuple(scenes)),
        StandInJob(
            id="j-true",
            title="True colours",
            bbox=None,
            files=(file("openEO_2025-06-04Z_TCI.tif", cog(true, nodata=0), "2025-06-04"),),
        ),
        StandInJob(id="j-series", title="Daily NDVI", bbox=None, files=tuple(series)),
    ]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory, s3_endpoint: str) -> Iterator[tuple[str, Workspace]]:
    """Publish stand-ins' jobs to an S3 server that lets everybody read; return the address and the workspace."""
    store = BucketStore(s3_endpoint)
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{store.bucket}/*",
    }
    store.client.put_bucket_policy(
        Bucket=store.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    rule = {"AllowedOrigins": ["*"], "AllowedMethods": ["GET", "HEAD"], "ExposeHeaders": ["Content-Range", "ETag"]}
    store.client.put_bucket_cors(Bucket=store.bucket, CORSConfiguration={"CORSRules": [rule]})
    url = f"{s3_endpoint}/{store.bucket}/{store.prefix}"
    with OpenEOStandIn(jobs()) as openeo, StandIn() as up42:
        up42.fill()
        providers: dict[str, Mapping[str, Any]] = {
            "cdse": {**openeo.settings(), "title": "Copernicus Data Space"},
            "up42": {**up42.today_settings(), "title": "UP42"},
        }
        sections: dict[str, Mapping[str, Any]] = {
            "storage": {**store.table(), "public_url": url},
            "log": {"level": "warning"},
        }
        workspace = Workspace(tmp_path_factory.mktemp("catalog"), store, providers=providers, sections=sections)
        workspace.sync()
        yield url, workspace


class _Build(SimpleHTTPRequestHandler):
    """Serves a build of STAC Browser, configured for one catalog."""

    def __init__(self, *args: Any, config: bytes, **more: Any) -> None:
        self.config = config
        super().__init__(*args, **more)

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/config.js":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript")
        self.end_headers()
        self.wfile.write(self.config)
        return None

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(folder: Path, root: str) -> Iterator[str]:
    """Serve a build of STAC Browser, or what else lies in `folder`."""
    config = f"window.STAC_BROWSER_CONFIG = {json.dumps({'catalogUrl': f'{root}/catalog.json'})}".encode()
    handler = partial(_Build, directory=str(folder), config=config)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def visit(root: str, pages: list[dict[str, Any]], prefix: str = "") -> dict[str, Any]:
    """Open pages in STAC Browser; return what was seen on each."""
    with serving(BROWSER / "dist", root) as base:
        return seen([{**page, "url": f"{base}/#/{quote(page['at'])}"} for page in pages], prefix)


def seen(pages: list[dict[str, Any]], prefix: str = "") -> dict[str, Any]:
    """Open pages in Chromium, keep pictures of them; return what was seen on each."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    plan = {
        "modules": str(BROWSER),
        "chromium": "/usr/bin/chromium",
        "pages": [
            {
                **page,
                "picture": str(OUTPUT / f"{prefix}{page['name']}.png"),
                "map": str(OUTPUT / f"{prefix}{page['name']}-map.png") if page.get("map") else None,
            }
            for page in pages
        ],
    }
    done = subprocess.run(
        ["node", str(HERE / "browser" / "visit.cjs")],
        input=json.dumps(plan),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def shares(name: str) -> dict[str, float]:
    """Return which shares of a map's middle are black, and coloured."""
    with Image.open(OUTPUT / f"{name}-map.png") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    high, wide = pixels.shape[:2]
    middle = pixels[high // 3 : 2 * high // 3, wide // 3 : 2 * wide // 3]
    spread = middle.max(axis=2) - middle.min(axis=2)
    return {"black": float((middle.max(axis=2) < 12).mean()), "coloured": float((spread > 40).mean())}


def at(workspace: Workspace, ending: str) -> str:
    return next(key for key, _ in crawl(workspace.store) if key.endswith(ending))


def ours(errors: list[str]) -> list[str]:
    """Return console errors but those of the base map, which lies outside of this machine."""
    return [error for error in errors if "openstreetmap" not in error]


def test_every_page_reads_well(catalog: tuple[str, Workspace]) -> None:
    """Root, provider, collection, items, a long list and a narrow screen: titles, pictures, maps, and no error."""
    root, workspace = catalog
    somme, series = "cdse/cdse-j-somme/collection.json", "cdse/cdse-j-series/collection.json"
    pages: list[dict[str, Any]] = [
        {"name": "root", "at": "", "expect": ".catalog-card"},
        {"name": "provider", "at": "cdse/catalog.json", "expect": ".catalog-card"},
        {"name": "provider-up42", "at": "up42/catalog.json", "expect": ".catalog-card"},
        {"name": "collection", "at": somme, "expect": ".item-card", "map": True, "settle": 4000},
        {"name": "item-ndvi", "at": at(workspace, "2025-06-04Z.tif.json"), "map": True, "settle": 5000},
        {"name": "item-true-colours", "at": at(workspace, "TCI.tif.json"), "map": True, "settle": 5000},
        {"name": "list", "at": series, "expect": ".item-card", "scroll": 8},
        {"name": "narrow", "at": somme, "expect": ".item-card", "width": 390, "height": 844, "scroll": 4, "full": True},
    ]
    told = visit(root, pages)
    for name, page in told.items():
        assert ours(page["errors"]) == [], name
        assert page["broken"] == [], name
        assert page["alerts"] == [], name
        assert page["heading"] != ["Error"], name
        assert all(page["links"]), name
        assert not page["wide"], name
    assert told["provider"]["pictures"] == told["provider"]["cards"] == 7
    assert told["collection"]["pictures"] >= 3
    assert told["narrow"]["pictures"] >= 3
    assert [title for title in told["collection"]["links"] if title.startswith("2025-06-14 NDVI of the Somme")]
    assert told["list"]["loaded"] >= 10
    assert shares("item-true-colours")["coloured"] > 0.3
    assert shares("item-ndvi")["black"] < 0.3
    assert shares("collection")["coloured"] > 0.3


def test_an_ndvi_is_drawn_where_it_would_be_black(catalog: tuple[str, Workspace]) -> None:
    """Before: the same Item without what was read from its pixels is black. After: its values are seen."""
    root, workspace = catalog
    key = at(workspace, "2025-06-09Z.tif.json")
    store = workspace.store
    assert isinstance(store, BucketStore)
    document = json.loads(store.read(key))
    del document["properties"]["renders"]
    for name, asset in list(document["assets"].items()):
        asset.pop("bands", None)
        if "thumbnail" in asset["roles"]:
            del document["assets"][name]
    bare = key.removesuffix(".json") + "-before.json"
    store.client.put_object(
        Bucket=store.bucket,
        Key=f"{store.prefix}/{bare}",
        Body=json.dumps(document).encode(),
        ContentType="application/geo+json",
    )
    pages: list[dict[str, Any]] = [
        {"name": "before", "at": bare, "map": True, "settle": 6000},
        {"name": "after", "at": key, "map": True, "settle": 6000},
    ]
    try:
        visit(root, pages, "ndvi-")
    finally:
        store.client.delete_object(Bucket=store.bucket, Key=f"{store.prefix}/{bare}")
    assert shares("ndvi-before")["black"] > 0.3
    assert shares("ndvi-after")["black"] < 0.3


def test_an_ndvi_is_drawn_in_colour(catalog: tuple[str, Workspace], tmp_path: Path) -> None:
    """The map library of STAC Browser 5 draws the float raster in the colours that its Item states, and nothing outside of it."""
    root, workspace = catalog
    for file in MAP.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "index.html").write_text(
        '<body><link rel="stylesheet" href="map.css"><script src="map.js"></script></body>'
    )
    item = at(workspace, "2025-06-09Z.tif.json")
    with serving(tmp_path, root) as base:
        told = seen(
            [{"name": "ndvi", "url": f"{base}/index.html?{root}/{item}", "map": True, "settle": 6000}], "colours-"
        )
    assert told["ndvi"]["heading"] == ["2025-06-09 NDVI of the Somme"]
    assert ours(told["ndvi"]["errors"]) == []
    assert shares("colours-ndvi")["coloured"] > 0.6
    assert shares("colours-ndvi")["black"] < 0.05


def test_readers_and_score_are_told_well(catalog: tuple[str, Workspace]) -> None:
    """`check` finds the bucket readable by web pages; `verify` finds the catalog sound and scores it high."""
    _, workspace = catalog
    told = workspace.run("check", "--json").json
    readers = [line for line in told["lines"] if line["subject"].startswith("readers")]
    assert len(readers) >= 3
    assert all(line["ok"] for line in readers)
    audit = workspace.run("verify", "--json").json
    assert audit["ok"]
    assert audit["score"] >= 80
