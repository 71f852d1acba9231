"""The GeoPackage geometry blob: a header of its own, then Well-Known Binary. Pure.

Source: OGC 12-128r19 (GeoPackage 1.4), section 2.1.3. Both byte orders, every envelope form (none, XY, XYZ, XYM, XYZM),
the empty flag and the extended form are read.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from stacsync.providers.sentinelhub.wkb import GeometryError, Polygon, polygons

_MAGIC = b"GP"
_ENVELOPE_BYTES = (0, 32, 48, 48, 64)
_LITTLE_ENDIAN, _EMPTY, _EXTENDED = 0x01, 0x10, 0x20
_EXTENSION_CODE = 4


@dataclass(frozen=True, slots=True)
class Blob:
    """What one geometry cell of a feature table says."""

    srs_id: int
    polygons: tuple[Polygon, ...]
    """None of them when the geometry is empty."""


def read(data: bytes) -> Blob:
    """Return the polygons of a geometry cell, in its own reference system. Raises `GeometryError`."""
    if len(data) < 8 or data[:2] != _MAGIC:
        raise GeometryError("the geometry does not start as a GeoPackage geometry does")
    flags = data[3]
    envelope = (flags >> 1) & 0x07
    if envelope >= len(_ENVELOPE_BYTES):
        raise GeometryError(f"envelope code {envelope} is not defined")
    srs_id: int = struct.unpack("<i" if flags & _LITTLE_ENDIAN else ">i", data[4:8])[0]
    if flags & _EMPTY:
        return Blob(srs_id, ())
    body = 8 + _ENVELOPE_BYTES[envelope]
    if flags & _EXTENDED:
        body += _EXTENSION_CODE
    return Blob(srs_id, polygons(memoryview(data)[body:]))
