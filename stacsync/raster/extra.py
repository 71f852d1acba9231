"""Whether the optional parts that look into pixels are installed."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

INSTALL = "pip install 'stacsync[raster]'"


@cache
def installed() -> bool:
    """Return whether pixels can be read: without the extra `stacsync[raster]` headers alone are."""
    return all(find_spec(name) is not None for name in ("numpy", "rasterio", "PIL"))
