"""Add to mirrored rasters what their headers say; each file is read once, its facts are remembered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, cast

from stacsync.jobs import Mirrored
from stacsync.logs import get_logger
from stacsync.raster.header import facts_of
from stacsync.raster.ranges import RangeFile, Ranges

AT_ONCE = 4
LOOKED = "stacsync:looked"
"""Kept with the facts of every file that was looked at, so that one without facts is not read again."""
_LOG = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Inspector:
    """Reads headers from `store`; `remember` keeps the facts of a key."""

    store: Ranges
    remember: Callable[[Mapping[str, Mapping[str, Any]]], None]

    def __call__(self, mirrored: Sequence[Mirrored]) -> list[Mirrored]:
        """Return the same files in the same order, rasters with their facts. Never raises for what a file holds."""
        todo = [one for one in mirrored if _is_tiff(one) and not one.facts]
        if not todo:
            return [_clean(one) for one in mirrored]
        with ThreadPoolExecutor(min(AT_ONCE, len(todo))) as pool:
            found = dict(zip((one.key for one in todo), pool.map(self._look, todo), strict=True))
        self.remember({key: {LOOKED: True, **facts} for key, facts in found.items()})
        return [_clean(replace(one, facts=found[one.key]) if one.key in found else one) for one in mirrored]

    def _look(self, one: Mirrored) -> dict[str, Any]:
        try:
            with RangeFile(self.store, one.key, one.size or 0) as file:
                return facts_of(cast("BinaryIO", file))
        except Exception as error:  # noqa: BLE001 - a hostile header may break the reader in any way; it only costs the facts
            _LOG.warning("raster.unreadable", key=one.key, error=type(error).__name__)
            return {}


def _is_tiff(one: Mirrored) -> bool:
    return bool(one.size) and (one.media_type or "").startswith("image/tiff")


def _clean(one: Mirrored) -> Mirrored:
    if LOOKED not in one.facts:
        return one
    return replace(one, facts={name: value for name, value in one.facts.items() if name != LOOKED})
