"""How often a provider may be asked: a shared, fair limit of requests a minute, and pauses that it asks for itself."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Lock


class RateLimit:
    """Lets at most `per_minute` requests begin in any minute, in the order in which threads ask.

    Without `per_minute` there is no limit, but `pause` still holds everybody back. Waiting is done with `sleep`, which
    raises `Stopped` when the process is asked to stop.
    """

    def __init__(
        self,
        per_minute: float | None,
        sleep: Callable[[float], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sleep = sleep
        self._monotonic = monotonic
        self._lock = Lock()
        self._not_before = 0.0
        self._burst = max(1, int(per_minute)) if per_minute else 0
        self._window = 60.0 * self._burst / per_minute if per_minute else 0.0
        self._begun: deque[float] = deque(maxlen=self._burst or 1)

    def wait(self) -> None:
        """Return when the caller may send one request. Raises `Stopped`."""
        begin = self._reserve()
        delay = begin - self._monotonic()
        if delay > 0:
            self._sleep(delay)

    def pause(self, seconds: float) -> None:
        """Let nobody begin a request for the next `seconds`: the provider asked for it."""
        with self._lock:
            self._not_before = max(self._not_before, self._monotonic() + seconds)

    def _reserve(self) -> float:
        with self._lock:
            begin = max(self._monotonic(), self._not_before)
            if self._burst and len(self._begun) == self._burst:
                begin = max(begin, self._begun[0] + self._window)
            self._begun.append(begin)
            return begin
