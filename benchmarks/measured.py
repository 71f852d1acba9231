"""Run a command to its end and say what it took: seconds, processor seconds, most memory."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Run:
    """What one run of a command took."""

    seconds: float
    cpu: float
    """Of the process and the children that it waited for."""
    peak_mib: float
    """Most memory resident at once, of the process alone."""
    out: str


class CommandFailed(RuntimeError):
    """A command that has to work did not."""


def environment() -> dict[str, str]:
    """Return the environment of every contender: as installed, none compiles its modules at each start."""
    here = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**here, "PYTHONPYCACHEPREFIX": str(ROOT / "test-output" / "pycache")}


def run(command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, timeout: float = 900) -> Run:
    """Run `command`; whatever it says on stdout is kept, the rest is shown only if it fails."""
    words = [str(word) for word in command]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begun = time.monotonic()
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env={**environment(), **(env or {})}, cwd=ROOT
        )
        peak = 0.0
        while True:
            done, status, usage = os.wait4(process.pid, os.WNOHANG)
            if done:
                break
            peak = max(peak, _high_water(process.pid))
            if time.monotonic() - begun > timeout:
                process.kill()
            time.sleep(0.005)
        seconds = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        said = out.read().decode(errors="replace")
        if process.returncode != 0:
            raise CommandFailed(
                f"{' '.join(words)[:300]} ended with {process.returncode}: {err.read()[-3000:].decode()}"
            )
    return Run(seconds, usage.ru_utime + usage.ru_stime, peak, said)


def _high_water(pid: int) -> float:
    """Return the most memory that a process held so far; what `wait4` tells counts its parent's too, from before exec."""
    try:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0.0
    return int(found[1]) / 1024 if found else 0.0
