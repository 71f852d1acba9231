"""Provider memory that writes nothing: for dry runs, and for workers, which have no ledger."""

from __future__ import annotations

from typing import Any

from stacsync.provider import Memory


class ReadOnlyMemory:
    """What a provider puts or drops is seen by this object alone; nothing is written."""

    def __init__(self, below: Memory | None = None) -> None:
        """Lie over the real memory `below`, or over nothing."""
        self._below = below
        self._own: dict[str, dict[str, Any] | None] = {}

    def get(self, key: str) -> dict[str, Any] | None:
        """Return what was put last under `key`, or None."""
        if key in self._own:
            return self._own[key]
        return None if self._below is None else self._below.get(key)

    def put(self, key: str, value: dict[str, Any]) -> None:
        """Keep `value` here."""
        self._own[key] = value

    def drop(self, key: str) -> None:
        """Forget `key` here."""
        self._own[key] = None
