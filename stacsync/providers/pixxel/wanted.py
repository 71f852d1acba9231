"""Which files of a package are published: inputs are left out unless asked for, because their licence rarely allows it."""

from __future__ import annotations

from collections.abc import Collection
from threading import Lock

from stacsync.settings.globs import chosen

EXCLUDED = "files that package_include and package_exclude leave out"


class Wanted:
    """Answers for one job's packages, and counts what is left."""

    def __init__(self, include: Collection[str], exclude: Collection[str]) -> None:
        """Take paths that match one of `include` (empty: all) and none of `exclude`; letters in either case."""
        self._include = include
        self._exclude = exclude
        self._left: set[str] = set()
        self._lock = Lock()
        self.left_out: dict[str, int] = {}
        """How many files were left, by reason."""

    def __call__(self, path: str) -> bool:
        """Return whether to take the file at `path`, which is matched with and without the folder around everything."""
        if chosen((path, path.partition("/")[2]), self._include, self._exclude):
            return True
        with self._lock:
            self._left.add(path)
            self.left_out[EXCLUDED] = len(self._left)
        return False

    def leave(self, reason: str, count: int) -> None:
        """Note that something else is left out."""
        if count > 0:
            self.left_out[reason] = count
