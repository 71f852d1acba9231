"""What a raster's own header says: where it lies, how it is cut, what its bands hold.

A few ranges of the mirrored object are read, never the whole file. What cannot be read gives no facts and no error:
facts make an Item better, and never hold up its publication.
"""

from __future__ import annotations

from stacsync.raster.header import facts_of
from stacsync.raster.inspection import Inspector
from stacsync.raster.ranges import RangeFile, Ranges

__all__ = ["Inspector", "RangeFile", "Ranges", "facts_of"]
