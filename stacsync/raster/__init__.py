"""What a raster says of itself: where it lies, how it is cut, what its bands hold, and what it looks like.

A few ranges of the mirrored object are read, never more than a small overview. What cannot be read gives no facts and no
error: facts make an Item better, and never hold up its publication. Looking at pixels takes the extra `stacsync[raster]`.
"""

from __future__ import annotations

from stacsync.raster.header import facts_of
from stacsync.raster.inspection import Inspector, Looking
from stacsync.raster.pictures import Gallery, Hung, Wall
from stacsync.raster.ranges import RangeFile, Ranges

__all__ = ["Gallery", "Hung", "Inspector", "Looking", "RangeFile", "Ranges", "Wall", "facts_of"]
