"""Files from HTTP into a bucket: whole passes of this project against tools that only copy."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import peers
from benchmarks.backend import FilesElsewhere, job_of
from benchmarks.measured import ROOT, CommandFailed, run
from benchmarks.product import bucket, configure, make_pass
from benchmarks.report import Figure
from benchmarks.servers import files, null_sink, rclone, rclone_s3

MIB = 1024 * 1024
OURS = "stacsync (a service's pass)"
COLD = "stacsync (a process's first pass)"
CURL = "curl to nowhere"
RCLONE = "rclone copyurl"
Took = tuple[float, float, float]
"""Seconds, processor seconds, peak MiB."""


@dataclass(frozen=True)
class Load:
    """So many files of so many bytes, in so many jobs; `transfers` is how many at once the peers are told to make."""

    name: str
    count: int
    size: int
    jobs: int
    transfers: int

    @property
    def total(self) -> int:
        return self.count * self.size

    def names(self) -> list[str]:
        return [f"{self.name}-{number:05d}.nc" for number in range(self.count)]

    def lay(self, root: Path) -> None:
        """Write one file of random bytes, and all the others as further names of it."""
        names = self.names()
        with (root / names[0]).open("wb") as file:
            file.write(b"CDF\x05" + os.urandom(min(self.size, MIB) - 4))
            for _ in range(self.size // MIB - 1):
                file.write(os.urandom(MIB))
        for name in names[1:]:
            os.link(root / names[0], root / name)

    def backend(self, source: str, *, first: bool) -> FilesElsewhere:
        """Return a back-end with the jobs; `first`: and with one more of one file, the last of its list."""
        names, share = self.names(), self.count // self.jobs
        shares = [names[start : start + share] for start in range(0, self.count, share)]
        jobs = [job_of(number, one, self.size) for number, one in enumerate(shares)]
        return FilesElsewhere([*jobs, *([job_of(len(jobs), names[:1], self.size)] if first else [])], source)


def measure(folder: Path, load: Load, *, rounds: int, real: bool) -> list[Figure]:
    """Let everybody move `load` in turn, `rounds` times."""
    (folder / "root").mkdir()
    load.lay(folder / "root")
    sink: Callable[[Path], AbstractContextManager[str]] = rclone_s3 if real else null_sink
    took: dict[str, list[Took]] = {}
    with files(folder, folder / "root") as source, sink(folder) as endpoint:
        urls = [f"{source}/{name}" for name in load.names()]
        commands = _peers(folder, load, urls, endpoint, slow=not real)
        for number in range(rounds):
            for name, command in commands.items():
                try:
                    done = run(command)
                except CommandFailed as error:
                    print(f"  {name} left out: {error}", file=sys.stderr)
                    continue
                took.setdefault(name, []).append((done.seconds, done.cpu, done.peak_mib))
                shutil.rmtree(folder / "downloaded", ignore_errors=True)
            for name in (OURS, COLD):
                took.setdefault(name, []).append(_ours(folder / f"{number}-{len(name)}", load, source, endpoint, name))
    return _figures(load, took)


def _ours(place: Path, load: Load, source: str, endpoint: str, name: str) -> Took:
    """Make a pass over all of `load`: ledger, checksums, Items, Collections, index and all."""
    warm = name == OURS
    with load.backend(source, first=warm) as backend:
        config = configure(place, backend.settings(), bucket(endpoint, place.name))
        passed = make_pass(config, f"j-{load.jobs:07d}" if warm else None)
    moved = passed.told["assets"]
    assert (moved["transferred"], moved["bytes"]) == (load.count, load.total), moved
    return passed.seconds, passed.cpu, passed.run.peak_mib


def _peers(folder: Path, load: Load, urls: list[str], endpoint: str, *, slow: bool) -> dict[str, list[str | Path]]:
    listed = folder / "urls.json"
    listed.write_text(json.dumps(urls))
    threads = str(load.transfers)
    found: dict[str, list[str | Path]] = {
        CURL: peers.curl(folder, urls, load.transfers),
        RCLONE: peers.rclone(rclone(), folder, endpoint, urls, load.transfers),
        "boto3 upload_fileobj": [sys.executable, "-m", "benchmarks.peers", "boto3", endpoint, listed, threads],
    }
    python = peers.venv_of_stac_asset(ROOT) if slow else None
    if python is not None:
        script, place = ROOT / "benchmarks" / "peers.py", folder / "downloaded"
        found["stac-asset + boto3"] = [python, script, "stac-asset", endpoint, listed, place]
    return found


def _figures(load: Load, took: dict[str, list[Took]]) -> list[Figure]:
    middle = {name: statistics.median(seconds for seconds, _, _ in runs) for name, runs in took.items()}
    return [
        Figure(
            who=name,
            seconds=middle[name],
            cpu=statistics.median(cpu for _, cpu, _ in runs),
            peak_mib=max(peak for _, _, peak in runs),
            more={
                "best_s": min(seconds for seconds, _, _ in runs),
                "MB/s": load.total / middle[name] / 1e6,
                "files/s": load.count / middle[name],
                "× rclone": middle[RCLONE] / middle[name] if RCLONE in middle else None,
                "× curl": middle[CURL] / middle[name] if CURL in middle else None,
            },
        )
        for name, runs in took.items()
    ]
