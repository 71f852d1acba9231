"""What a watcher of a pass is told: progress bars, log lines and metrics are all made from these small records.

An observer is called from several threads at once, must return quickly, and never sees a signed address or a token.
Bytes are those read from the source. Every `Started` is followed by exactly one `Finished` or `Failed` of the same key,
unless the process is asked to stop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PassStarted:
    """A pass over one provider begins."""

    provider: str


@dataclass(frozen=True, slots=True)
class JobsSeen:
    """The listing is complete: so many jobs have something to do."""

    provider: str
    total: int


@dataclass(frozen=True, slots=True)
class JobStarted:
    """One job is being described, mirrored and staged."""

    provider: str
    job: str
    title: str | None


@dataclass(frozen=True, slots=True)
class Started:
    """An asset or a package is being moved."""

    provider: str
    job: str
    key: str
    bytes: int | None
    """Its whole size; None while nobody knows."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Some more bytes of it were read from its source."""

    provider: str
    job: str
    key: str
    bytes: int
    """Since the last report of this key."""


@dataclass(frozen=True, slots=True)
class Finished:
    """It lies in the store, whole and verified."""

    provider: str
    job: str
    key: str
    bytes: int
    """Bytes moved in this pass; 0 when it was there already."""
    reused: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """It could not be moved; the message is safe to show."""

    provider: str
    job: str
    key: str
    message: str


@dataclass(frozen=True, slots=True)
class JobFinished:
    """One job is through; `state` is the one that the ledger keeps."""

    provider: str
    job: str
    state: str


@dataclass(frozen=True, slots=True)
class PassFinished:
    """A pass over one provider ended; `counts` as in `stacsync sync --json`."""

    provider: str
    counts: Mapping[str, int]


Event = PassStarted | JobsSeen | JobStarted | Started | Progress | Finished | Failed | JobFinished | PassFinished
Observer = Callable[[Event], None]


def unwatched(event: Event) -> None:
    """Watch nothing: the observer of whoever does not care."""
    del event
