"""`python -m tests.drill`: the whole drill, every case of it, and a table of what was promised and tried.

`--quick` takes the samples that stand in for the whole, as `make test-long` does; `--json FILE` and `--markdown FILE` keep
the table. Further words are pytest's: `python -m tests.drill -k leaks`.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import Any

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

    def markdown(self) -> str:
        """Return the table in Markdown."""
        lines = ["| promise | cases tried | failures | seconds |", "| --- | ---: | ---: | ---: |"]
        lines += [
            f"| {promise} | {row.cases:,} | {row.failures} | {row.seconds:.0f} |"
            for promise, row in sorted(self.rows.items())
        ]
        return "\n".join(lines)

    def told(self, seconds: float, *, quick: bool) -> dict[str, Any]:
        """Return the table as JSON, with what it was found out on."""
        packages = ("stacsync", "hypothesis", "moto", "pytest")
        return {
            "quick": quick,
            "seconds": round(seconds),
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}",
            "packages": {name: version(name) for name in packages},
            "passed": self.passed,
            "failed": self.failed,
            "promises": {promise: asdict(row) for promise, row in sorted(self.rows.items())},
        }


def main(words: list[str]) -> int:
    """Run the drill; return pytest's exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.drill", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="samples alone: minutes in place of the best part of an hour"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the table as JSON")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="keep the table as Markdown")
    ours, theirs = parser.parse_known_args(words)
    table, began = Table(), monotonic()
    chosen = ["-m", "not real"] if ours.quick else []
    code = pytest.main([str(FOLDER), "-q", "--no-header", *chosen, *theirs], plugins=[table])
    told = table.told(monotonic() - began, quick=ours.quick)
    if ours.json:
        ours.json.write_text(json.dumps(told, indent=2) + "\n")
    if ours.markdown:
        ours.markdown.write_text(table.markdown() + "\n")
    sys.stdout.write(f"\n{table.markdown()}\n\n{table.passed} passed, {table.failed} failed in {told['seconds']} s\n")
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
