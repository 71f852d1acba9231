"""Who holds a lease: a process of a machine, told apart from another that got the same number."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, and one lease of it."""

    host: str
    """Machine, boot and process-number space: within one host, equal numbers mean the same process or an ended one."""
    pid: int
    started: str
    """When the process started, in ticks since boot; "" where the system does not tell."""
    token: str
    """Unlike any other lease's."""

    @classmethod
    def here(cls) -> Owner:
        """Return this process as the owner of a new lease."""
        return cls(host=_host(), pid=os.getpid(), started=_started(os.getpid()) or "", token=uuid4().hex)

    @property
    def machine(self) -> str:
        """Return the machine's name, for people."""
        return self.host.partition("/")[0]

    def ended(self) -> bool:
        """Return whether this owner surely runs no more: it ran on this host, and its process is gone."""
        if self.host != _host():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        now = _started(self.pid)
        return bool(self.started and now is not None and now != self.started)


def _host() -> str:
    boot, space = "", ""
    with suppress(OSError):
        boot = _BOOT.read_text(encoding="ascii").strip()
    with suppress(OSError):
        space = Path("/proc/self/ns/pid").readlink().name
    return f"{socket.gethostname()}/{boot}/{space}"


def _started(pid: int) -> str | None:
    """Return a process's start in ticks since boot, None when it cannot be told; "gone" for one that only waits to be reaped."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return "gone" if fields[0] in {"Z", "X"} else fields[19]
