"""`stacsync run` as a process of its own, and what it serves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from tests.kit.workspace import Workspace

PATIENCE = 150.0


def eventually(look: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """Return what `look` returns as soon as it is true."""
    deadline = time.monotonic() + patience
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"never came: {what}")
        time.sleep(0.1)


@dataclass
class Running:
    """A daemon under way."""

    process: subprocess.Popen[bytes]
    log: Path
    address: str = ""

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What it logged; a line that is no JSON is an error."""
        whole = self.log.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def events(self, name: str, **fields: Any) -> list[dict[str, Any]]:
        """Return the log lines of an event that have these fields."""
        return [
            line
            for line in self.lines
            if line["event"] == name and all(line.get(key) == value for key, value in fields.items())
        ]

    def wait_for(self, name: str, number: int = 1, **fields: Any) -> list[dict[str, Any]]:
        """Return the lines of an event as soon as there are so many."""

        def look() -> list[dict[str, Any]] | None:
            found = self.events(name, **fields)
            assert len(found) >= number or self.process.poll() is None, self.log.read_text()[-3000:]
            return found if len(found) >= number else None

        found: list[dict[str, Any]] = eventually(look, f"{name} {fields}: {self.log.read_text()[-2000:]}")
        return found

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body of a page."""
        try:
            with urlopen(f"{self.address}{path}", timeout=60) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def json(self, path: str = "/api/status") -> Any:
        return json.loads(self.get(path)[1])

    def stop(self, number: int = signal.SIGTERM, patience: float = 60.0) -> tuple[int, float]:
        """Ask it to stop; return its exit code and how many seconds it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(patience), time.monotonic() - began


@contextmanager
def running(workspace: Workspace, log: str = "run.log", **environment: str) -> Iterator[Running]:
    """Start `stacsync run` on a free port; it is killed at the end if it still runs."""
    workspace.sections.setdefault("server", {"port": 0})
    path = workspace.root / log
    path.unlink(missing_ok=True)
    with path.open("wb") as sink:
        process = subprocess.Popen(
            workspace.command("run"),
            env={**os.environ, **workspace.environment(**environment)},
            cwd=workspace.root,
            stdout=sink,
            stderr=sink,
        )
    found = Running(process, path)
    try:
        found.address = found.wait_for("daemon.started")[0]["address"]
        yield found
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)
