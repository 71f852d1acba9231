"""The order of an index: by quarter, then by place along a Z-curve, so that near rows lie near each other. Pure."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
BITS = 23
"""Of each direction: cells of about five metres."""


def quarter(month: str) -> int:
    """Return the number of the quarter that a month ("2025-06") lies in; 0 for "undated"."""
    return int(month[:4]) * 4 + (int(month[5:7]) - 1) // 3 if month[:1].isdigit() else 0


def months_of(quarters: set[int]) -> list[str]:
    """Return the months of some quarters, as the ledger names them."""
    return [
        f"{number // 4:04d}-{number % 4 * 3 + one:02d}" if number else "undated"
        for number in sorted(quarters)
        for one in ((1, 2, 3) if number else (1,))
    ]


def orders(quarters: Numbers, boxes: NDArray[np.float64]) -> Numbers:
    """Return what rows are sorted by; `boxes` holds west, south, east, north for each, NaN where there is none."""
    west, south, east, north = (boxes[:, side] for side in range(4))
    middle = np.where(west > east, (west + east + 360) / 2, (west + east) / 2)
    middle = (np.nan_to_num(middle, nan=-180.0) + 180.0) % 360.0
    height = np.clip(np.nan_to_num((south + north) / 2, nan=-90.0) + 90.0, 0.0, 180.0)
    cells = 1 << BITS
    x = np.minimum((middle / 360.0 * cells).astype(np.int64), cells - 1)
    y = np.minimum((height / 180.0 * cells).astype(np.int64), cells - 1)
    ordered: Numbers = (quarters << (2 * BITS)) | _spread(x) | (_spread(y) << 1)
    return ordered


def quarters_of(ordered: Numbers) -> Numbers:
    """Return the quarter in each number that `orders` gave."""
    found: Numbers = ordered >> (2 * BITS)
    return found


def _spread(numbers: Numbers) -> Numbers:
    """Return numbers with a zero before each of their bits."""
    for shift, mask in (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    ):
        numbers = (numbers | (numbers << shift)) & mask
    return numbers


def mark(item: str, key: str, digest: str) -> int:
    """Return 63 bits that name an Item in one state of it."""
    named = sha256(f"{item}\0{key}\0{digest}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(named[:8]) >> 1
