"""A small sample of a raster's pixels, read by ranges: of its smallest fitting overview, or of a few blocks.

Nothing is read beyond `MOST_BYTES`, whatever the file says of itself, and no block is decoded that would not fit there.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stacsync.raster.ranges import BLOCK, RangeFile

if TYPE_CHECKING:
    import numpy as np

SIDE = 512
"""Pixels of a sample's longer side, at most."""
ENOUGH = 256
"""Pixels of its longer side that an overview must have to be preferred to a larger one."""
MOST_BYTES = 16 * 1024 * 1024
"""Of a level that is read as a whole, and of all that is read of a file."""
MOST_WHOLE = 4 * 1024 * 1024
"""Of the full resolution, where there is no overview."""
MOST_BANDS = 32
_FEW_BLOCKS = 16
_NAME = "raster.tif"
_ENVIRONMENT = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_PAM_ENABLED": "NO", "GDAL_NUM_THREADS": "1"}


class TooLarge(ValueError):
    """No part of the raster is small enough to be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Pixels of all bands of a raster; what is not valid is masked."""

    values: np.ma.MaskedArray[Any, Any]
    """(band, row, column), in the raster's own type."""
    whole: bool
    """The pixels cover the whole raster evenly, so that they make a picture of it."""
    shape: tuple[int, int]
    """Rows and columns of the raster itself."""
    names: tuple[str, ...]
    """Descriptions of the bands, empty where there is none."""
    colours: tuple[str, ...]
    """What GDAL takes the bands for: gray, red, palette, alpha, …"""
    palette: dict[int, tuple[int, int, int, int]] | None
    nodata: float | None


def sample(file: RangeFile) -> Sample:
    """Return a sample of the TIFF in `file`. Raises `TooLarge`, `OSError` (rasterio's errors are some), or what GDAL does."""
    with _opened(file) as full:
        if not 0 < full.count <= MOST_BANDS:
            raise TooLarge(f"{full.count} bands")
        level = _level(full)
        if level is None:
            return _sample(full, _scattered(full), whole=False)
        if level < 0:
            return _sample(full, _read(full), whole=True)
        shape = full.shape
    with _opened(file, overview_level=level) as small:
        return _sample(small, _read(small), whole=True, shape=shape)


@contextmanager
def _opened(file: RangeFile, **options: int) -> Iterator[Any]:
    import rasterio  # noqa: PLC0415 - the extra that may be missing
    from rasterio.errors import NotGeoreferencedWarning  # noqa: PLC0415 - the same

    warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)  # where a raster lies does not matter here
    failures: list[Exception] = []

    def opener(path: str, mode: str = "rb", **_: object) -> io.BufferedReader:  # noqa: ARG001 - as rasterio calls it
        if path not in {_NAME, "test"}:  # rasterio tries openers with a name of its own
            raise FileNotFoundError(path)
        return io.BufferedReader(_Quiet(file.again(MOST_BYTES // BLOCK), failures), BLOCK)

    with rasterio.Env(**_ENVIRONMENT), rasterio.open(_NAME, driver="GTiff", opener=opener, **options) as found:
        yield found
    if failures:
        raise failures[0]


class _Quiet(io.RawIOBase):
    """Ends where reading fails: GDAL's callbacks cannot carry an error."""

    def __init__(self, file: RangeFile, failures: list[Exception]) -> None:
        super().__init__()
        self._file = file
        self._failures = failures

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer is 3.12
        try:
            return self._file.readinto(buffer)
        except Exception as error:  # noqa: BLE001 - kept for the caller, who raises it
            self._failures.append(error)
            return 0


def _level(full: Any) -> int | None:
    """Return the overview to read, -1 for the raster itself, None when all are too large."""
    factors = full.overviews(1)
    sides = [max(full.shape)] + [-(-max(full.shape) // factor) for factor in factors]
    row, column = full.block_shapes[0]
    if _decoded(full, row, column) > MOST_BYTES:
        return None
    enough = [index for index, side in enumerate(sides) if side >= ENOUGH]
    for index in range(enough[-1] if enough else 0, len(sides)):
        factor = 1 if index == 0 else factors[index - 1]
        size = _decoded(full, -(-full.height // factor), -(-full.width // factor))
        if size <= (MOST_WHOLE if index == 0 else MOST_BYTES):
            return index - 1
    return None


def _decoded(full: Any, rows: int, columns: int) -> int:
    import numpy as np  # noqa: PLC0415 - the extra that may be missing

    return int(rows) * int(columns) * int(sum(np.dtype(_plain(name)).itemsize for name in full.dtypes))


def _plain(name: str) -> str:
    return {"complex_int16": "complex64"}.get(name, name)


def _read(dataset: Any) -> np.ma.MaskedArray[Any, Any]:
    from rasterio.enums import Resampling  # noqa: PLC0415 - the extra that may be missing

    shrink = max(1.0, max(dataset.shape) / SIDE)
    shape = (dataset.count, *(max(1, round(side / shrink)) for side in dataset.shape))
    smooth = dataset.count > 1 or "float" in dataset.dtypes[0]  # whole numbers of a single band may be classes
    way = Resampling.average if smooth else Resampling.nearest
    values: np.ma.MaskedArray[Any, Any] = dataset.read(out_shape=shape, masked=True, resampling=way)
    return values


def _scattered(full: Any) -> np.ma.MaskedArray[Any, Any]:
    """Return pixels of a few blocks, spread evenly over the raster, side by side."""
    import numpy as np  # noqa: PLC0415 - the extra that may be missing
    from rasterio.windows import Window  # noqa: PLC0415 - the same

    rows, columns = full.block_shapes[0]
    share = _decoded(full, rows, columns)
    if share > MOST_WHOLE:
        raise TooLarge(f"blocks of {share} bytes")
    across, down = -(-full.width // columns), -(-full.height // rows)
    count = max(1, min(_FEW_BLOCKS, MOST_WHOLE // share, across * down))
    chosen = sorted({round((index + 0.5) * across * down / count - 0.5) for index in range(count)})
    parts = []
    for number in chosen:
        y, x = divmod(number, across)
        window = Window(
            x * columns, y * rows, min(columns, full.width - x * columns), min(rows, full.height - y * rows)
        )
        found = full.read(window=window, masked=True)
        parts.append(found.reshape(full.count, 1, -1))
    data = np.concatenate([np.ma.getdata(part) for part in parts], axis=2)
    masks = np.concatenate([np.ma.getmaskarray(part) for part in parts], axis=2)
    return np.ma.MaskedArray(data, masks)


def _sample(
    dataset: Any, values: np.ma.MaskedArray[Any, Any], *, whole: bool, shape: tuple[int, int] | None = None
) -> Sample:
    colours = tuple(one.name for one in dataset.colorinterp)
    palette = dataset.colormap(1) if colours[0] == "palette" else None
    return Sample(
        values=values,
        whole=whole,
        shape=shape or dataset.shape,
        names=tuple(name or "" for name in dataset.descriptions),
        colours=colours,
        palette=palette,
        nodata=dataset.nodata,
    )
