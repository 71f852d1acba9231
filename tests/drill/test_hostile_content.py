"""Hostile files through whole runs: the job that holds them fails alone, or is published; the rest of the account is."""

from __future__ import annotations

import gzip
import io
import json
import resource
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from stacsync.app import open_app
from stacsync.demo.openeo import OpenEOStandIn, StandInFile, StandInJob
from stacsync.demo.up42 import FirstJob, StandIn, first_job
from stacsync.layout import segment
from tests.drill.conftest import few
from tests.drill.hostile import deep, deep_object
from tests.drill.reader import walk
from tests.drill.scene import KEEP, file
from tests.drill.test_hostile_answers import written
from tests.kit.workspace import FolderStore, Workspace, published

MIB = 1024 * 1024


@pytest.fixture
def openeo() -> Iterator[OpenEOStandIn]:
    with OpenEOStandIn((KEEP,)) as found:
        yield found


@pytest.fixture
def up42() -> Iterator[StandIn]:
    with StandIn() as found:
        yield found


def made(tmp_path: Path, **providers: Any) -> Workspace:
    return Workspace(tmp_path, FolderStore(tmp_path / "catalog"), providers=providers)


def synced(workspace: Workspace) -> dict[str, Any]:
    """Make a pass and return what it told; nothing in it may be called a bug."""
    app = open_app(workspace.config)
    try:
        result = app.sync([], ())
        assert "internal error" not in json.dumps(result), result
        assert app.verify(checksums=True)["ok"]
    finally:
        app.close()
    return result


def zeros(megabytes: int) -> bytes:
    """Return a tar.gz with one member of so many MiB of nothing."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=9) as packed:
        info = tarfile.TarInfo("output/zeros.tif")
        info.size = megabytes * MIB
        packed.write(info.tobuf())
        for _ in range(megabytes):
            packed.write(bytes(MIB))
        packed.write(bytes(1024))
    return buffer.getvalue()


def zipped_zeros() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        packed.writestr("output/zeros.tif", bytes(100 * MIB))
    return buffer.getvalue()


def tarred(*members: tuple[str, bytes, dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        for name, data, fields in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for field, value in fields.items():
                setattr(info, field, value)
            packed.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


GOOD = first_job(2, features=1)
PACKAGES: dict[str, bytes] = {
    "gzip bomb": zeros(100),
    "zip bomb": zipped_zeros(),
    "gzip in gzip": gzip.compress(zeros(100)),
    "paths that lead out": tarred(("../../evil", b"x", {}), ("/etc/evil", b"x", {}), ("a/../../evil", b"x", {})),
    "links": tarred(
        ("output/a.tif", b"", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}),
        ("output/b.tif", b"", {"type": tarfile.LNKTYPE, "linkname": "../../etc/passwd"}),
        ("output/c.tif", b"", {"type": tarfile.CHRTYPE}),
    ),
    "cut off": first_job(3).archive[:-200],
    "wrong bytes": first_job(3).archive[:400] + b"\0" * 300 + first_job(3).archive[700:],
    "a web page": b"<!doctype html><html>sign in</html>",
    "nothing": b"",
    "deep data.json": tarred(("output/data.json", written({"features": deep(10_000)}), {})),
    "data.json of nonsense": tarred(
        ("output/data.json", b'{"features": [null, 1, "x", {}, []]}', {}), ("output/x.tif", b"x", {})
    ),
    "data.json of NaN": tarred(
        ("output/data.json", b'{"type": "FeatureCollection", "features": [NaN]}', {}), ("output/x.tif", b"x", {})
    ),
}


@pytest.mark.promise("a hostile package fails its own job alone, and leaves nothing behind")
@pytest.mark.parametrize("name", few(PACKAGES, "gzip bomb", "paths that lead out", "deep data.json"))
def test_hostile_packages(name: str, tmp_path: Path, up42: StandIn, tried: Callable[[int], None]) -> None:
    """Bombs, links, paths that lead out, damaged archives: the other job is published, nothing lies outside the catalog."""
    bad = first_job(1, features=1)
    job = FirstJob(payload=bad.payload, archive=PACKAGES[name], document=None, tasks=[])
    up42.first.jobs = [job, GOOD]
    place = tmp_path / "in"
    place.mkdir()
    workspace = made(place, u=up42.first_settings())
    result = synced(workspace)
    assert result["providers"]["u"]["published"] >= 1
    assert result["providers"]["u"]["error"] is None
    outside = [path.name for path in tmp_path.rglob("*") if "evil" in path.name]
    assert outside == []
    assert sum(len(data) for data in published(workspace.store).values()) < 4 * MIB
    tried(1)


def lying_tiff(**lies: Any) -> bytes:
    """Return the header of a TIFF whose one directory says what it likes."""
    tags = {256: (4, 1, lies.get("width", 64)), 257: (4, 1, lies.get("height", 64)), 258: (3, 1, 8), 259: (3, 1, 1)}
    tags |= {262: (3, 1, 1), 273: (4, lies.get("strips", 1), lies.get("offset", 8)), 277: (3, 1, lies.get("bands", 1))}
    tags |= {278: (4, 1, 64), 279: (4, lies.get("strips", 1), lies.get("bytes", 4096))}
    tags |= {
        33550: (12, lies.get("scales", 3), lies.get("offset", 8)),
        33922: (12, 6, 0xFFFFFF00),
        34735: (3, 0xFFFFFFFF, 8),
    }
    entries = b"".join(struct.pack("<HHII", tag, *tags[tag]) for tag in sorted(tags))
    directory = struct.pack("<H", len(tags)) + entries + struct.pack("<I", lies.get("next", 0))
    return b"II*\0" + struct.pack("<I", 8) + directory + b"\0" * 64


TIFFS = {
    "a billion pixels": lying_tiff(width=2**31, height=2**31),
    "no pixels": lying_tiff(width=0, height=0),
    "strips without end": lying_tiff(strips=0xFFFFFFFF),
    "a directory that names itself": lying_tiff(next=8),
    "offsets beyond the end": lying_tiff(offset=0xFFFFFFF0, bytes=0xFFFFFFFF),
    "65,535 bands": lying_tiff(bands=65535),
    "scales without end": lying_tiff(scales=0xFFFFFFFF),
    "a header alone": b"II*\0\x08\0\0\0",
    "BigTIFF that is none": b"II+\0\x08\0\0\0" + b"\xff" * 8,
    "nothing": b"",
}
PAGE = b"<html>sign in</html>"


@pytest.mark.promise("files that lie about themselves are mirrored byte for byte and hold nothing up")
@pytest.mark.timeout(120)
def test_tiffs_that_lie(tmp_path: Path, openeo: OpenEOStandIn, tried: Callable[[int], None]) -> None:
    """Headers that promise a billion pixels, name themselves or point nowhere: every file is published as it is, but for a web page."""
    jobs = [
        StandInJob(
            id=f"t-{number}",
            shape="items",
            files=(StandInFile(name="x.tif", data=data, media_type="image/tiff", day="2025-06-01"),),
        )
        for number, data in enumerate([*TIFFS.values(), PAGE])
    ]
    openeo.jobs = (*jobs, KEEP)
    workspace = made(tmp_path, cdse=openeo.settings())
    result = synced(workspace)
    assert result["providers"]["cdse"]["published"] == len(TIFFS) + 1, result
    assert "a web page came instead of the file" in result["errors"][0]["message"]
    found = list(published(workspace.store).values())
    assert PAGE not in found
    for name, data in TIFFS.items():
        assert data in found, name
    tried(len(TIFFS) + 1)


NAMES = (
    "a b.csv", "a_b.csv", "a-b.csv", "A-B.CSV", "a%20b.csv", "ü.csv", "u\u0308.csv", "日本.csv", "日夲.csv", "💥.csv", "\u202ecsv.exe",
    ".hidden", "-rf", "con", "x" * 240 + ".csv", "x" * 241 + ".csv", "catalog.json", "collection.json", "items.parquet", "CATALOG.JSON",
    "<script>alert(1)<script>.csv", "a&b=c;d.csv", "'; DROP TABLE items; --.csv", "a:b.csv", "a\\b.csv", "a+b.csv", "a?b.csv", "a#b.csv",
)  # fmt: skip


@pytest.mark.promise("any names and ids are published: none is lost, none replaces another, none leads out")
def test_names_of_every_shape(tmp_path: Path, openeo: OpenEOStandIn, tried: Callable[[int], None]) -> None:
    """Files whose names collide once cleaned, and jobs of every id, are all there with their own bytes."""
    names = (*NAMES, *(segment(name) for name in ("a b.csv", "a:b.csv", "日本.csv", "catalog.json")))
    files = tuple(file(name, name) for name in names)
    ids = [name for name in names if name not in {"a?b.csv", "a#b.csv", "a\\b.csv"}]
    jobs = [
        StandInJob(id=name, title=f"<script>{name}</script>", shape="assets", files=(file("x.csv", f"id {name}"),))
        for name in ids
    ]
    openeo.jobs = (StandInJob(id="names", shape="assets", files=files), *jobs)
    workspace = made(tmp_path, cdse=openeo.settings())
    result = synced(workspace)
    assert result["providers"]["cdse"]["published"] == len(jobs) + 1, result
    before = published(workspace.store)
    found = list(before.values())
    for one in (*files, *(job.files[0] for job in jobs)):
        assert found.count(one.data) == 1, one.name
    workspace.forget_ledger()
    assert workspace.sync()["assets"]["transferred"] == 0
    assert published(workspace.store) == before
    assert all(
        not link["href"].startswith(("javascript:", "data:"))
        for document in walk(workspace.store).values()
        for link in document["links"]
    )
    tried(len(files) + len(jobs))


@pytest.mark.promise("a job of any size is taken: memory grows with a batch, not with the job")
@pytest.mark.parametrize(
    "count", [pytest.param(300, id="sampled"), pytest.param(10_000, id="all", marks=pytest.mark.real)]
)
@pytest.mark.timeout(1200)
def test_many_assets_in_one_job(
    count: int, tmp_path: Path, openeo: OpenEOStandIn, tried: Callable[[int], None]
) -> None:
    """Ten thousand files in one job are all mirrored."""
    files = tuple(StandInFile(name=f"{n:05d}.csv", data=b"%d\n" % n, media_type="text/csv") for n in range(count))
    openeo.jobs = (StandInJob(id="many", shape="assets", files=files), KEEP)
    workspace = made(tmp_path, cdse=openeo.settings())
    result = synced(workspace)
    assert result["assets"]["transferred"] == count + 1
    tried(count)


ANSWERS: dict[str, tuple[str, bytes, str]] = {
    "100 MB in a listing": (r"/jobs$", b"[" + b" " * 100_000_000 + b"]", "64 MiB"),
    "10,000 levels in a listing": (r"/jobs$", b'{"jobs": ' + written(deep(10_000)) + b"}", ""),
    "10,000 objects in a listing": (r"/jobs$", b'{"jobs": [' + written(deep_object(10_000)) + b"]}", ""),
    "300 levels in a listing": (
        r"/jobs$",
        b'{"jobs": [{"id": "a", "status": "finished", "x": ' + written(deep(300)) + b"}]}",
        "",
    ),
    "10,000 levels in results": (
        r"/jobs/j-bad/results$",
        b'{"type": "Collection", "x": ' + written(deep(10_000)) + b"}",
        "",
    ),
    "300 levels in results": (r"/jobs/j-bad/results$", b'{"type": "Collection", "x": ' + written(deep(300)) + b"}", ""),
    "NaN in results": (r"/jobs/j-bad/results$", b'{"type": "Strange", "extent": NaN, "license": Infinity}', ""),
    "a million entries": (r"/jobs$", b'{"jobs": [' + b"1," * 1_000_000 + b"1]}", ""),
    "a message without end": (r"/jobs/j-bad/results$", b'{"code": "X", "message": "' + b"x" * 20_000_000 + b'"}', ""),
}


@pytest.mark.promise(
    "answers of any size or depth end in an error of the provider or the job, quickly and in little memory"
)
@pytest.mark.parametrize(
    "name", few(ANSWERS, "10,000 levels in a listing", "300 levels in results", "a message without end")
)
@pytest.mark.timeout(120)
def test_answers_out_of_proportion(
    name: str, tmp_path: Path, openeo: OpenEOStandIn, tried: Callable[[int], None]
) -> None:
    """100 MB, 10,000 levels, a million entries: the pass ends and says so; the next pass, without them, publishes all."""
    pattern, body, words = ANSWERS[name]
    openeo.jobs = (StandInJob(id="j-bad", shape="assets", files=(file("x.csv", "bad"),)), KEEP)
    for _ in range(2):
        openeo.fail(
            pattern, 400 if "message" in name else 200, body=body, headers={"Content-Type": "application/json"}, times=1
        )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    workspace = made(tmp_path, cdse=openeo.settings())
    app = open_app(workspace.config)
    try:
        result = app.sync([], ())
    finally:
        app.close()
    told = json.dumps(result)
    assert "internal error" not in told
    assert words in told
    assert len(told) < 20_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600_000, "kilobytes"
    openeo._faults.clear()
    assert synced(workspace)["errors"] == []
    assert {"j-bad", "j-keep"} <= {key.split("/")[2] for key in published(workspace.store) if key.endswith(".csv")}
    tried(1)
