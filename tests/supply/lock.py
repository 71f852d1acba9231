"""The lock file as data: names, versions, markers and hashes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUN = ROOT / "requirements.run.lock"
"""What stacsync needs to run; what its tests need besides is no part of what is delivered."""
_PINNED = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)\s*(?:;\s*(.+))?")


@dataclass(frozen=True)
class Pinned:
    """One package of the lock."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    """SHA-256 (hex) of each of its files."""


def read(lock: Path) -> list[Pinned]:
    """Return the packages of a lock file, in its order. Raises `ValueError` for a line that pins nothing."""
    text = lock.read_text().replace("\\\n", " ")
    return [_read(line) for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _read(line: str) -> Pinned:
    head, *hashes = re.split(r"\s+--hash=sha256:", line.strip())
    found = _PINNED.fullmatch(head.strip())
    if found is None or not hashes:
        raise ValueError(f"pins no version by hash: {head}")
    name, version, marker = found.groups()
    return Pinned(name, version, (marker or "").strip(), tuple(one.strip() for one in hashes))
