"""Passes that die: each in a process of its own, forked from one that has all modules loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kit.workspace import Workspace

ROOT = Path(__file__).parents[2]


@dataclass
class Server:
    """The process that forks those that die."""

    process: subprocess.Popen[str]
    folder: Path
    number: int = 0

    def run(
        self, workspace: Workspace, die_at: str | None = None, kill_after: float | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Make a pass that dies at a point, is killed, or is not disturbed; return its exit code and what it told."""
        self.number += 1
        told = self.folder / f"told-{self.number}"
        order = {"config": str(workspace.config), "die_at": die_at, "kill_after": kill_after, "told": str(told)}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(order), file=self.process.stdin, flush=True)
        code = int(self.process.stdout.readline())
        return code, json.loads(told.read_text()) if told.exists() else {}


@contextmanager
def dying(folder: Path) -> Iterator[Server]:
    """Start the process; what its children tell goes to `folder`."""
    words = [sys.executable, "-m", "tests.drill.crashing"]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Server(process, folder)
        assert process.stdin is not None
        process.stdin.close()
