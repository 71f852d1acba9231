"""The command line: which cases, at which size."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import idle, publishing, startup, tiles, transfers
from benchmarks.measured import ROOT
from benchmarks.report import Figure, table

Case = Callable[[Path, bool], list[Figure]]
LARGE, SMALL = 256 * transfers.MIB, 64 * 1024


def large(folder: Path, quick: bool, *, real: bool = False) -> list[Figure]:
    count = 4 if quick or real else 8
    size = 64 * transfers.MIB if quick else LARGE
    load = transfers.Load("large", count, size, jobs=count, transfers=4)
    return transfers.measure(folder, load, rounds=1 if quick else 2 if real else 3, real=real)


def small(folder: Path, quick: bool, *, real: bool = False) -> list[Figure]:
    load = transfers.Load("small", 500 if quick else 2000, SMALL, jobs=20, transfers=16)
    return transfers.measure(folder, load, rounds=1 if quick else 3, real=real)


CASES: dict[str, tuple[str, Case]] = {
    "large": ("Large files, HTTP → S3 that discards them", large),
    "small": ("Small files, HTTP → S3 that discards them", small),
    "large-real": ("Large files, HTTP → rclone serve s3", lambda folder, quick: large(folder, quick, real=True)),
    "small-real": ("Small files, HTTP → rclone serve s3", lambda folder, quick: small(folder, quick, real=True)),
    "publishing": ("Publishing from scratch, and one job more", publishing.measure),
    "idle": ("A pass with nothing new", idle.measure),
    "tiles": ("One job of many tiles, by reference", tiles.measure),
    "startup": ("Starting up", startup.measure),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("case", nargs="*", metavar="case", help=f"which to run: {', '.join(CASES)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="small sizes, one round each: a look, no measurement")
    parser.add_argument("--out", type=Path, default=ROOT / "test-output" / "bench.json", help="where the JSON goes")
    said = parser.parse_args()
    unknown = set(said.case) - CASES.keys()
    if unknown:
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    found: dict[str, object] = {"machine": machine(), "quick": said.quick}
    for name in said.case or CASES:
        title, case = CASES[name]
        print(f"\n## {title} (`{name}`, load {os.getloadavg()[0]:.1f})\n", flush=True)
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="stacsync-bench-") as folder:
            figures = case(Path(folder), said.quick)
        print(table(figures), flush=True)
        print(f"\n({time.monotonic() - begun:.0f} s for this case)", file=sys.stderr)
        found[name] = [figure.row() for figure in figures]
    said.out.parent.mkdir(parents=True, exist_ok=True)
    said.out.write_text(json.dumps(found, indent=2) + "\n")
    return 0


def machine() -> dict[str, object]:
    return {"python": platform.python_version(), "cpus": os.cpu_count(), "load": os.getloadavg()[0]}


if __name__ == "__main__":
    sys.exit(main())
