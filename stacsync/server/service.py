"""The state of the running service: its phase, its tenure, and what passes tell while they run."""

from __future__ import annotations

from enum import StrEnum
from threading import Lock
from typing import Protocol

from stacsync.app import Parts, now
from stacsync.mirror.events import Event
from stacsync.schedule import Schedule
from stacsync.server.counters import Counters
from stacsync.server.transfers import Transfers
from stacsync.settings import Settings


class Phase(StrEnum):
    """What the daemon is doing."""

    STARTING = "starting"
    STANDBY = "standby"
    """Another process has the right to write the catalog, or the store or the ledger cannot be used yet."""
    ACTIVE = "active"
    STOPPING = "stopping"


class Tenure(Protocol):
    """What the service shows of `stacsync.daemon.tenure.Tenure`."""

    @property
    def parts(self) -> Parts:
        """The parts it works with."""
        ...

    @property
    def schedule(self) -> Schedule:
        """When its passes are due."""
        ...

    @property
    def running(self) -> frozenset[str]:
        """The providers whose pass is under way."""
        ...


class Service:
    """What the daemon tells and the server shows; safe to use from any thread."""

    def __init__(self, settings: Settings) -> None:
        """Start in the phase STARTING."""
        self.settings = settings
        self.phase = Phase.STARTING
        self.error: str | None = None
        """Why the service cannot work right now; it tries again by itself."""
        self.waiting_for: str | None = None
        """Who has the lease, while this process is a standby."""
        self.started = now()
        self.entered = self.started
        """Since when it is in its phase."""
        self.transfers = Transfers()
        self.counters = Counters()
        self._tenure: Tenure | None = None
        self._lock = Lock()

    def enter(self, phase: Phase, tenure: Tenure | None) -> None:
        """Change to a phase, with the tenure whose parts may be looked at from now on."""
        with self._lock:
            self.phase, self._tenure, self.entered = phase, tenure, now()
            self.waiting_for = None

    def leave(self, phase: Phase) -> None:
        """Look at no tenure any more: its ledger is about to be closed."""
        self.enter(phase, None)
        self.transfers.clear()

    @property
    def tenure(self) -> Tenure | None:
        """The tenure that is active; None in every other phase."""
        with self._lock:
            return self._tenure if self.phase is Phase.ACTIVE else None

    @property
    def lease(self) -> tuple[bool, int]:
        """Whether the lease is held, and its generation."""
        tenure = self.tenure
        if tenure is None:
            return False, 0
        lease = tenure.parts.lease
        return bool(lease.generation) and not lease.lost.is_set(), lease.generation

    @property
    def healthy(self) -> bool:
        """Whether this process works: in the active phase its scheduler must be alive."""
        tenure = self.tenure
        return tenure is None or tenure.schedule.alive

    def observe(self, event: Event) -> None:
        """Take in what a pass tells (a `stacsync.mirror.events.Observer`)."""
        self.transfers.observe(event)
        self.counters.observe(event)
