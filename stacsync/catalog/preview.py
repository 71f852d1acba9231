"""The picture of a Collection: where its Items lie, and what they look like.

Which Items are drawn depends on the set of Items alone: all of a small Collection; of a large one those whose names hash
lowest, so that one Item more seldom changes the picture. It is drawn again only when it would look different.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import Connection, select

from stacsync import layout
from stacsync.catalog.facts import Guard, IndexAsset, unguarded
from stacsync.catalog.reader import inside
from stacsync.errors import StorageError
from stacsync.jobs import identity
from stacsync.ledger import AssetRow, DocumentRow, Ledger, lists
from stacsync.ledger.schema import items
from stacsync.ledger.staged import unpack
from stacsync.logs import get_logger
from stacsync.raster import mosaic
from stacsync.raster.mosaic import Piece
from stacsync.storage import Storage

MOST = 200
"""Items in one picture."""
LARGEST = 512 * 1024
"""Bytes of a thumbnail that is put into it; a larger one gives an outline."""
_DIGITS = 8
_MEDIA_TYPE = "image/webp"
_LOG = get_logger(__name__)
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class _Part:
    """An Item that is drawn."""

    bbox: Box
    rings: tuple[tuple[tuple[float, float], ...], ...]
    picture: str | None
    """The key of its thumbnail."""
    checksum: str

    def told(self) -> list[Any]:
        return [self.bbox, self.rings, self.checksum]


@dataclass(frozen=True, slots=True)
class Previews:
    """Draws the pictures of Collections and keeps them in the store."""

    storage: Storage
    ledger: Ledger
    guard: Guard = unguarded
    draw: Callable[[Box, Sequence[Piece]], tuple[bytes, tuple[int, int]]] = mosaic.drawn

    def update(self, provider: str, collection: str, document: Mapping[str, Any]) -> IndexAsset | None:
        """Return the asset of the picture that fits the Collection `document`, drawn if need be; None: there is none.

        Raises what the guard raises, and `LedgerError`; any other trouble costs the picture alone.
        """
        box = _box(document)
        if box is None or any("thumbnail" in asset.get("roles", ()) for asset in document.get("assets", {}).values()):
            return None
        with self.ledger.read() as conn:
            parts = _parts(conn, provider, collection)
        if not parts:
            return None
        key = layout.preview_key(provider, collection)
        told = orjson.dumps([box, [part.told() for part in parts]])
        name = identity("preview", mosaic.RECIPE, sha256(told).hexdigest())
        row = self._known(key)
        if row is None or row.identity != name:
            row = self._drawn(key, provider, name, box, parts) or row
        return None if row is None else _asset(row)

    def _known(self, key: str) -> AssetRow | None:
        row = self.ledger.assets.get_many([key]).get(key)
        document = self.ledger.documents.get_many([key]).get(key)
        return row if row is not None and document is not None and document.digest == row.sha256 else None

    def _drawn(self, key: str, provider: str, name: str, box: Box, parts: Sequence[_Part]) -> AssetRow | None:
        self.guard()
        try:
            with ThreadPoolExecutor(8) as pool:
                pieces = list(pool.map(self._piece, parts))
            data, shape = self.draw(box, pieces)
            stored = self.storage.put(key, data, content_type=_MEDIA_TYPE)
        except Exception as error:  # noqa: BLE001 - a picture is no reason to hold up a publication
            _LOG.warning("preview.failed", key=key, error=type(error).__name__)
            return None
        digest = sha256(data).hexdigest()
        row = AssetRow(
            key=key,
            provider=provider,
            job="",
            identity=name,
            size=len(data),
            sha256=digest,
            media_type=_MEDIA_TYPE,
            facts={"proj:shape": list(shape)},
        )
        self.ledger.assets.record(row)
        with self.ledger.write() as conn:
            document = DocumentRow(key=key, kind="index", digest=digest, size=len(data), etag=stored.etag)
            self.ledger.documents.record(conn, [document])
        return row

    def _piece(self, part: _Part) -> Piece:
        picture = None
        if part.picture is not None:
            try:
                picture = self.storage.get(part.picture)
            except (KeyError, StorageError):
                _LOG.warning("preview.without", key=part.picture)
        return Piece(bbox=part.bbox, rings=part.rings, picture=picture)


def _asset(row: AssetRow) -> IndexAsset:
    fields = {
        "type": _MEDIA_TYPE,
        "title": "Where the items lie",
        "roles": ["thumbnail"],
        "file:size": row.size,
        "file:checksum": f"1220{row.sha256}",
        **row.facts,
    }
    return IndexAsset(key=row.key, fields=fields)


def _box(document: Mapping[str, Any]) -> Box | None:
    """Return the bbox of a Collection's Items; None when it is not known, or crosses the antimeridian."""
    stated = document["extent"]["spatial"]["bbox"][0]
    if "stacsync:extent_source" in document:
        return None
    half = len(stated) // 2
    west, south, east, north = (float(side) for side in (stated[0], stated[1], stated[half], stated[half + 1]))
    return (west, south, east, north) if west <= east else None


def _parts(conn: Connection, provider: str, collection: str) -> list[_Part]:
    """Return the Items to draw, oldest first."""
    months = lists.months(conn, provider, collection)
    total = sum(months.values())
    share = min(1.0, 4 * MOST / max(total, 1))  # the lowest hashes lie below this share of all, for certain
    below = "g" if share >= 1 else f"{int(share * 16**_DIGITS):0{_DIGITS}x}"
    rows = []
    for month in sorted(months):
        mine = (items.c.provider == provider, items.c.collection == collection, items.c.staged.is_(False))
        query = select(items.c.spread, items.c.sort_at, items.c.item).where(
            *mine, items.c.month == month, items.c.spread < below
        )
        rows += [tuple(row) for row in conn.execute(query.order_by(items.c.spread).limit(MOST))]
    chosen = sorted(row for row in rows)[:MOST]
    names = [name for _, _, name in sorted(chosen, key=lambda row: (row[1], row[2]))]
    query = select(items.c.item, items.c.key, items.c.body).where(
        items.c.provider == provider,
        items.c.collection == collection,
        items.c.item.in_(names),
        items.c.staged.is_(False),
    )
    found = {row.item: _part(unpack(row.body), row.key) for row in conn.execute(query)}
    return [part for name in names if (part := found[name]) is not None]


def _part(document: Mapping[str, Any], key: str) -> _Part | None:
    stated = document.get("bbox")
    if not stated:
        return None
    half = len(stated) // 2
    west, south, east, north = (float(side) for side in (stated[0], stated[1], stated[half], stated[half + 1]))
    if west > east:
        return None
    for asset in document.get("assets", {}).values():
        place = inside(key, asset.get("href"))
        small = isinstance(asset.get("file:size"), int) and asset["file:size"] <= LARGEST
        if "thumbnail" in asset.get("roles", ()) and place is not None and small:
            return _Part((west, south, east, north), (), posixpath.normpath(place), str(asset.get("file:checksum")))
    return _Part((west, south, east, north), _rings(document.get("geometry")), None, "")


def _rings(geometry: Any) -> tuple[tuple[tuple[float, float], ...], ...]:
    """Return the outer rings of a polygon or of several."""
    kind = geometry.get("type") if isinstance(geometry, Mapping) else None
    if kind not in {"Polygon", "MultiPolygon"}:
        return ()
    polygons = [geometry["coordinates"]] if kind == "Polygon" else geometry["coordinates"]
    return tuple(tuple((float(point[0]), float(point[1])) for point in polygon[0]) for polygon in polygons if polygon)
