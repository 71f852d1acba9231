"""Media types come from bytes; a suffix only chooses between kinds of plain text."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stacsync.mirror import tiff
from stacsync.mirror.sniff import media_type, something_else

COG = tiff.COG
GEOTIFF = tiff.GEOTIFF


@pytest.mark.parametrize(
    ("head", "name", "expected"),
    [
        (b"\x89PNG\r\n\x1a\n....", "x.tif", "image/png"),
        (b"\xff\xd8\xff\xe0JFIF", "x", "image/jpeg"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "x", "image/webp"),
        (b"RIFF\x10\0\0\0WAVE", "x", None),
        (b"GIF89a", "x", "image/gif"),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "x", "image/jp2"),
        (b"\xff\x4f\xff\x51\0", "x", "image/j2c"),
        (b"CDF\x01\0\0", "x", "application/netcdf"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 100 + b"_NCProperties", "x", "application/netcdf"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 100, "x.nc", "application/x-hdf5"),
        (b"PAR1\x15\x04", "x", "application/vnd.apache.parquet"),
        (b"PK\x03\x04\x14\0", "x.tif", "application/zip"),
        (b"\x1f\x8b\x08\0", "x.tar", "application/gzip"),
        (b"SQLite format 3\0" + bytes(52) + b"GPKG", "x", "application/geopackage+sqlite3"),
        (b"SQLite format 3\0" + bytes(60), "x.gpkg", "application/vnd.sqlite3"),
        (b"GRIB\0\0\0\x02", "x", "application/wmo-GRIB2"),
        (b"fgb\x03fgb\0", "x", "application/vnd.flatgeobuf"),
        (b"%PDF-1.7", "x", "application/pdf"),
        (bytes(257) + b"ustar\0", "x", "application/x-tar"),
        (b'{"type": "FeatureCollection", "features": []}', "x.txt", "application/geo+json"),
        (b'\xef\xbb\xbf {"id": "a", "type":"Feature"', "x", "application/geo+json"),
        (b'{"features": [{"type": "Feature"}], "type": "Other"}', "x.geojson", "application/json"),
        (b'{"a": 1, "Feature": 2, "type": 3, "b": "Feature"}', "x", "application/json"),
        (b'{"process_graph": {"type": "Feature"}}', "x", "application/json"),
        (b"[1, 2, 3]", "x", "application/json"),
        (b'{"a": 1}\n{"a": 2}\n', "x.ndjson", "application/x-ndjson"),
        (b"<?xml version='1.0'?><a/>", "x.tif", "application/xml"),
        (b"<!DOCTYPE html><p>", "x.tif", "text/html"),
        (b"<?xml version='1.0'?><kml xmlns='x'/>", "x", "application/vnd.google-earth.kml+xml"),
        (b"a,b\n1,2\n", "x.csv", "text/csv"),
        (b"a,b\n1,2\n", "x.tif", "text/plain"),
        ("grün\n".encode(), "x.md", "text/markdown"),
        (b"\x00\x01\x02\x03", "x.tif", None),
        (b"", "x.tif", None),
        (b"\xff\xfe binary", "x.csv", None),
    ],
)
def test_bytes_decide(head: bytes, name: str, expected: str | None) -> None:
    """The name may lie; what the bytes say is what is published, and None when they say nothing."""
    assert media_type(head, name) == expected


def image(
    order: str = "<",
    *,
    big: bool = False,
    sizes: tuple[int, ...] = (2048, 1024, 512),
    tiled: bool = True,
    geo: bool = True,
    data_first: bool = False,
    small_first: bool = True,
) -> bytes:
    """Write the directories of a TIFF whose overviews have these widths; the data itself is not needed."""
    mark = {"<": b"II", ">": b"MM"}[order]
    head = mark + (struct.pack(order + "HHHQ", 43, 8, 0, 16) if big else struct.pack(order + "HI", 42, 8))
    out = bytearray(head)
    count = 5 if geo else 4
    length = (8 + count * 20 + 8) if big else (2 + count * 12 + 4)
    base = 10 if data_first else len(head) + length * len(sizes) + 100
    for index, width in enumerate(sizes):
        data = base + (10 if data_first else 1000) * ((len(sizes) - index) if small_first else index)
        last = index == len(sizes) - 1
        tags = [(254, 4, 1 if index else 0), (256, 4, width), (257, 4, width), (324 if tiled else 273, 4, data)]
        tags += [(34735, 3, 1)] if geo else []
        out += struct.pack(order + ("Q" if big else "H"), count)
        for tag, kind, value in tags:
            field = struct.pack(order + ("H" if kind == 3 else "I"), value)
            out += struct.pack(order + ("HHQ" if big else "HHI"), tag, kind, 1) + field.ljust(8 if big else 4, b"\0")
        following = 0 if last else len(out) + (8 if big else 4)
        out += struct.pack(order + ("Q" if big else "I"), following)
    return bytes(out)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_a_cloud_optimized_layout_is_seen(order: str, big: bool) -> None:
    """Tiles, overviews, directories first and small data first are the profile, in every byte order and size."""
    assert media_type(image(order, big=big)) == COG


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (image(tiled=False), GEOTIFF),
        (image(sizes=(2048,)), GEOTIFF),
        (image(sizes=(400,), tiled=False), COG),
        (image(sizes=(2048, 3000)), GEOTIFF),
        (image(data_first=True), GEOTIFF),
        (image(small_first=False), GEOTIFF),
        (image(geo=False), "image/tiff"),
        (image()[:60], "image/tiff"),
        (image()[:90], GEOTIFF),
        (b"II*\0\xff\xff\xff\xff", "image/tiff"),
        (b"MM\0*\0\0\0\x08\xff\xff", "image/tiff"),
        (b"II*\0", "image/tiff"),
    ],
)
def test_the_profile_is_never_guessed(data: bytes, expected: str) -> None:
    """What is not seen, or is laid out otherwise, gets the plainest type that is certainly true."""
    assert media_type(data, "image.tif") == expected


def test_directories_far_away_are_fetched() -> None:
    """A TIFF whose directory lies behind its data is known once those bytes are read."""
    body = bytearray(image(sizes=(400,), tiled=False))
    far = bytes(body[:4]) + struct.pack("<I", 100_000) + bytes(100_000 - 8) + bytes(body[8:])
    assert media_type(far[:65536], "x") == "image/tiff"
    assert media_type(far[:65536], "x", lambda start, length: far[start : start + length]) == GEOTIFF


def test_a_directory_that_leads_to_itself_ends() -> None:
    """A loop of directories is no reason to read for ever."""
    body = bytearray(image(sizes=(400,), tiled=False))
    body[-4:] = struct.pack("<I", 8)
    assert media_type(bytes(body)) == GEOTIFF


@given(
    st.binary(max_size=300), st.sampled_from([*sorted(tiff.MARKS), b"{", b"[", b"<", b"LASF", b"GRIB", b"RIFF", b""])
)
def test_no_bytes_surprise(rest: bytes, start: bytes) -> None:
    """Any bytes give a type or None."""
    answer = media_type(start + rest, "x.csv")
    assert answer is None or "/" in answer


def test_a_real_image(tmp_path: Path) -> None:
    """A GeoTIFF of an image service is one, and is not called cloud-optimized."""
    import tarfile  # noqa: PLC0415  for this test alone

    recording = Path(__file__).parent / "recordings" / "up42" / "legacy_result.tgz"
    with tarfile.open(recording) as archive:
        name = next(name for name in archive.getnames() if name.endswith(".tif"))
        archive.extract(name, tmp_path, filter="data")
    assert media_type((tmp_path / name).read_bytes()[:65536], "x.txt") == GEOTIFF


@pytest.mark.parametrize(
    ("kind", "name", "told", "expected"),
    [
        ("text/html", "B04.tif", "image/tiff; application=geotiff", "web page"),
        ("text/html", "table.csv", None, "web page"),
        ("text/html", "data", "image/png", "web page"),
        ("text/html", "report.html", None, ""),
        ("text/html", "report", "text/html; charset=utf-8", ""),
        ("text/html", "readme.txt", "text/plain", ""),
        ("text/html", "data", None, ""),
        ("application/json", "B04.tif", None, "application/json"),
        ("application/xml", "B04", "image/tiff", "application/xml"),
        ("application/json", "metadata", "application/json", ""),
        ("application/geo+json", "footprint.tif", None, ""),
        ("application/json", "table.csv", "text/csv", ""),
        ("text/csv", "table.csv", "text/csv", ""),
        (None, "B04.tif", "image/tiff", ""),
    ],
)
def test_something_else_in_place_of_a_file(kind: str | None, name: str, told: str | None, expected: str) -> None:
    """A page, or an error under a status of success, is no raster; what may be the file itself is not doubted."""
    found = something_else(kind, name, told)
    assert expected in found
    assert bool(found) == bool(expected)
