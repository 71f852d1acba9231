"""Which address of each file works now. Signed addresses live here, in memory, and nowhere else.

The results of a job hand out addresses for all its files at once, and each request for them counts against the quota.
So an answer is kept per job and shared: when many files ask for fresh addresses at the same time, one of them asks the
back-end and the others take what it got. Every answer has a number; an address is refused only if it was handed out
from the newest answer.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock, RLock

from stacsync.errors import AssetGone, JobSkipped
from stacsync.jobs import JobRecord
from stacsync.providers.openeo import links

ADDRESSES = 100_000
"""Addresses that are kept in all (about 150 MB at worst); the jobs used longest ago are forgotten first."""
MARGIN = timedelta(seconds=30)
"""An address that works for less than this is not worth handing out."""
SETTLED = 60.0
"""Seconds after which an address may be judged by its stated end; younger ones are tried whatever the clocks say."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """What an answer tells: addresses of files and of Item documents, by name."""

    files: Mapping[str, str] = field(repr=False)
    items: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class _Entry:
    url: str = field(repr=False)
    answer: int
    at: float


@dataclass(slots=True)
class _Shelf:
    """What is known of one job."""

    lock: RLock = field(default_factory=RLock)
    answer: int = 0
    files: dict[str, _Entry] = field(default_factory=dict, repr=False)
    items: Mapping[str, str] = field(default_factory=dict, repr=False)
    handed: dict[str, int] = field(default_factory=dict)


class Signing:
    """Hands out addresses that work; asks the back-end through `results` (of a job) and `item` (at an address)."""

    def __init__(
        self,
        results: Callable[[JobRecord], Addresses],
        item: Callable[[str], Mapping[str, str]],
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        limit: int = ADDRESSES,
    ) -> None:
        self._results = results
        self._item = item
        self._clock = clock
        self._monotonic = monotonic
        self._limit = limit
        self._lock = Lock()
        self._shelves: OrderedDict[str, _Shelf] = OrderedDict()

    def learn(self, job: JobRecord, found: Addresses) -> None:
        """Take over a new answer of the results."""
        shelf = self._shelf(job)
        with shelf.lock:
            shelf.answer += 1
            shelf.items = dict(found.items)
            self._put(shelf, found.files)
        self._forget_oldest(job)

    def learn_item(self, job: JobRecord, files: Mapping[str, str]) -> None:
        """Take over the files of an Item document that belongs to the newest answer."""
        shelf = self._shelf(job)
        with shelf.lock:
            self._put(shelf, files)
        self._forget_oldest(job)

    def item_address(self, job: JobRecord, name: str, *, fresh: bool = False) -> str | None:
        """Return where the Item document `name` can be read; `fresh`: after asking for the results again."""
        if fresh:
            self.learn(job, self._results(job))
        return self._shelf(job).items.get(name)

    def address(self, job: JobRecord, name: str, item: str | None, *, fresh: bool) -> str:
        """Return an address of the file `name`, which the Item document `item` names (None: the results themselves).

        `fresh`: the one handed out before was refused. Raises `AssetGone` when the back-end no longer names the file.
        """
        shelf = self._shelf(job)
        with shelf.lock:
            entry = shelf.files.get(name)
            if entry is None or self._refused(shelf, name, entry, fresh=fresh) or self._expired(entry):
                self._renew(shelf, job, name, item)
                entry = shelf.files.get(name)
                if entry is None or entry.answer != shelf.answer:
                    raise AssetGone("the back-end no longer names this file in the job's results")
            shelf.handed[name] = entry.answer
            return entry.url

    def _renew(self, shelf: _Shelf, job: JobRecord, name: str, item: str | None) -> None:
        entry = shelf.files.get(name)
        read_already = shelf.answer > 0 and (entry is None or entry.answer < shelf.answer) and item in shelf.items
        if not read_already:
            try:
                self.learn(job, self._results(job))
            except JobSkipped as gone:
                raise AssetGone(gone.message, gone.remedy) from None
            entry = shelf.files.get(name)
            if entry is not None and entry.answer == shelf.answer:
                return
        if item is not None and item in shelf.items:
            self.learn_item(job, self._item(shelf.items[item]))

    def _put(self, shelf: _Shelf, files: Mapping[str, str]) -> None:
        now = self._monotonic()
        for name, url in files.items():
            shelf.files.pop(name, None)
            shelf.files[name] = _Entry(url, shelf.answer, now)
        while len(shelf.files) > self._limit:
            shelf.files.pop(next(iter(shelf.files)))

    def _refused(self, shelf: _Shelf, name: str, entry: _Entry, *, fresh: bool) -> bool:
        return fresh and entry.answer <= shelf.handed.get(name, 0)

    def _expired(self, entry: _Entry) -> bool:
        end = links.expiry(entry.url)
        settled = self._monotonic() - entry.at > SETTLED
        return settled and end is not None and end - self._clock() < MARGIN

    def _shelf(self, job: JobRecord) -> _Shelf:
        with self._lock:
            shelf = self._shelves.setdefault(job.id, _Shelf())
            self._shelves.move_to_end(job.id)
            return shelf

    def _forget_oldest(self, job: JobRecord) -> None:
        with self._lock:
            kept = sum(len(shelf.files) + len(shelf.items) for shelf in self._shelves.values())
            while kept > self._limit and next(iter(self._shelves)) != job.id:
                _, oldest = self._shelves.popitem(last=False)
                kept -= len(oldest.files) + len(oldest.items)
