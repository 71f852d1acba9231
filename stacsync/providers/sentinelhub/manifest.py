"""The two SQLite files of a version 2 task: which files every feature made, and which features came out well.

The *feature manifest* is a GeoPackage with one feature table per reference system and a row for every feature and
output; the *execution database* has a row for every feature. Both are foreign files of up to 700,000 features: they are
opened read-only, their tables are found through the GeoPackage's own catalogue, and rows are streamed, never collected.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from stacsync.errors import JobUnusable
from stacsync.providers.sentinelhub.footprint import Projection, projection
from stacsync.providers.sentinelhub.gpkg import read as read_blob
from stacsync.providers.sentinelhub.wkb import GeometryError, Polygon

DELIVERED, NO_DATA, FAILED, PENDING = "delivered", "no data", "failed", "pending"

_STATES = """
CREATE TEMP TABLE outcome (name TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
INSERT OR REPLACE INTO outcome
SELECT CAST(name AS TEXT), CASE
    WHEN status IS NULL OR upper(status) = 'PENDING' THEN 'pending'
    WHEN upper(status) = 'FATAL' OR upper(status) = 'FAILED' THEN 'failed'
    WHEN {delivered} THEN 'delivered'
    WHEN lower({error}) LIKE '%no data%' THEN 'no data'
    WHEN upper(status) = 'DONE' THEN 'not delivered'
    ELSE lower(status) END
FROM execution.features WHERE name IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a feature."""

    output: str
    path: str
    """Its whole address, with every placeholder filled in."""
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Feature:
    """One delivered feature with its files."""

    identifier: str
    code: str | None
    """The reference system as "EPSG:32632"; None when it has no code."""
    projection: Projection
    polygons: tuple[Polygon, ...]
    """In the feature's own reference system."""
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class _Layer:
    table: str
    geometry: str
    code: str | None
    crs: str


@contextmanager
def _readable() -> Iterator[None]:
    """Tell of a damaged file as of a job that cannot be used."""
    try:
        yield
    except (sqlite3.DatabaseError, UnicodeDecodeError) as problem:
        raise JobUnusable(
            f"the feature manifest or execution database cannot be read: {problem}",
            "the service writes both beside the results; run the analysis again if they are damaged",
        ) from None


class Manifest:
    """Both files, opened. Used from one thread at a time; `close` releases them (not the files themselves)."""

    def __init__(self, manifest: Path, execution: Path | None) -> None:
        self._db = sqlite3.connect(_read_only(manifest), uri=True, check_same_thread=False)
        self._db.text_factory = lambda text: text.decode("utf-8", "replace")
        try:
            with _readable():
                self._layers = self._find_layers()
                if execution is not None:
                    self._read_outcomes(execution)
        except JobUnusable:
            self.close()
            raise

    def counts(self) -> dict[str, int]:
        """Return how many features of the manifest are in which state; one without a row is pending."""
        with _readable():
            return self._counted()

    def _counted(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for layer in self._layers:
            rows = self._db.execute(
                f"SELECT coalesce(o.state, 'pending'), count(DISTINCT f.identifier) FROM {_quoted(layer.table)} f "  # noqa: S608 - the name is quoted
                "LEFT JOIN outcome o ON o.name = f.identifier WHERE f.identifier IS NOT NULL GROUP BY 1"
            )
            for state, count in rows:
                found[state] = found.get(state, 0) + count
        return found

    def delivered(self) -> Iterator[Feature]:
        """Yield every delivered feature with its files, table by table and by identifier.

        Raises `JobUnusable` for a row that makes no sense.
        """
        for layer in self._layers:
            system = _system(layer)
            with _readable():
                for identifier, rows in groupby(self._rows(layer), key=itemgetter(0)):
                    yield _feature(str(identifier), list(rows), layer, system)

    def extents(self) -> Iterator[tuple[str | None, Projection, tuple[Polygon, ...], str]]:
        """Yield (code, projection, polygons, path) of every row, delivered or not: a Zarr store has all in one place."""
        for layer in self._layers:
            system = _system(layer)
            query = f"SELECT {_quoted(layer.geometry)}, path FROM {_quoted(layer.table)} ORDER BY rowid"  # noqa: S608 - the names are quoted
            with _readable():
                for blob, path in self._db.execute(query):
                    yield layer.code, system, _polygons(blob, "of the store"), str(path)

    def close(self) -> None:
        """Release both files."""
        self._db.close()

    def _rows(self, layer: _Layer) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of delivered features, those of one feature together, without sorting any geometry."""
        table, geometry = _quoted(layer.table), _quoted(layer.geometry)
        self._db.executescript(
            "DROP TABLE IF EXISTS temp.chosen; CREATE TEMP TABLE chosen AS "  # noqa: S608 - the names are quoted
            f"SELECT f.rowid AS place FROM {table} f JOIN outcome o ON o.name = f.identifier "
            "WHERE o.state = 'delivered' ORDER BY f.identifier, f.rowid"
        )
        yield from self._db.execute(
            f"SELECT f.identifier, f.outputId, f.path, f.width, f.height, f.{geometry} "  # noqa: S608 - the names are quoted
            f"FROM temp.chosen c CROSS JOIN {table} f ON f.rowid = c.place ORDER BY c.rowid"
        )

    def _find_layers(self) -> tuple[_Layer, ...]:
        rows = self._db.execute(
            "SELECT g.table_name, g.column_name, s.organization, s.organization_coordsys_id, s.definition, g.srs_id "
            "FROM gpkg_geometry_columns g LEFT JOIN gpkg_spatial_ref_sys s ON s.srs_id = g.srs_id ORDER BY g.table_name"
        ).fetchall()
        layers = [_layer(row) for row in rows if {"identifier", "path"} <= self._columns("main", row[0])]
        if not layers:
            raise JobUnusable("the feature manifest holds no feature table", "run the request's analysis again")
        return tuple(layers)

    def _read_outcomes(self, execution: Path) -> None:
        self._db.execute("ATTACH DATABASE ? AS execution", (_read_only(execution),))
        columns = self._columns("execution", "features")
        if not {"name", "status"} <= columns:
            raise JobUnusable("the execution database holds no table of features", "start the request again")
        error = "coalesce(error, '')" if "error" in columns else "''"
        stated = "coalesce(delivered, 0) NOT IN (0, '0', 'false', 'False', 'FALSE')"
        implied = f"upper(status) = 'DONE' AND {error} = ''"
        self._db.executescript(_STATES.format(error=error, delivered=stated if "delivered" in columns else implied))

    def _columns(self, schema: str, table: str) -> set[str]:
        return {row[1] for row in self._db.execute(f"PRAGMA {schema}.table_info({_quoted(table)})")}


def _feature(identifier: str, rows: list[tuple[Any, ...]], layer: _Layer, system: Projection) -> Feature:
    files = tuple(
        File(str(output or "default"), str(path), _pixels(width), _pixels(height))
        for _, output, path, width, height, _ in rows
        if path
    )
    return Feature(identifier, layer.code, system, _polygons(rows[0][5], identifier), files)


def _polygons(blob: Any, whose: str) -> tuple[Polygon, ...]:
    if blob is None:
        return ()
    try:
        return read_blob(bytes(blob)).polygons
    except (GeometryError, TypeError) as problem:
        raise JobUnusable(
            f"the geometry of feature {whose} in the manifest cannot be read: {problem}", "run the analysis again"
        ) from None


def _layer(row: tuple[Any, ...]) -> _Layer:
    table, column, organisation, number, definition, srs_id = row
    if organisation and str(organisation).upper() not in {"NONE", "CUSTOM"} and _pixels(number) > 0:
        code = f"{str(organisation).upper()}:{number}"
        return _Layer(table, column, code, code)
    if isinstance(definition, str) and "[" in definition:
        return _Layer(table, column, None, definition)
    code = f"EPSG:{srs_id}"
    return _Layer(table, column, code, code)


def _system(layer: _Layer) -> Projection:
    try:
        return projection(layer.crs)
    except GeometryError as problem:
        raise JobUnusable(f"table {layer.table} of the feature manifest: {problem}", "use a known EPSG code") from None


def _pixels(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and value >= 0 else 0


def _read_only(path: Path) -> str:
    return f"{path.resolve().as_uri()}?mode=ro&immutable=1"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
