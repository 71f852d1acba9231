"""Which files are on their way right now, and which arrived last."""

from __future__ import annotations

import posixpath
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any

from stacsync.mirror.events import Event, Failed, Finished, JobFinished, JobStarted, Progress, Started

RECENT = 8
"""Finished transfers that are remembered."""


@dataclass(slots=True)
class Transfer:
    """One file, or package, on its way."""

    provider: str
    job: str
    title: str | None
    key: str
    size: int | None
    began: float
    bytes: int = 0

    def to_json(self, now: float) -> dict[str, Any]:
        """Return what `/api/status` shows of it."""
        return {
            "provider": self.provider,
            "job": self.job,
            "title": self.title,
            "name": posixpath.basename(self.key),
            "key": self.key,
            "bytes": self.bytes,
            "size": self.size,
            "seconds": round(max(0.0, now - self.began), 1),
        }


class Transfers:
    """Fed with the events of the mirror, from any thread."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Know of nothing yet."""
        self._monotonic = monotonic
        self._lock = Lock()
        self._titles: dict[tuple[str, str], str | None] = {}
        self._moving: dict[tuple[str, str], Transfer] = {}
        self._recent: deque[dict[str, Any]] = deque(maxlen=RECENT)

    def observe(self, event: Event) -> None:
        """Take in one event."""
        with self._lock:
            match event:
                case JobStarted():
                    self._titles[event.provider, event.job] = event.title
                case JobFinished():
                    self._titles.pop((event.provider, event.job), None)
                case Started():
                    title = self._titles.get((event.provider, event.job))
                    self._moving[event.provider, event.key] = Transfer(
                        event.provider, event.job, title, event.key, event.bytes, self._monotonic()
                    )
                case Progress():
                    if moving := self._moving.get((event.provider, event.key)):
                        moving.bytes += event.bytes
                case Finished() | Failed():
                    self._ended(event)
                case _:
                    pass

    def _ended(self, event: Finished | Failed) -> None:
        moving = self._moving.pop((event.provider, event.key), None)
        if moving is None or (isinstance(event, Finished) and event.reused):
            return
        error = event.message if isinstance(event, Failed) else None
        self._recent.appendleft({**moving.to_json(self._monotonic()), "error": error})

    def clear(self) -> None:
        """Forget what was on its way: nobody goes on with it."""
        with self._lock:
            self._titles.clear()
            self._moving.clear()

    def moving(self) -> list[dict[str, Any]]:
        """Return the transfers in flight, the longest under way first."""
        now = self._monotonic()
        with self._lock:
            return [one.to_json(now) for one in sorted(self._moving.values(), key=lambda one: one.began)]

    def recent(self) -> list[dict[str, Any]]:
        """Return the last that arrived or failed, newest first."""
        with self._lock:
            return list(self._recent)

    def count(self) -> Counter[str]:
        """Return how many are in flight per provider."""
        with self._lock:
            return Counter(provider for provider, _ in self._moving)
