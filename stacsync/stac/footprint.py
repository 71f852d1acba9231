"""Where an Item lies: as stated, else by its rasters' headers, else by its projection fields, else by its bbox."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stacsync.jobs import JSON, ItemRecord
from stacsync.stac import geometry, projection
from stacsync.stac.bounds import Bounds, is_world, merged


@dataclass(frozen=True, slots=True)
class Located:
    """An Item's geometry (None: unknown), its bbox, and where they come from when the provider does not state them."""

    geometry: JSON | None = None
    bbox: list[float] | None = None
    source: str | None = None


def located(record: ItemRecord, rasters: Iterable[object], fields: Iterable[Mapping[str, Any]]) -> Located:
    """Return where an Item lies.

    A stated geometry or bbox of the whole world is what a service writes when it does not know: it is passed over.
    `rasters` are the footprints that files' own headers give, `fields` objects that may carry `proj:*`.
    """
    for found, source in _candidates(record, rasters, list(fields)):
        shape, repaired = geometry.normalised(found)
        if shape is None:
            continue
        bbox = geometry.bbox_of(shape)
        if source in (None, record.geometry_source, "bbox") and is_world(bbox):
            continue
        word = source if not repaired else "repaired" if source is None else f"{source}, repaired"
        return Located(shape, bbox, word)
    return Located()


def _candidates(
    record: ItemRecord, rasters: Iterable[object], fields: list[Mapping[str, Any]]
) -> Iterator[tuple[object, str | None]]:
    if record.geometry is not None:
        yield record.geometry, record.geometry_source
    yield _joined([found for found in rasters if found is not None]), "raster"
    yield _joined([found for entry in fields if (found := projection.footprint(entry)) is not None]), "projection"
    if record.bbox is not None:
        yield geometry.from_bbox(record.bbox), record.geometry_source or "bbox"


def _joined(shapes: list[Any]) -> JSON | None:
    """Return one geometry for several footprints: the one that is alike for all, else the box around them."""
    distinct = [shape for index, shape in enumerate(shapes) if shape not in shapes[:index]]
    if len(distinct) < 2:
        return distinct[0] if distinct else None
    whole = [found for shape in distinct if (found := geometry.normalised(shape)[0]) is not None]
    bounds = [Bounds.of_bbox(geometry.bbox_of(shape)) for shape in whole]
    total = merged(bound for bound in bounds if bound is not None)
    return None if total is None else geometry.from_bbox(total.bbox())
