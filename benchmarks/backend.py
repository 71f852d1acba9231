"""Provider stand-ins for the cases: jobs whose files a web server of its own holds, and jobs in great numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from stacsync.demo.openeo import OpenEOStandIn, StandInFile, StandInJob


class Length:
    """Stands for bytes that lie elsewhere."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __len__(self) -> int:
        return self._size


class FilesElsewhere(OpenEOStandIn):
    """An openEO back-end whose results link to the files of a web server at `files`."""

    def __init__(self, jobs: Sequence[StandInJob], files: str = "") -> None:
        super().__init__(jobs, page_size=1000)
        self._files = files

    def sign(self, job: str, kind: str, name: str) -> str:
        return f"{self._files}/{name}" if kind == "assets" and self._files else super().sign(job, kind, name)

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "trusted_hosts": [self._files.removeprefix("http://")] if self._files else []}


def job_of(number: int, names: Sequence[str], size: int) -> StandInJob:
    """Return a job whose results name these files of `size` bytes each, all in one Item."""
    data = cast("bytes", Length(size))
    held = tuple(StandInFile(name=name, data=data, media_type="application/netcdf") for name in names)
    return StandInJob(id=f"j-{number:07d}", title=f"Job {number}", shape="assets", files=held, **_times())


def many(count: int) -> list[StandInJob]:
    """Return so many jobs, for listings."""
    return [StandInJob(id=f"j-{number:07d}", title=f"Job {number}", **_times()) for number in range(count)]


def _times() -> dict[str, Any]:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    return dict.fromkeys(("created", "updated"), f"{yesterday:%Y-%m-%dT%H:%M:%SZ}")
