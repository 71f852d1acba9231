"""Take one job: describe it, bring in its files, convert it, and stage it in the ledger, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from itertools import islice
from threading import Event
from typing import Protocol

from sqlalchemy import Connection

from stacsync import layout, stac
from stacsync.errors import JobNotReady, JobSkipped, JobUnusable, StacsyncError, Stopped
from stacsync.jobs import CollectionRecord, ItemRecord, JobRecord, JobResult, MemberFact, Mirrored, PackageRecord
from stacsync.ledger import JobState, Ledger, Outcome
from stacsync.ledger.items import StagedItem
from stacsync.logs import get_logger
from stacsync.provider import JobProvider
from stacsync.sync.delivery import Courier, Delivered, Filter, Lost, Mirrors
from stacsync.sync.report import AssetCounts, Trouble

BATCH = 200
"""Items whose files are brought in together: what is in memory at once."""
GIVE_UP_AFTER = 25
"""Failed assets of one job after which the rest of it is left for the next pass."""
GONE_PASSES = 3
"""Passes in which an asset must be gone before its Item is published without it."""
_LOG = get_logger(__name__)


class UnpackingMirror(Mirrors, Protocol):
    """What is needed of `stacsync.mirror.Mirror` for a whole job."""

    def unpack(
        self, provider_name: str, job: JobRecord, provider: JobProvider, package: PackageRecord
    ) -> tuple[MemberFact, ...]:
        """Bring the members of a package into the store."""
        ...


Inspect = Callable[[Sequence[tuple[ItemRecord, Mapping[str, Mirrored]]]], Sequence[Mapping[str, Mirrored]]]
"""Takes Items with what lies in the store of each; answers the same files, in the same order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What the configuration says of the catalog and this provider, as far as documents repeat it."""

    provider: str
    kind: str
    provider_title: str
    catalog_title: str
    license: str | None = None
    """The provider's own setting, which overrides what sources state."""


@dataclass(slots=True)
class Taken:
    """What came of one job."""

    outcome: Outcome | None = None
    """None: it failed."""
    reason: str = ""
    counts: AssetCounts = field(default_factory=AssetCounts)
    troubles: list[Trouble] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taker:
    """Takes the jobs of one provider; safe to use from several threads, for different jobs."""

    site: Site
    provider: JobProvider
    mirror: UnpackingMirror
    ledger: Ledger
    filter: Filter
    inspect: Callable[[str, str], Inspect]
    """Given provider and job, returns what adds to files what they say of themselves; must not raise."""
    committing: Callable[[], AbstractContextManager[object]]
    """Held while a job is committed: no publication may be under way."""
    stop: Event

    def take(self, job: JobRecord) -> Taken:
        """Take `job`. Raises `Unavailable`, `StorageError`, `LedgerError` or `Stopped`, which end the pass."""
        taken = Taken()
        try:
            result = self.provider.describe(job)
            try:
                self._bring(job, result, taken)
            finally:
                result.close()
        except JobSkipped as skipped:
            taken.outcome = Outcome(state=JobState.SKIPPED, fingerprint=job.fingerprint, reason=str(skipped))
        except JobNotReady as waiting:
            taken.outcome = Outcome(state=JobState.WAITING, fingerprint=None, reason=str(waiting))
        except JobUnusable as unusable:
            taken.reason = str(unusable)
            if not taken.troubles:
                taken.troubles.append(Trouble(provider=self.site.provider, job=job.id, message=str(unusable)))
        return taken

    def _bring(self, job: JobRecord, result: JobResult, taken: Taken) -> None:
        name = self.site.provider
        contents = {one.id: self.mirror.unpack(name, job, self.provider, one) for one in result.packages}
        gone = self.ledger.gone.count(name, job.id)
        courier = Courier(
            name=name,
            provider=self.provider,
            job=job,
            mirror=self.mirror,
            filter=self.filter,
            contents=contents,
            forgiven=frozenset(one for one, passes in gone.items() if passes + 1 >= GONE_PASSES),
        )
        staging = _Staging(self, courier, job, result, taken)
        self.ledger.items.discard_staged(name, job.id)
        for batch in _batches(result.items(contents), BATCH):
            if self.stop.is_set():
                raise Stopped("stopping; this job is taken up again at the next pass")
            staging.add(batch)
        staging.finish()


class _Staging:
    """One job on its way into the ledger."""

    def __init__(self, taker: Taker, courier: Courier, job: JobRecord, result: JobResult, taken: Taken) -> None:
        self._taker = taker
        self._courier = courier
        self._inspect = taker.inspect(taker.site.provider, job.id)
        self._job = job
        self._taken = taken
        self._titles = {record.id: stac.collection_title([record]) for record in result.collections}
        self._result = result
        self._left_out: dict[str, int] = {}
        self._lost: list[Lost] = []
        self._seen: set[tuple[str, str]] = set()
        self._invalid = 0

    def add(self, batch: Sequence[ItemRecord]) -> None:
        delivered = self._courier.items(batch)
        self._account(delivered)
        if len(self._lost) >= GIVE_UP_AFTER:
            self._refuse()
        if self._lost and not all(lost.asset.identity in self._courier.forgiven for lost in self._lost):
            return
        looked = self._inspect(delivered.items)
        pairs = zip(delivered.items, looked, strict=True)
        rows = [row for (record, _), found in pairs for row in self._row(record, found)]
        self._taker.ledger.items.stage(self._taker.site.provider, self._job.id, rows)

    def finish(self) -> None:
        """Commit the job in one transaction, or refuse it."""
        records = [self._collection(record) for record in self._result.collections]
        if not all(lost.gone and lost.asset.identity in self._courier.forgiven for lost in self._lost):
            self._refuse()
        if not self._seen:  # what a job gives to its Collection goes along with Items, and is no result without them
            raise self._nothing()
        name, ledger = self._taker.site.provider, self._taker.ledger
        outcome = Outcome(state=JobState.STAGED, fingerprint=self._job.fingerprint, left_out=self._all_left_out())
        with self._taker.committing():
            with ledger.write() as connection:
                self._commit(connection, records)
            ledger.jobs.finish(name, self._job, outcome)
        self._taken.outcome = outcome
        ledger.gone.clear(name, self._job.id)

    def _commit(self, connection: Connection, records: Iterable[CollectionRecord]) -> None:
        created = self._job.created or self._job.finished
        sort_at = created.isoformat() if created else ""
        contributions = {record.id: (stac.records.to_json(record), sort_at) for record in records}
        self._taker.ledger.items.commit(connection, self._taker.site.provider, self._job.id, contributions)

    def _all_left_out(self) -> dict[str, int]:
        """Return what the provider left out, known whole once its items are told, and what we did."""
        both = {**self._result.left_out}
        for reason, count in self._left_out.items():
            both[reason] = both.get(reason, 0) + count
        if self._lost:  # a job is finished only once all of them are forgiven
            both["files that their provider declares gone"] = len(self._lost)
        return both

    def _nothing(self) -> StacsyncError:
        left_out = self._all_left_out()
        if not left_out:
            return JobSkipped("the job delivered no results")
        told = ", ".join(f"{reason}: {count}" for reason, count in sorted(left_out.items()))
        kind = JobUnusable if self._invalid else JobSkipped
        return kind(f"nothing of the results can be published ({told})")

    def _collection(self, record: CollectionRecord) -> CollectionRecord:
        kept, delivered = self._courier.collection(record)
        self._account(delivered)
        extra = dict(kept.extra)
        if not self._result.complete:
            extra["stacsync:complete"] = False
        return replace(kept, extra=extra)

    def _account(self, delivered: Delivered) -> None:
        self._taken.counts.add(delivered.counts)
        self._lost += delivered.lost
        for lost in delivered.lost:
            if lost.asset.identity not in self._courier.forgiven or not lost.gone:
                self._taken.troubles.append(
                    Trouble(
                        provider=self._taker.site.provider,
                        job=self._job.id,
                        asset=lost.asset.key,
                        message=str(lost.error),
                    )
                )

    def _refuse(self) -> None:
        gone = [lost.asset.identity for lost in self._lost if lost.gone]
        if gone:
            self._taker.ledger.gone.add(self._taker.site.provider, self._job.id, gone)
        first = self._lost[0]
        raise JobUnusable(f"{len(self._lost)} of its files did not arrive; the first, {first.asset.key}: {first.error}")

    def _row(self, record: ItemRecord, found: Mapping[str, Mirrored]) -> Iterator[StagedItem]:
        item = layout.segment(record.id)
        if (record.collection, item) in self._seen:
            self._leave_out("the item's id is there twice")
            return
        site = self._taker.site
        key = layout.item_key(site.provider, record.collection, item)
        place = stac.Place(
            provider=site.provider,
            kind=site.kind,
            provider_title=site.provider_title,
            catalog_title=site.catalog_title,
            collection=record.collection,
            collection_title=self._titles[record.collection],
            item_id=item,
            key=key,
            license=site.license,
        )
        document = stac.item_document(record, found, place)
        problems = stac.validate(document)
        if problems:
            _LOG.error("item.invalid", item=item, problems=problems[:3])
            self._invalid += 1
            self._leave_out(f"an item is not valid STAC ({problems[0]})")
            return
        self._seen.add((record.collection, item))
        yield StagedItem.of(document, site.provider, record.collection, self._job.id, key)

    def _leave_out(self, reason: str) -> None:
        self._left_out[reason] = self._left_out.get(reason, 0) + 1


def _batches(items: Iterable[ItemRecord], size: int) -> Iterator[list[ItemRecord]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
