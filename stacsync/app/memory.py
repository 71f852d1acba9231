"""Provider memory for a dry run: reads what is known, keeps what is new to itself."""

from __future__ import annotations

from typing import Any

from stacsync.provider import Memory


class ReadOnlyMemory:
    """What a provider puts or drops is seen by this pass alone; nothing is written."""

    def __init__(self, below: Memory) -> None:
        """Lie over the real memory `below`."""
        self._below = below
        self._own: dict[str, dict[str, Any] | None] = {}

    def get(self, key: str) -> dict[str, Any] | None:
        """Return what was put last under `key`, or None."""
        return self._own[key] if key in self._own else self._below.get(key)

    def put(self, key: str, value: dict[str, Any]) -> None:
        """Keep `value` for this pass."""
        self._own[key] = value

    def drop(self, key: str) -> None:
        """Forget `key` for this pass."""
        self._own[key] = None
