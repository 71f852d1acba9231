"""Fields of older STAC versions under the names that they have today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stacsync.stac import bands, projection
from stacsync.stac.clean import published, without_nulls
from stacsync.stac.times import TIME_FIELDS, normalised

_RENAMED = {
    "dtr:start_datetime": "start_datetime",
    "dtr:end_datetime": "end_datetime",
    "startdatetime": "start_datetime",
    "enddatetime": "end_datetime",
    "item:license": "license",
    "item:providers": "providers",
    "eo:gsd": "gsd",
    "eo:platform": "platform",
    "eo:constellation": "constellation",
    "eo:epsg": "proj:epsg",
    "eo:off_nadir": "view:off_nadir",
    "eo:azimuth": "view:azimuth",
    "eo:sun_azimuth": "view:sun_azimuth",
    "eo:sun_elevation": "view:sun_elevation",
    "sat:off_nadir_angle": "view:off_nadir",
    "sat:azimuth_angle": "view:azimuth",
    "sat:sun_azimuth_angle": "view:sun_azimuth",
    "sat:sun_elevation_angle": "view:sun_elevation",
    "sar:type": "sar:product_type",
    "sar:polarization": "sar:polarizations",
    "checksum:multihash": "file:checksum",
    "file:nodata": "nodata",
    "file:data_type": "data_type",
    "file:unit": "unit",
}
"""By the changelogs of STAC 0.7 to 1.1 and of the extensions. The newer name wins where both are there."""


def fields_of(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return foreign properties or asset fields as STAC 1.1 has them: clean, renamed, times in UTC, proj v2, one `bands`."""
    clean = without_nulls(published(source))
    renamed = {name: value for name, value in clean.items() if name not in _RENAMED}
    if len(renamed) < len(clean):
        for old, new in _RENAMED.items():
            if old in clean:
                renamed.setdefault(new, clean[old])
    for name in TIME_FIELDS & renamed.keys():
        moment = normalised(renamed.pop(name))
        if moment is not None:
            renamed[name] = moment
    return bands.upgraded(projection.upgraded(renamed))
