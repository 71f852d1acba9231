"""The columns of an index: chosen from a census, widened by later Items, filled with values that fit. Pure.

The layout is stac-geoparquet 1.1: the Item's own members and its properties side by side at the top, times as native
timestamps, the geometry as WKB, the bbox as a struct.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from stacsync.search.census import Census

MOST_COLUMNS = 200
MOST_ASSETS = 40
"""Asset keys that get a field of their own; with more, Items have keys of their own and assets are named by role."""
TIME = pa.timestamp("us", tz="UTC")
TIMES = frozenset(
    {"datetime", "start_datetime", "end_datetime", "created", "updated", "published", "expires", "unpublished"}
)
BBOX = pa.struct([pa.field(side, pa.float64()) for side in ("xmin", "ymin", "xmax", "ymax")])
_FIXED = (
    pa.field("type", pa.string()),
    pa.field("stac_version", pa.string()),
    pa.field("stac_extensions", pa.list_(pa.string())),
    pa.field("id", pa.string()),
    pa.field("collection", pa.string()),
    pa.field("geometry", pa.binary()),
    pa.field("bbox", BBOX),
    pa.field("datetime", TIME),
    pa.field("start_datetime", TIME),
    pa.field("end_datetime", TIME),
)
RESERVED = frozenset({*(field.name for field in _FIXED), "links", "assets", "properties"}) - TIMES
"""Names of columns that a property cannot have."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def counted(rows: Iterable[Mapping[str, Any]], *, by_role: bool) -> Census:
    """Return the census of rows, of what no column is given beforehand for.

    It ends early when there are `too_many_assets`: then rows have to be made `by_role`, and are counted anew.
    """
    made = Census()
    given = {field.name for field in _FIXED}
    for row in rows:
        made.add({name: value for name, value in row.items() if name not in given})
        if not by_role and too_many_assets(made):
            break
    return made


def schema_of(rows: Census) -> pa.Schema:
    """Return the columns that fit most of the rows counted (as `rows.row` makes them)."""
    own = {field.name for field in _FIXED} | {"links", "assets"}
    rest = Census()
    rest.fields = {name: found for name, found in rows.fields.items() if name not in own}
    properties = [
        pa.field(field.name, TIME) if field.name in TIMES else field
        for field in rest.chosen(MOST_COLUMNS)
        if field.name.casefold() not in own
    ]
    fields = [*_FIXED, *_nested(rows), *properties]
    return pa.schema(fields)


def _nested(rows: Census) -> list[pa.Field]:
    found = []
    links = rows.fields.get("links")
    if links is not None and (kind := links.type()) is not None:
        found.append(pa.field("links", kind))
    assets = rows.fields.get("assets")
    if assets is not None and (fields := assets.chosen(MOST_ASSETS)):
        found.append(pa.field("assets", pa.struct(fields)))
    return found


def too_many_assets(rows: Census) -> bool:
    """Whether the Items counted have more different asset keys than get a field each."""
    assets = rows.fields.get("assets")
    return assets is not None and (assets.crowded or len(assets.fields) > MOST_ASSETS)


def widened(old: pa.Schema, new: pa.Schema) -> pa.Schema:
    """Return `old` with what `new` has besides; where they contradict each other `old` stays."""
    more = {field.name: field.type for field in new}
    known = {field.name.casefold() for field in old}
    fields = [pa.field(field.name, _joined(field.type, more.get(field.name, field.type))) for field in old]
    fields += [field for field in new if field.name.casefold() not in known]
    named = {field.name: field for field in fields}
    nested = [named.pop(name) for name in ("links", "assets") if name in named]
    given = {field.name for field in _FIXED}
    rest = sorted((field for name, field in named.items() if name not in given), key=lambda field: str(field.name))
    return pa.schema([*_FIXED, *nested, *rest[:MOST_COLUMNS]])


def _joined(old: pa.DataType, new: pa.DataType) -> pa.DataType:
    if {old, new} == {pa.int64(), pa.float64()}:
        return pa.float64()
    if pa.types.is_list(old) and pa.types.is_list(new):
        return pa.list_(_joined(old.value_type, new.value_type))
    if pa.types.is_struct(old) and pa.types.is_struct(new):
        more = {field.name: field.type for field in new}
        fields = {field.name: _joined(field.type, more.get(field.name, field.type)) for field in old}
        known = {name.casefold() for name in fields}
        fields |= {name: kind for name, kind in more.items() if name.casefold() not in known}
        return pa.struct([pa.field(name, fields[name]) for name in sorted(fields)])
    return old


def conformed(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return a column of an earlier schema as one of a `widened` schema."""
    if values.type == kind:
        return values
    if pa.types.is_struct(kind):
        here = {field.name: position for position, field in enumerate(values.type)}
        flat = values.flatten()
        parts = [
            conformed(flat[here[field.name]], field.type) if field.name in here else pa.nulls(len(values), field.type)
            for field in kind
        ]
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=values.is_null())
    if pa.types.is_list(kind):
        inner = conformed(values.values, kind.value_type)
        return pa.ListArray.from_arrays(values.offsets, inner, type=kind, mask=values.is_null())
    return values.cast(kind)


def fitter(kind: pa.DataType) -> Callable[[Any], Any]:
    """Return what makes a value fit a column of type `kind`: None where it does not."""
    if pa.types.is_struct(kind):
        return _of_fields([(field.name, fitter(field.type)) for field in kind])
    if pa.types.is_list(kind):
        each = fitter(kind.value_type)
        return lambda value: [each(entry) for entry in value] if type(value) is list else None
    return _SCALARS[kind]


def _of_fields(fields: Sequence[tuple[str, Callable[[Any], Any]]]) -> Callable[[Any], Any]:
    def fit(value: Any) -> Any:
        return {name: each(value.get(name)) for name, each in fields} if type(value) is dict else None

    return fit


def _integer(value: Any) -> int | None:
    return value if type(value) is int and -(2**63) <= value < 2**63 else None


def _number(value: Any) -> float | None:
    return float(value) if type(value) in {int, float} and abs(value) < 1e308 else None


def microseconds(stated: Any) -> int | None:
    """Return an ISO time as microseconds since 1970 (UTC); None for what is no time."""
    if not isinstance(stated, str):
        return None
    try:
        moment = datetime.fromisoformat(stated)
        passed = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    except (ValueError, OverflowError):
        return None
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


_SCALARS: dict[pa.DataType, Callable[[Any], Any]] = {
    pa.string(): lambda value: value if type(value) is str else None,
    pa.bool_(): lambda value: value if type(value) is bool else None,
    pa.binary(): lambda value: value if type(value) is bytes else None,
    pa.int64(): _integer,
    pa.float64(): _number,
    TIME: microseconds,
}


def batches(pieces: Iterable[Sequence[Mapping[str, Any]]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield rows as columns; what does not fit is null."""
    columns = [(field.name, field.type, fitter(field.type)) for field in schema]
    for rows in pieces:
        arrays = [pa.array([fit(row.get(name)) for row in rows], kind) for name, kind, fit in columns]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
