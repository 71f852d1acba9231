"""`python -m tests.storage`: one conformance suite against every store that can be had here, and a table of the answers.

Ceph's gateway and its tools are Debian packages (`make test-real` installs them). Words after it are pytest's.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import pytest

FOLDER = Path(__file__).parent
SUITE = ("test_storage_promises.py", "test_storage_lease.py", "test_storage_catalogs.py")
NAMES = {
    "folder": ("a folder (`file://`)", None),
    "moto": ("moto", (sys.executable, "-c", "import moto; print(moto.__version__)")),
    "rclone": ("`rclone serve s3`", (str(Path(sys.executable).with_name("rclone")), "version")),
    "rclone-tls": (
        "`rclone serve s3` over TLS, private authority",
        (str(Path(sys.executable).with_name("rclone")), "version"),
    ),
    "ceph": ("Ceph's gateway (radosgw)", ("radosgw", "--version")),
}


@dataclass
class Row:
    """What one store did."""

    kept: int = 0
    broken: int = 0
    seconds: float = 0.0
    facts: dict[str, str] = field(default_factory=dict)


class Table:
    """A pytest plugin that adds up what was tried on each store."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self._kinds: dict[str, str] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            params = getattr(item, "callspec", None)
            named = params.params if params is not None else {}
            kind = next((str(named[name]) for name in ("store", "place", "kind") if name in named), "")
            self._kinds[item.nodeid] = kind

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        row = self.rows.setdefault(self._kinds.get(report.nodeid, ""), Row())
        row.seconds += report.duration
        row.broken += report.failed
        row.kept += report.when == "call" and report.passed
        row.facts |= {name: str(value) for name, value in report.user_properties}

    def told(self) -> str:
        """Return the table in Markdown."""
        heads = ("store", "version", "promises kept", "broken", "conditional writes", "attributes", "seconds")
        lines = [f"| {' | '.join(heads)} |", f"| {' | '.join('---' for _ in heads)} |"]
        for kind, (title, command) in NAMES.items():
            row = self.rows.get(kind)
            if row is not None:
                facts = (row.facts.get("conditional", ""), row.facts.get("attributes", ""))
                cells = (title, version(command), str(row.kept), str(row.broken), *facts, f"{row.seconds:.0f}")
                lines.append(f"| {' | '.join(cells)} |")
        return "\n".join(lines)


def version(command: tuple[str, ...] | None) -> str:
    """Return the version that a program tells of itself."""
    if command is None:
        return "–"
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout
    found = re.search(r"\d+(\.\d+)+", told)
    return found.group() if found else "?"


def main() -> int:
    """Run the suite on every store; return pytest's exit code."""
    table, began = Table(), monotonic()
    code = pytest.main([*(str(FOLDER / name) for name in SUITE), "-q", "--no-header", *sys.argv[1:]], plugins=[table])
    sys.stdout.write(f"\n{table.told()}\n\n{monotonic() - began:.0f} seconds in all\n")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
