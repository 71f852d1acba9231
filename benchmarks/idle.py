"""A pass that finds nothing new: what a service does nearly always.

    python -m benchmarks.idle CONFIG

That prints how long listing alone takes, and makes the ledger know every job that is listed.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from benchmarks.backend import FilesElsewhere, many
from benchmarks.measured import run
from benchmarks.product import configure, make_pass
from benchmarks.report import Figure


def measure(folder: Path, quick: bool) -> list[Figure]:
    figures = []
    for count in (1000, 10_000) if quick else (1000, 10_000, 100_000):
        with FilesElsewhere(many(count)) as backend:
            config = configure(folder / str(count), backend.settings())
            make_pass_of_nothing(config, backend)
            listing = json.loads(run([sys.executable, "-m", "benchmarks.idle", config]).out)["listing_s"]
            asked = len(backend.seen)
            passed = make_pass(config)
            assert passed.told["providers"]["p"]["unchanged"] == count, passed.told
            more = {
                "listing alone: s": listing,
                "beyond it: s": passed.seconds - listing,
                "requests": len(backend.seen) - asked,
            }
        figures.append(Figure(f"{count:,} known jobs", passed.seconds, passed.cpu, passed.run.peak_mib, more))
    return figures


def make_pass_of_nothing(config: Path, backend: FilesElsewhere) -> None:
    """Let the catalog and its ledger begin."""
    jobs, backend.jobs = backend.jobs, ()
    make_pass(config)
    backend.jobs = jobs


def main(config: Path) -> None:
    from stacsync import logs
    from stacsync.app import open_app
    from stacsync.ledger import JobState
    from stacsync.ledger.schema import jobs
    from stacsync.ledger.upsert import upsert

    logs.configure("warning", "json", sys.stderr)
    app = open_app(config)
    provider, ledger = app.parts.provider("p"), app.parts.ledger
    begun = time.monotonic()
    records = list(provider.finished_jobs())
    took = time.monotonic() - begun
    published = {
        "state": JobState.PUBLISHED.value,
        "updated_at": "2026-01-01T00:00:00Z",
        "reason": "",
        "left_out": "{}",
    }
    rows = [
        {"provider": "p", "job": one.id, "fingerprint": one.fingerprint, "title": one.title, "attempts": 0, **published}
        for one in records
    ]
    with ledger.write() as connection:
        upsert(connection, jobs, rows)
    app.close()
    print(json.dumps({"listing_s": took}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
