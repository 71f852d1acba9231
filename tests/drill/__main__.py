"""`python -m tests.drill`: the whole drill, every case of it, and a table of what was promised and tried.

Words after it are pytest's: `python -m tests.drill -k leaks`. With `-m "not real"` it is as short as in `make test`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


@dataclass
class Row:
    """What became of one promise."""

    cases: int = 0
    failures: int = 0
    seconds: float = 0.0


@dataclass
class Table:
    """A pytest plugin that adds up what the tests tell."""

    rows: dict[str, Row] = field(default_factory=dict)
    promises: dict[str, str] = field(default_factory=dict)
    passed: int = 0
    failed: int = 0

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out what only stands in for the whole, unless pytest was told what to take."""
        self.promises = {
            item.nodeid: marker.args[0] for item in items if (marker := item.get_closest_marker("promise")) is not None
        }
        if not config.option.markexpr:
            whole = {item.nodeid.replace("all]", "sampled]") for item in items if item.nodeid.endswith("all]")}
            config.hook.pytest_deselected(items=[item for item in items if item.nodeid in whole])
            items[:] = [item for item in items if item.nodeid not in whole]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test."""
        row = self.rows.setdefault(self.promises.get(report.nodeid, "(no promise)"), Row())
        row.seconds += report.duration
        if report.failed:
            row.failures += 1
            self.failed += 1
        elif report.when == "call":
            self.passed += 1
            row.cases += sum(int(str(value)) for name, value in report.user_properties if name == "cases")

    def told(self) -> str:
        """Return the table in Markdown."""
        lines = ["| promise | cases tried | failures | seconds |", "| --- | ---: | ---: | ---: |"]
        lines += [
            f"| {promise} | {row.cases:,} | {row.failures} | {row.seconds:.0f} |"
            for promise, row in sorted(self.rows.items())
        ]
        return "\n".join(lines)


def main() -> int:
    """Run the drill; return pytest's exit code."""
    table = Table()
    code = pytest.main([str(FOLDER), "-q", "--no-header", *sys.argv[1:]], plugins=[table])
    sys.stdout.write(f"\n{table.told()}\n\n{table.passed} passed, {table.failed} failed\n")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
