"""The files that the service leaves in a bucket: feature manifest, execution database, GeoTIFFs, a Zarr store.

Geometry blobs are written in all the forms that real manifests have: both byte orders, with and without an envelope.
"""

from __future__ import annotations

import json
import sqlite3
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

Extent = tuple[float, float, float, float]
_SYSTEMS = "CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT, srs_id INTEGER PRIMARY KEY, organization TEXT, organization_coordsys_id INTEGER, definition TEXT, description TEXT)"
_COLUMNS = "CREATE TABLE gpkg_geometry_columns (table_name TEXT PRIMARY KEY, column_name TEXT, geometry_type_name TEXT, srs_id INTEGER, z TINYINT, m TINYINT)"


@dataclass(frozen=True, slots=True)
class Row:
    """One feature and output of a manifest."""

    epsg: int
    output: str
    identifier: str
    path: str
    width: int
    height: int
    geometry: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """One feature of an execution database."""

    name: str
    status: str = "DONE"
    error: str | None = None
    delivered: bool = True


def manifest(rows: Iterable[Row]) -> bytes:
    """Return a feature manifest with a table per reference system."""

    def fill(db: sqlite3.Connection) -> None:
        db.executescript(f"{_SYSTEMS};{_COLUMNS}")
        known: set[int] = set()
        for row in rows:
            if row.epsg not in known:
                known.add(row.epsg)
                _table(db, row.epsg)
            db.execute(
                f"INSERT INTO feature_{row.epsg} VALUES (NULL, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a number
                (row.output, row.identifier, row.path, row.width, row.height, row.geometry),
            )

    return _database(fill)


def execution(outcomes: Iterable[Outcome]) -> bytes:
    """Return an execution database."""

    def fill(db: sqlite3.Connection) -> None:
        db.execute(
            "CREATE TABLE features (id INTEGER PRIMARY KEY, name TEXT, status TEXT, error TEXT, delivered BOOLEAN)"
        )
        db.executemany(
            "INSERT INTO features VALUES (NULL, ?, ?, ?, ?)",
            ((one.name, one.status, one.error, one.delivered) for one in outcomes),
        )

    return _database(fill)


def blob(area: Extent, epsg: int, *, little: bool = True, envelope: bool = True) -> bytes:
    """Return a rectangle as a GeoPackage geometry."""
    west, south, east, north = area
    order = "<" if little else ">"
    header = b"GP" + bytes([0, int(little) | (2 if envelope else 0)]) + struct.pack(f"{order}i", epsg)
    box = struct.pack(f"{order}4d", west, east, south, north) if envelope else b""
    ring = (west, south, east, south, east, north, west, north, west, south)
    body = struct.pack(f"{order}BIII10d", int(little), 3, 1, 5, *ring)
    return header + box + body


def geotiff(area: Extent, epsg: int, *, size: int = 64, value: int = 120) -> bytes:
    """Return a small GeoTIFF of one 8-bit band, a gradient around `value`; `epsg` is a projected system."""
    west, south, east, north = area
    raw = bytes((value + x // 4 + y // 2) % 256 for y in range(size) for x in range(size))
    pixels = zlib.compress(raw, 9)
    scale = struct.pack("<3d", (east - west) / size, (north - south) / size, 0.0)
    tie = struct.pack("<6d", 0.0, 0.0, 0.0, west, north, 0.0)
    keys = struct.pack("<16H", 1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, epsg)
    entries: list[tuple[int, int, int, int | bytes]] = [
        (256, 3, 1, size), (257, 3, 1, size), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, pixels),
        (277, 3, 1, 1), (278, 3, 1, size), (279, 4, 1, len(pixels)), (339, 3, 1, 1), (33550, 12, 3, scale),
        (33922, 12, 6, tie), (34735, 3, 16, keys),
    ]  # fmt: skip
    return _tiff(entries)


def zarr(size: int = 4) -> dict[str, bytes]:
    """Return the files of a Zarr store with one array over (time, y, x), by their path in it."""
    array: dict[str, object] = {
        "chunks": [1, size, size],
        "compressor": None,
        "dtype": "<f4",
        "fill_value": "NaN",
        "filters": None,
    }
    array |= {"order": "C", "shape": [2, size, size], "zarr_format": 2}
    attributes = {"_ARRAY_DIMENSIONS": ["time", "y", "x"]}
    group = {"zarr_format": 2}
    metadata: dict[str, object] = {
        ".zgroup": group,
        ".zattrs": {},
        "maxNDVI/.zarray": array,
        "maxNDVI/.zattrs": attributes,
    }
    for name, length in (("time", 2), ("y", size), ("x", size)):
        metadata[f"{name}/.zarray"] = {**array, "chunks": [length], "dtype": "<f8", "shape": [length]}
        metadata[f"{name}/.zattrs"] = {"_ARRAY_DIMENSIONS": [name]}
    files = {path: json.dumps(entry).encode() for path, entry in metadata.items()}
    files[".zmetadata"] = json.dumps({"metadata": metadata, "zarr_consolidated_format": 1}).encode()
    files |= {f"maxNDVI/{step}.0.0": struct.pack(f"<{size * size}f", *range(size * size)) for step in range(2)}
    return files


def _table(db: sqlite3.Connection, epsg: int) -> None:
    db.execute(
        "INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, 'EPSG', ?, 'undefined', NULL)", (f"EPSG:{epsg}", epsg, epsg)
    )
    db.execute(
        "INSERT INTO gpkg_geometry_columns VALUES (?, 'geometry', 'GEOMETRY', ?, 0, 0)", (f"feature_{epsg}", epsg)
    )
    db.execute(
        f"CREATE TABLE feature_{epsg} (fid INTEGER PRIMARY KEY AUTOINCREMENT, outputId TEXT, identifier TEXT, path TEXT, "
        "width INTEGER, height INTEGER, geometry GEOMETRY)"
    )


def _database(fill: Callable[[sqlite3.Connection], None]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.sqlite"
        db = sqlite3.connect(path)
        try:
            fill(db)
            db.commit()
        finally:
            db.close()
        return path.read_bytes()


def _tiff(entries: list[tuple[int, int, int, int | bytes]]) -> bytes:
    """Return a little-endian TIFF; values that do not fit into an entry follow the directory."""
    start = 8 + 2 + 12 * len(entries) + 4
    directory, tail = b"", b""
    for tag, kind, count, value in entries:
        if isinstance(value, bytes):
            directory += struct.pack("<HHII", tag, kind, count, start + len(tail))
            tail += value + b"\0" * (len(value) % 2)
        else:
            field = struct.pack("<I", value) if kind == 4 else struct.pack("<HH", value, 0)
            directory += struct.pack("<HHI", tag, kind, count) + field
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + struct.pack("<I", 0) + tail
