"""Ask whether any locked package has a known weakness, and never take silence for a no."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NOT_TOLD = 3
"""Exit code when the advisory service told nothing of some package."""


@dataclass(frozen=True)
class Findings:
    """What the advisory service said."""

    audited: int = 0
    silent: tuple[str, ...] = ()
    """Packages of which it said nothing."""
    weak: tuple[str, ...] = field(default=())
    """A line for each known weakness."""

    @property
    def code(self) -> int:
        """Return the exit code: 0 all are known to be well, 1 some are not, 3 nobody could say."""
        return 1 if self.weak else NOT_TOLD if self.silent else 0

    def told(self) -> str:
        """Return what was found, for people."""
        lines = [f"KNOWN WEAKNESS  {one}" for one in self.weak]
        if self.silent and not self.audited:
            lines.append(
                f"NOT AUDITED: the advisory service cannot be reached; {len(self.silent)} packages are unproven"
            )
        elif self.silent:
            lines.append(f"NOT AUDITED: {', '.join(self.silent)}")
        lines.append(f"{self.audited} packages audited, {len(self.weak)} known weaknesses")
        return "\n".join(lines)


def read(report: dict[str, Any]) -> Findings:
    """Read pip-audit's JSON: it skips what it cannot ask about, and ends well all the same."""
    packages = report.get("dependencies", [])
    silent = tuple(one["name"] for one in packages if "skip_reason" in one)
    weak = tuple(
        f"{one['name']} {one['version']}: {flaw['id']}, mended in {', '.join(flaw['fix_versions']) or 'no version yet'}"
        for one in packages
        for flaw in one.get("vulns", ())
    )
    return Findings(len(packages) - len(silent), silent, weak)


def audit(program: Path, lock: Path, names: tuple[str, ...]) -> Findings:
    """Run pip-audit over `lock`; without an answer of its own everything counts as not audited."""
    words = (
        str(program),
        "-r",
        str(lock),
        "--require-hashes",
        "--disable-pip",
        "-f",
        "json",
        "--progress-spinner",
        "off",
    )
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=600)
    try:
        return read(json.loads(done.stdout))
    except ValueError:
        return Findings(silent=names)
