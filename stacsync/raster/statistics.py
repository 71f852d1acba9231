"""Statistics of a sample's bands, rounded so that another machine finds the same."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from stacsync.raster.pixels import Sample

if TYPE_CHECKING:
    import numpy as np

_DIGITS = 6


def rounded(value: float) -> float:
    """Return a number with six significant digits."""
    if value == 0 or not math.isfinite(value):
        return 0.0
    return float(f"{value:.{_DIGITS}g}")


def valid(sample: Sample, band: int) -> np.ndarray[Any, Any]:
    """Return the valid, finite values of a band (from 0) as floats; of complex ones their magnitude."""
    import numpy as np  # noqa: PLC0415 - the extra that may be missing

    values = sample.values[band].compressed()
    if np.iscomplexobj(values):
        values = np.abs(values)
    values = values.astype("float64")
    finite: np.ndarray[Any, Any] = values[np.isfinite(values)]
    return finite


def statistics(sample: Sample) -> list[dict[str, float]]:
    """Return `minimum`, `maximum`, `mean`, `stddev` and `valid_percent` of each band; of one without a value, nothing."""
    return [_of_band(sample, band) for band in range(len(sample.values))]


def _of_band(sample: Sample, band: int) -> dict[str, float]:
    values = valid(sample, band)
    total = sample.values[band].size
    if not values.size or not total or sample.colours[band] == "alpha":
        return {}
    return {
        "minimum": rounded(float(values.min())),
        "maximum": rounded(float(values.max())),
        "mean": rounded(float(values.mean())),
        "stddev": rounded(float(values.std())),
        "valid_percent": round(100.0 * values.size / total, 2),
    }


def stretch(sample: Sample, band: int) -> tuple[float, float] | None:
    """Return the 2nd and 98th percentile of a band, made different; None when it has no valid value."""
    import numpy as np  # noqa: PLC0415 - the extra that may be missing

    values = valid(sample, band)
    if not values.size:
        return None
    low, high = (rounded(float(edge)) for edge in np.percentile(values, (2, 98)))
    if high <= low:
        low, high = rounded(float(values.min())), rounded(float(values.max()))
    return (low, high) if high > low else (low, rounded(low + max(abs(low) * 1e-3, 1e-6)))
