"""Local disk for packages that can only be read from their end, under one quota for the whole process.

The files have no name: they vanish with the process, however it ends.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import IO

from stacsync.errors import JobUnusable
from stacsync.mirror.order import GIB, MIB

LEFT_FREE = GIB
"""Bytes of the disk that are left to others."""
_STEP = 16 * MIB


class Spool:
    """Takes streams to disk."""

    def __init__(self, quota: int, folder: Path | None = None) -> None:
        self._quota = quota
        self._folder = folder or Path(tempfile.gettempdir())
        self._lock = Lock()
        self._used = 0

    @contextmanager
    def file(self, pieces: Iterable[bytes | memoryview]) -> Iterator[IO[bytes]]:
        """Hold the stream in a file for as long as the block runs. Raises `JobUnusable` when there is no room."""
        claimed = 0
        try:
            with tempfile.TemporaryFile(dir=self._folder, prefix="stacsync-") as file:
                written = 0
                for piece in pieces:
                    while written + len(piece) > claimed:
                        claimed += self._claim()
                    file.write(piece)
                    written += len(piece)
                file.flush()
                yield file
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise self._full() from error
            raise
        finally:
            with self._lock:
                self._used -= claimed

    def _claim(self) -> int:
        with self._lock:
            if self._used + _STEP > self._quota or shutil.disk_usage(self._folder).free < LEFT_FREE + _STEP:
                raise self._full()
            self._used += _STEP
        return _STEP

    def _full(self) -> JobUnusable:
        return JobUnusable(
            f"a ZIP package does not fit on the local disk ({self._folder}, at most {self._quota} bytes at once)",
            "make room, or point TMPDIR to a larger disk",
        )
