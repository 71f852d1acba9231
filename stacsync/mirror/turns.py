"""Who may move a file now: many at once, but never so many for one provider that none is left for another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Condition

LOOK_UP = 0.2
"""Seconds between two looks at whether the process is to stop."""


class Turns:
    """Hands out `limit` turns among `names`, each of whom always finds some of them free.

    Half of all turns are kept back, in equal parts and at least one for each name; the others go to whoever asks
    first. So one provider alone is fast, and one whose hosts hang holds up nobody but itself. With more names than
    turns, there are as many turns as names. A name that is not known takes what is not kept back.
    """

    def __init__(self, limit: int, names: Iterable[str] = ()) -> None:
        """All turns are free."""
        known = frozenset(names)
        share = max(1, limit // (2 * len(known))) if len(known) > 1 else 0
        self._kept = dict.fromkeys(known, share)
        self._limit = max(limit, len(known))
        self._taken: Counter[str] = Counter()
        self._changed = Condition()

    @property
    def most(self) -> int:
        """How many turns one name can have at once."""
        return self._limit - sum(sorted(self._kept.values())[1:])

    @contextmanager
    def of(self, name: str, check: Callable[[], None]) -> Iterator[None]:
        """Wait for a turn and hold it; `check` is called while waiting and may raise."""
        with self._changed:
            while not self._free(name):
                check()
                self._changed.wait(LOOK_UP)
            self._taken[name] += 1
        try:
            yield
        finally:
            with self._changed:
                self._taken[name] -= 1
                self._changed.notify_all()

    def _free(self, name: str) -> bool:
        if self._taken[name] < self._kept.get(name, 0):
            return True
        kept = sum(max(0, share - self._taken[other]) for other, share in self._kept.items() if other != name)
        return self._taken.total() + kept < self._limit
