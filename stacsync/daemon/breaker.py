"""A circuit breaker per provider: one that keeps failing as a whole is asked ever more rarely, up to once an hour.

Its state is kept in the provider's memory, so that a restart does not begin to hammer a provider that is down.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from stacsync.app.telling import BREAKER as KEY
from stacsync.ledger.times import from_text, to_text
from stacsync.provider import Memory

OPEN_AFTER = 3
"""Failed passes in a row that are tried at the ordinary rhythm."""
FIRST = timedelta(minutes=1)
LAST = timedelta(hours=1)


class Breaker:
    """Says whether a provider is to be asked now, and learns how it went."""

    def __init__(self, memory: Memory) -> None:
        """Keep the state in `memory`."""
        self._memory = memory

    def closed(self, now: datetime) -> bool:
        """Return whether the provider may be asked; a single try is allowed when the wait is over."""
        until = self.until(now)
        return until is None or now >= until

    def until(self, now: datetime) -> datetime | None:
        """Return until when the provider is left alone, None when it is not.

        A wait that is longer than any was noted by a clock that has been set back since: it counts for nothing.
        """
        state = self._memory.get(KEY)
        until = None if state is None else from_text(state.get("until"))
        return None if until is not None and until - now > LAST else until

    def failed(self, now: datetime) -> None:
        """Count a pass that failed as a whole."""
        failures = int((self._memory.get(KEY) or {}).get("failures", 0)) + 1
        beyond = failures - OPEN_AFTER
        wait = None if beyond < 0 else min(FIRST * float(2 ** min(beyond, 20)), LAST)
        self._memory.put(KEY, {"failures": failures, "until": None if wait is None else to_text(now + wait)})

    def worked(self) -> None:
        """Forget all failures."""
        if self._memory.get(KEY) is not None:
            self._memory.drop(KEY)
