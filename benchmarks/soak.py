"""Let the daemon work for a while on four stand-ins at a two-second rhythm, and watch memory, descriptors and threads.

    python -m benchmarks.soak            # ten minutes
    python -m benchmarks.soak 180        # seconds

Jobs keep finishing while it runs. At the end everything must be published, and neither memory nor descriptors nor
threads may still grow in the last third of it: exit 1 otherwise.
"""

from __future__ import annotations

import json
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import psutil
from stacsync.demo.openeo import OpenEOStandIn, StandInFile, StandInJob
from stacsync.demo.up42 import StandIn

EVERY = 10.0
"""Seconds between two looks."""
MEMORY_MIB = 24.0
"""Growth of the median from the second third to the last that is no leak yet."""


def new_job(number: int) -> StandInJob:
    file = StandInFile(name=f"{number}.csv", data=f"{number},1\n".encode() * 2000, media_type="text/csv")
    return StandInJob(id=f"j-soak-{number}", title=f"Soak {number}", shape="assets", files=(file,))


def configure(folder: Path, tables: dict[str, dict[str, object]]) -> Path:
    lines = [
        '[catalog]\nid = "soak"',
        f'[storage]\nurl = "file://{folder}/catalog"',
        f'[ledger]\nurl = "sqlite:///{folder}/l.db"',
    ]
    lines += ['[schedule]\nevery = "2s"\njitter = "0s"', "[server]\nport = 0"]
    for name, table in tables.items():
        values = "\n".join(f"{key} = {_toml(value)}" for key, value in table.items())
        lines.append(f"[providers.{name}]\n{values}")
    path = folder / "stacsync.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {json.dumps(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(value)


def looks(process: psutil.Process, seconds: float) -> Iterator[tuple[float, float, int, int]]:
    began = time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        time.sleep(EVERY)
        with process.oneshot():
            yield passed, process.memory_info().rss / 2**20, process.num_fds(), process.num_threads()


def address(log: Path) -> str:
    while True:
        for line in log.read_text().splitlines():
            if '"daemon.started"' in line:
                return str(json.loads(line)["address"])
        time.sleep(0.2)


def main(seconds: float) -> int:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        backends = [stack.enter_context(OpenEOStandIn()) for _ in range(2)]
        up42 = stack.enter_context(StandIn())
        up42.fill()
        tables: dict[str, dict[str, object]] = {
            "first": backends[0].settings(),
            "second": backends[1].settings(),
            "today": dict(up42.today_settings()),
            "classic": dict(up42.first_settings()),
        }
        config, log = configure(folder, tables), folder / "log"
        with log.open("wb") as sink:
            daemon = subprocess.Popen(
                [sys.executable, "-m", "stacsync", "run", "--config", str(config)], stderr=sink, cwd=folder
            )
        stack.callback(daemon.kill)
        page, seen, number = address(log), [], 0
        print(f"{'s':>5} {'RSS MiB':>8} {'fds':>5} {'threads':>8} {'passes':>7} {'published':>10}")
        for look in looks(psutil.Process(daemon.pid), seconds):
            for backend in backends:
                number += 1
                backend.jobs = (*backend.jobs, new_job(number))
            told = json.loads(urlopen(f"{page}/api/status", timeout=60).read())
            published = sum(one["jobs"].get("published", 0) for one in told["providers"].values())
            seen.append(look)
            passes = log.read_text().count('"pass.finished"')
            print(f"{look[0]:5.0f} {look[1]:8.1f} {look[2]:5d} {look[3]:8d} {passes:7d} {published:10d}", flush=True)
        time.sleep(max(10.0, seconds / 10))
        told = json.loads(urlopen(f"{page}/api/status", timeout=60).read())
        finished = sum(job.status == "finished" for backend in backends for job in backend.jobs) + 5
        published = sum(one["jobs"].get("published", 0) for one in told["providers"].values())
        began = time.monotonic()
        daemon.send_signal(signal.SIGTERM)
        code = daemon.wait(60)
        print(f"published {published} of {finished}; stopped with {code} after {time.monotonic() - began:.1f} s")
        return int(not flat(seen) or published != finished or code != 0)


def flat(seen: list[tuple[float, float, int, int]]) -> bool:
    third = max(1, len(seen) // 3)
    middle, last = seen[third : 2 * third] or seen, seen[-third:]
    grown = [statistics.median(row[n] for row in last) - statistics.median(row[n] for row in middle) for n in (1, 2, 3)]
    print(f"second third to last third: RSS {grown[0]:+.1f} MiB, descriptors {grown[1]:+.0f}, threads {grown[2]:+.0f}")
    return grown[0] < MEMORY_MIB and grown[1] <= 4 and grown[2] <= 4


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if sys.argv[1:] else 600.0))
