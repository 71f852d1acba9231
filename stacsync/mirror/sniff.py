"""What a file is, from its own bytes. Pure.

Foreign suffixes and Content-Types are often wrong, so neither is believed: a suffix only decides between kinds of plain
text, which have no mark of their own. Bytes that say nothing give None, and the provider's word stands.
"""

from __future__ import annotations

import codecs
import posixpath
import re
from collections.abc import Callable

from stacsync.mirror import tiff

HEAD = 64 * 1024
"""Bytes from the start of a file that are enough for every answer here, but for TIFFs with their directory elsewhere."""
JSON = "application/json"
GEOJSON = "application/geo+json"
NETCDF = "application/netcdf"
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"\xff\x4f\xff\x51", "image/j2c"),
    (b"CDF\x01", NETCDF),
    (b"CDF\x02", NETCDF),
    (b"CDF\x05", NETCDF),
    (b"PAR1", "application/vnd.apache.parquet"),
    (b"fgb\x03fgb", "application/vnd.flatgeobuf"),
    (b"PMTiles", "application/vnd.pmtiles"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"%PDF-", "application/pdf"),
)
_TEXT_SUFFIXES = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".md": "text/markdown",
    ".htm": "text/html",
    ".html": "text/html",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".py": "text/x-python",
}
_MAY_BE_PAGES = frozenset({"", ".htm", ".html", ".xhtml", ".xml", ".txt", ".md", ".svg", ".log"})
_BINARY = frozenset(
    {
        ".tif",
        ".tiff",
        ".jp2",
        ".png",
        ".jpg",
        ".jpeg",
        ".webp",
        ".nc",
        ".h5",
        ".gpkg",
        ".parquet",
        ".zip",
        ".tgz",
        ".pdf",
    }
)
_BINARY_TYPES = ("image/tiff", "image/png", "image/jp", "application/x-netcdf", "application/netcdf", "application/zip")
_LINES_OF_JSON = frozenset({".ndjson", ".jsonl", ".geojsonl"})
_GEOJSON_TYPES = frozenset(
    {
        "Feature",
        "FeatureCollection",
        "Point",
        "MultiPoint",
        "LineString",
        "MultiLineString",
        "Polygon",
        "MultiPolygon",
        "GeometryCollection",
    }
)
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]')
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def something_else(kind: str | None, name: str, told: str | None) -> str:
    """Name what came in place of the file `name` of the type `told`: "" when it may well be that file.

    A page of a proxy or of a sign-in, or an error that was answered as if all was well, is never taken for a result.
    """
    suffix = posixpath.splitext(name)[1].lower()
    binary = suffix in _BINARY or (told or "").startswith(_BINARY_TYPES)
    if kind == "text/html" and "html" not in (told or "") and (binary or suffix not in _MAY_BE_PAGES):
        return "a web page"
    if binary and kind in {JSON, "application/xml", "text/xml"}:
        return f"a text of the type {kind}"
    return ""


def media_type(head: bytes, name: str = "", read: tiff.Read | None = None) -> str | None:
    """Return the media type of a file that begins with `head`; `name` only chooses between text kinds.

    `read` fetches further bytes of a TIFF whose directories lie beyond `head`; without it they stay unseen, and the
    answer is the plainest that is certainly true.
    """
    if not head:
        return None
    for magic, answer in _MAGIC:
        if head.startswith(magic):
            return answer
    return _binary(head, read) or _text(head, name)


def _binary(head: bytes, read: tiff.Read | None) -> str | None:
    if head[:4] in tiff.MARKS:
        return tiff.media_type(read or tiff.within(head))
    for magic, tell in _FAMILIES:
        if head.startswith(magic):
            return tell(head)
    return "application/x-tar" if head[257:262] == b"ustar" else None


def _hdf5(head: bytes) -> str:
    return (
        NETCDF
        if any(mark in head for mark in (b"_NCProperties", b"_Netcdf4", b"_nc3_strict"))
        else "application/x-hdf5"
    )


def _sqlite(head: bytes) -> str:
    return "application/geopackage+sqlite3" if head[68:72] in (b"GPKG", b"GP10") else "application/vnd.sqlite3"


def _riff(head: bytes) -> str | None:
    return "image/webp" if head[8:12] == b"WEBP" else None


def _grib(head: bytes) -> str | None:
    return {b"\x01": "application/x-grib", b"\x02": "application/wmo-GRIB2"}.get(head[7:8])


def _las(head: bytes) -> str:
    return "application/vnd.laszip" if head[104:105] >= b"\x80" else "application/vnd.las"


_FAMILIES: tuple[tuple[bytes, Callable[[bytes], str | None]], ...] = (
    (b"\x89HDF\r\n\x1a\n", _hdf5),
    (b"SQLite format 3\x00", _sqlite),
    (b"RIFF", _riff),
    (b"GRIB", _grib),
    (b"LASF", _las),
)


def _text(head: bytes, name: str) -> str | None:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head.removeprefix(codecs.BOM_UTF8))
    except UnicodeDecodeError:
        return None
    if _CONTROLS.search(text):
        return None
    suffix = posixpath.splitext(name.lower())[1]
    start = text.lstrip()
    if start[:1] in ("{", "["):
        return "application/x-ndjson" if suffix in _LINES_OF_JSON else _json(start)
    if start[:1] == "<":
        return _markup(start[:4096].lower())
    return _TEXT_SUFFIXES.get(suffix, "text/plain") if start else None


def _markup(start: str) -> str:
    if start.startswith("<!doctype html") or "<html" in start:
        return "text/html"
    if "<kml" in start:
        return "application/vnd.google-earth.kml+xml"
    return "image/svg+xml" if "<svg" in start else "application/xml"


def _json(text: str) -> str:
    """Tell GeoJSON by its top-level "type"; a Feature deep inside makes no GeoJSON."""
    depth, last, member = 0, "", ""
    for match in _PIECE.finditer(text):
        piece = match[0]
        if piece[0] == '"':
            if depth == 1 and member == '"type"':
                return GEOJSON if piece[1:-1] in _GEOJSON_TYPES else JSON
            last = piece
        elif piece == ":":
            member = last
        else:
            member = ""
            depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(piece, 0)
    return JSON
