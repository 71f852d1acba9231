"""A folder on the local disk for the foreign files of one job, gone with its description."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path


class Workplace:
    """A temporary folder and what is open in it; `close` releases both, once, from any thread."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="stacsync-")))

    def path(self, name: str) -> Path:
        """Return a path in the folder."""
        return self.folder / name

    def at_close(self, release: Callable[[], None]) -> None:
        """Have `release` called before the folder goes."""
        self._stack.callback(release)

    def close(self) -> None:
        """Release everything."""
        self._stack.close()
