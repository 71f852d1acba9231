"""The outside world of a provider, in memory: what it remembers, what time it is, and waiting that takes no time."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from threading import Event
from typing import Any

from stacsync.errors import Stopped
from stacsync.provider import Context, Memory


class FakeMemory:
    """A `Memory` that lasts as long as this object; values are copied in and out, as a ledger would."""

    def __init__(self, values: dict[str, dict[str, Any]] | None = None) -> None:
        self.values: dict[str, dict[str, Any]] = deepcopy(values or {})

    def get(self, key: str) -> dict[str, Any] | None:
        """Return a copy of what was put last under `key`, or None."""
        return deepcopy(self.values.get(key))

    def put(self, key: str, value: dict[str, Any]) -> None:
        """Keep a copy of `value` under `key`."""
        self.values[key] = deepcopy(value)

    def drop(self, key: str) -> None:
        """Forget `key`."""
        self.values.pop(key, None)


def context(
    name: str = "mine",
    *,
    memory: Memory | None = None,
    clock: Callable[[], datetime] | None = None,
    sleep: Callable[[float], None] | None = None,
    stop: Event | None = None,
    state_dir: str | Path | None = None,
) -> Context:
    """Return a provider's context; unless told otherwise it forgets everything, and sleeping only notices `stop`.

    Without `state_dir` a fresh temporary folder is made; the caller removes it.
    """
    event = stop or Event()

    def skip(_: float) -> None:
        if event.is_set():
            raise Stopped("asked to stop")

    return Context(
        name=name,
        memory=memory or FakeMemory(),
        clock=clock or (lambda: datetime.now(UTC)),
        sleep=sleep or skip,
        stop=event,
        state_dir=str(state_dir or mkdtemp(prefix="stacsync-")),
    )
