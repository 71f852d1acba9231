"""What a set of Items has in common: extent, summaries, item_assets. A monoid, so that one Item more costs one merge.

An Item that goes cannot be taken out of a minimum: then the summary of what it was merged into is made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stacsync.stac.bounds import Bounds
from stacsync.stac.tally import Common, Values, canonical
from stacsync.stac.times import parse, rfc3339

_ASSETS = 60
_BANDS = 100
_SUMMARISED = frozenset(
    {"platform", "constellation", "mission", "instruments", "gsd", "license", "proj:code", "grid:code", "deprecated"}
    | {"processing:level", "processing:facility", "processing:version", "processing:lineage"}
)
_PREFIXES = ("eo:", "view:", "sat:", "sar:", "product:", "raster:")
_NOT_SUMMARISED = frozenset({"sat:anx_datetime", "sat:absolute_orbit", "sat:orbit_state_vectors", "raster:histogram"})
_OWN = frozenset(
    [
        "href",
        "title",
        "description",
        "created",
        "updated",
        "expires",
        "published",
        "unpublished",
        "datetime",
        "start_datetime",
        "end_datetime",
        "statistics",
        "file:size",
        "file:checksum",
        "file:header_size",
        "file:local_path",
        "file:values",
        "stacsync:source",
        "alternate",
        "storage:refs",
        "proj:shape",
        "proj:transform",
        "proj:bbox",
        "proj:geometry",
        "proj:centroid",
        "raster:histogram",
        "table:row_count",
    ]
)
"""Asset fields that are of one file, not of a kind of asset."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The summary of some Items; `Summary()` is that of none, and `merge` is associative and commutative."""

    count: int = 0
    bounds: Bounds | None = None
    """Of the Items that have a bbox."""
    start: datetime | None = None
    end: datetime | None = None
    values: Mapping[str, Values] = field(default_factory=dict)
    """By property."""
    assets: Common = field(default_factory=lambda: Common(_ASSETS))
    bands: Common = field(default_factory=lambda: Common(_BANDS))

    @classmethod
    def of(cls, items: Iterable[Mapping[str, Any]]) -> Summary:
        """Return the summary of these Item documents."""
        total = cls()
        for item in items:
            total = total.add(item)
        return total

    @classmethod
    def of_one(cls, item: Mapping[str, Any]) -> Summary:
        """Return the summary of one Item document."""
        properties, assets = item.get("properties") or {}, item.get("assets") or {}
        names = ("datetime", "start_datetime", "end_datetime")
        times = [moment for name in names if (moment := parse(properties.get(name))) is not None]
        bbox = item.get("bbox")
        return cls(
            count=1,
            bounds=None if bbox is None else Bounds.of_bbox(bbox),
            start=min(times, default=None),
            end=max(times, default=None),
            values={name: Values.of(value) for name, value in properties.items() if _is_summarised(name, value)},
            assets=_assets(assets),
            bands=_bands([properties, *assets.values()]),
        )

    def add(self, item: Mapping[str, Any]) -> Summary:
        """Return the summary with one Item document more."""
        return self.merge(Summary.of_one(item))

    def merge(self, other: Summary) -> Summary:
        """Return the summary of both sets of Items; they must have none in common."""
        starts = [moment for moment in (self.start, other.start) if moment is not None]
        ends = [moment for moment in (self.end, other.end) if moment is not None]
        values = dict(self.values)
        for name, tally in other.values.items():
            values[name] = values[name].merge(tally) if name in values else tally
        return Summary(
            count=self.count + other.count,
            bounds=self.bounds.merge(other.bounds) if self.bounds and other.bounds else self.bounds or other.bounds,
            start=min(starts, default=None),
            end=max(ends, default=None),
            values=values,
            assets=self.assets.merge(other.assets),
            bands=self.bands.merge(other.bands),
        )

    def bbox(self) -> list[float] | None:
        """Return the narrowest bbox around all Items (west > east across the antimeridian), or None."""
        return None if self.bounds is None else self.bounds.bbox()

    def interval(self) -> list[str | None]:
        """Return the first and last time of all Items, in RFC 3339; nulls when there is none."""
        return [None if moment is None else rfc3339(moment) for moment in (self.start, self.end)]

    def summaries(self) -> dict[str, Any]:
        """Return STAC `summaries`: ranges of numbers, small sets of everything else, all bands by name."""
        found = {name: tally.summary() for name, tally in self.values.items()}
        kept = {name: value for name, value in sorted(found.items()) if value is not None}
        bands = [{"name": name, **fields} for name, (_, fields) in sorted((self.bands.seen or {}).items())]
        return {**kept, "bands": bands} if bands else kept

    def item_assets(self) -> dict[str, Any]:
        """Return STAC `item_assets`: for each asset key that recurs, what all assets of that key have in common."""
        recurring = min(2, self.count)
        seen = self.assets.seen or {}
        common = {key: _defined(fields) for key, (count, fields) in sorted(seen.items()) if count >= recurring}
        return {key: fields for key, fields in common.items() if len(fields) >= 2}

    def to_json(self) -> dict[str, Any]:
        """Return the whole state as JSON, for `from_json`."""
        bounds = self.bounds
        sides = ("west", "south", "east", "north", "west360", "east360")
        return {
            "count": self.count,
            "bounds": None if bounds is None else [getattr(bounds, side) for side in sides],
            "interval": self.interval(),
            "values": {name: tally.to_json() for name, tally in sorted(self.values.items())},
            "assets": self.assets.to_json(),
            "bands": self.bands.to_json(),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Summary:
        """Return what `to_json` was called on."""
        start, end = (parse(moment) for moment in body["interval"])
        return cls(
            count=body["count"],
            bounds=None if body["bounds"] is None else Bounds(*body["bounds"]),
            start=start,
            end=end,
            values={name: Values.from_json(tally) for name, tally in body["values"].items()},
            assets=Common.from_json(_ASSETS, body["assets"]),
            bands=Common.from_json(_BANDS, body["bands"]),
        )


def _is_summarised(name: str, value: Any) -> bool:
    if value is None or isinstance(value, Mapping) or name in _NOT_SUMMARISED:
        return False
    return name in _SUMMARISED or name.startswith(_PREFIXES)


def _assets(assets: Mapping[str, Mapping[str, Any]]) -> Common:
    kinds = {key: {name: value for name, value in asset.items() if name not in _OWN} for key, asset in assets.items()}
    seen = {key: (1, canonical(_without_statistics(fields))) for key, fields in kinds.items()}
    return Common(_ASSETS, seen if len(seen) <= _ASSETS else None)


def _without_statistics(fields: dict[str, Any]) -> dict[str, Any]:
    if "bands" not in fields:
        return fields
    bands = [{name: value for name, value in band.items() if name not in _OWN} for band in fields["bands"]]
    return {**fields, "bands": bands}


def _bands(holders: Iterable[Mapping[str, Any]]) -> Common:
    total = Common(_BANDS)
    for holder in holders:
        for band in holder.get("bands") or ():
            name = band.get("name")
            if name:
                fields = {key: value for key, value in band.items() if key not in _OWN and key != "name"}
                total = total.merge(Common(_BANDS, {name: (1, canonical(fields))}))
    return total


def _defined(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields without empty band lists and empty bands at their end."""
    kept = dict(fields)
    if "bands" in kept and not any(kept["bands"]):
        del kept["bands"]
    return kept
