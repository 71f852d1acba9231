"""Numbers out of foreign JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence


def finite(value: object) -> float | int | None:
    """Return `value` as a finite number (text of one included), or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return value if isinstance(value, (int, float)) and math.isfinite(value) else None


def finite_list(value: object, lengths: Sequence[int]) -> list[float] | None:
    """Return a list of finite numbers that has one of these lengths, or None."""
    if not isinstance(value, (list, tuple)) or len(value) not in lengths:
        return None
    numbers = [number for entry in value if (number := finite(entry)) is not None]
    return numbers if len(numbers) == len(value) else None


_SPECIAL = {"nan": "nan", "inf": "inf", "+inf": "inf", "infinity": "inf", "-inf": "-inf", "-infinity": "-inf"}


def no_data(value: object) -> float | int | str | None:
    """Return a no-data value as JSON can hold it: a number, or "nan", "inf", "-inf"; None when it is none."""
    return _SPECIAL.get(str(value).lower().strip()) or finite(value)
