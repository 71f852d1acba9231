"""Starting up: how long until a command answers, and what an idle service holds."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.backend import FilesElsewhere, many
from benchmarks.idle import make_pass_of_nothing
from benchmarks.measured import Run, environment, run
from benchmarks.product import configure
from benchmarks.report import Figure

SETTLED = 6.0
"""Seconds after the first pass at which an idle service is looked at."""


def measure(folder: Path, quick: bool) -> list[Figure]:
    stacsync = [sys.executable, "-m", "stacsync"]
    with FilesElsewhere(many(100)) as backend:
        config = configure(folder / "ours", backend.settings(), server={"port": 0}, schedule={"every": "1h"})
        make_pass_of_nothing(config, backend)
        backend.jobs = ()
        rounds = 3 if quick else 9
        commands = {"python -c pass": [sys.executable, "-c", "pass"], "stacsync --help": [*stacsync, "--help"]}
        commands["stacsync status"] = [*stacsync, "status", "--config", str(config)]
        figures = [_figure(name, [run(command) for _ in range(rounds)]) for name, command in commands.items()]
        return [*figures, _idle([*stacsync, "run", "--config", str(config)], folder, backend)]


def _figure(name: str, runs: list[Run]) -> Figure:
    best = min(runs, key=lambda one: one.seconds)
    middle = statistics.median(one.seconds for one in runs)
    return Figure(name, middle, best.cpu, best.peak_mib, {"best_s": best.seconds})


def _idle(command: list[str], folder: Path, backend: FilesElsewhere) -> Figure:
    """Start the service, wait until its first pass is through, and look at it."""
    before, begun = backend.count("/jobs$"), time.monotonic()
    with (folder / "log").open("wb") as log:
        service = subprocess.Popen(command, stdout=log, stderr=log, env=environment())
    try:
        while b"pass.finished" not in (folder / "log").read_bytes():
            if service.poll() is not None or time.monotonic() - begun > 60:
                raise RuntimeError(f"the service makes no pass: {(folder / 'log').read_text()[-2000:]}")
            time.sleep(0.01)
        took = time.monotonic() - begun
        time.sleep(SETTLED)
        status = Path(f"/proc/{service.pid}/status").read_text()
    finally:
        service.terminate()
        service.wait(30)
    held = {name: int(re.search(rf"{name}:\s+(\d+)", status)[1]) / 1024 for name in ("VmRSS", "RssAnon")}  # type: ignore[index]
    more = {
        "resident MiB": held["VmRSS"],
        "of it private": held["RssAnon"],
        "listings": backend.count("/jobs$") - before,
    }
    return Figure("stacsync run, to the end of its first pass; idle then", took, more=more)
