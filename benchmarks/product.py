"""One pass of this project as `run` makes it: the configuration is open and the lease is held, then the clock starts.

    python -m benchmarks.product CONFIG [JOB]

With JOB that job is taken first, before the clock starts: then the libraries are loaded, as they are in a service.
Prints the object of `sync --json`, with the seconds of the pass (`pass_s`) and those before it (`opened_s`).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measured import Run, run
from benchmarks.servers import ACCESS, SECRET


def main(config: Path, first: str | None = None) -> None:
    begun = time.monotonic()
    from stacsync import logs
    from stacsync.app import open_app

    logs.configure("warning", "json", sys.stderr)
    app = open_app(config)
    try:
        app.parts.hold_lease()
        if first is not None:
            app.sync([], [first])
        opened, before = time.monotonic(), time.process_time()
        told = app.sync([], [])
        told |= {"opened_s": opened - begun, "pass_s": time.monotonic() - opened}
        told["pass_cpu_s"] = time.process_time() - before
    finally:
        app.close()
    print(json.dumps(told))


@dataclass(frozen=True)
class Passed:
    """What one pass did and took."""

    run: Run
    told: dict[str, Any]

    @property
    def seconds(self) -> float:
        return float(self.told["pass_s"])

    @property
    def cpu(self) -> float:
        return float(self.told["pass_cpu_s"])


def make_pass(config: Path, first: str | None = None) -> Passed:
    """Make a pass in a process of its own, that of the job `first` before it. Raises when it did not go through."""
    done = run([sys.executable, "-m", "benchmarks.product", config, *([] if first is None else [first])])
    told = json.loads(done.out)
    if told["errors"] or any(one["error"] or one["failed"] for one in told["providers"].values()):
        raise RuntimeError(f"the pass failed: {json.dumps(told)[:2000]}")
    return Passed(done, told)


def configure(
    folder: Path, provider: Mapping[str, Any], storage: Mapping[str, Any] | None = None, **sections: Mapping[str, Any]
) -> Path:
    """Write the configuration of a catalog with one provider in `folder`; its ledger lies there too."""
    folder.mkdir(parents=True, exist_ok=True)
    tables: dict[str, Mapping[str, Any]] = {
        "catalog": {"id": "bench", "title": "Benchmark"},
        "storage": storage or {"url": f"file://{folder}/catalog"},
        "ledger": {"url": f"sqlite:///{folder}/ledger.db"},
        "providers.p": provider,
        **sections,
    }
    lines = [
        line
        for name, table in tables.items()
        for line in (f"[{name}]", *(f"{key} = {_toml(one)}" for key, one in table.items()))
    ]
    config = folder / "stacsync.toml"
    config.write_text("\n".join(lines) + "\n")
    config.chmod(0o600)
    return config


def bucket(endpoint: str, prefix: str) -> dict[str, str]:
    """Return the `[storage]` of a catalog in the bucket `bench` of `endpoint`."""
    return {
        "url": f"s3://bench/{prefix}",
        "endpoint_url": endpoint,
        "region": "us-east-1",
        "access_key_id": ACCESS,
        "secret_access_key": SECRET,
    }


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {_toml(inner)}" for name, inner in value.items()) + " }"
    return json.dumps(value)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:3])
