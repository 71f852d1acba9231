"""One pass of one provider: list, plan, take what is new, publish, remember.

One job's failure stays its own; one provider's failure stays its own. Nothing is removed because a listing is short.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event, Lock

from stacsync import plan
from stacsync.errors import SignInFailed, StacsyncError, Stopped, Unavailable
from stacsync.jobs import JobRecord
from stacsync.ledger import JobState, KnownJob, Ledger, Outcome
from stacsync.logs import bound, get_logger, redact
from stacsync.mirror.events import JobFinished, JobsSeen, JobStarted, Observer, PassFinished, PassStarted
from stacsync.provider import JobProvider
from stacsync.sync.report import DocumentCounts, PassReport, Trouble
from stacsync.sync.taking import Taken, Taker

MOST_UNAVAILABLE = 3
"""Jobs in a row that a provider cannot serve before its pass is ended: until then it is the job that is odd."""
PUBLISH_EVERY = 300.0
"""Seconds after which a long pass publishes what it has so far, however long the jobs take that are under way."""
LOOK_UP = 1.0
"""Seconds between two looks at the clock while no job ends."""
_LOG = get_logger(__name__)


class _Streak:
    """Counts jobs in a row that the provider could not serve; used from several threads."""

    def __init__(self) -> None:
        self._length = 0
        self._lock = Lock()

    def grow(self) -> int:
        with self._lock:
            self._length += 1
            return self._length

    def end(self) -> None:
        with self._lock:
            self._length = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One pass of one provider; `run` makes it."""

    name: str
    provider: JobProvider
    taker: Taker
    ledger: Ledger
    choice: plan.Choice
    publish: Callable[[], DocumentCounts]
    """Writes everything that is staged and settles the jobs it belongs to."""
    observer: Observer
    clock: Callable[[], datetime]
    stop: Event
    workers: int = 4
    """Jobs taken at the same time."""
    dry_run: bool = False
    _streak: _Streak = field(default_factory=_Streak)

    def run(self, report: PassReport | None = None) -> PassReport:
        """Make the pass and fill its report, whatever goes wrong. Raises `Stopped` and bugs only."""
        report = report or PassReport(self.name)
        started = self.clock()
        self.observer(PassStarted(provider=self.name))
        number = None if self.dry_run else self.ledger.passes.begin(self.name)
        with bound(provider=self.name, pass_id=number):
            try:
                self._make(report)
            except Stopped as stopped:
                report.error = str(stopped)
                raise
            except StacsyncError as error:
                report.error = str(error)
                report.unavailable = isinstance(error, Unavailable)
            except Exception as bug:
                report.error = f"internal error: {type(bug).__name__}; see the log"
                raise
            finally:
                if number is not None:
                    self.ledger.passes.finish(number, ok=report.ok, counts=_counts(report), error=_first_error(report))
                self.observer(PassFinished(provider=self.name, counts=dict(report.counts)))
                seconds = _since(started, self.clock())
                _LOG.info("pass.finished", **_counts(report), error=report.error, seconds=seconds)
        return report

    def _make(self, report: PassReport) -> None:
        if not self.dry_run:
            report.documents.add(self.publish())
        known = self.ledger.jobs.known(self.name)
        take = self._listing(report, known)
        self.observer(JobsSeen(provider=self.name, total=len(take)))
        if self.dry_run:
            report.count("published", len(take))
            return
        self._warn(take)
        try:
            self._take_all(plan.order(take, self.clock()), report)
        finally:
            report.documents.add(self.publish())

    def _listing(self, report: PassReport, known: Mapping[str, KnownJob]) -> dict[str, JobRecord]:
        """Return the jobs to take; the rest is counted. What was listed before an error is taken all the same."""
        take: dict[str, JobRecord] = {}
        seen: set[str] = set()
        try:
            for record in self.provider.finished_jobs():
                if record.id in seen or not plan.chosen(record, self.choice):
                    continue
                seen.add(record.id)
                if self._decide(record, known.get(record.id), report):
                    take[record.id] = record
        except Unavailable as error:
            report.error = str(error)
            report.unavailable = True
        report.count("seen", len(seen))
        report.found = frozenset(seen & self.choice.jobs)
        return take

    def _warn(self, take: Mapping[str, JobRecord]) -> None:
        for record in take.values():
            if plan.expires_soon(record, self.clock()):
                _LOG.warning("job.expires_soon", provider=self.name, job=record.id, expires=str(record.expires))

    def _decide(self, record: JobRecord, known: KnownJob | None, report: PassReport) -> bool:
        decision = plan.decide(record, known, self.choice, self.clock())
        if decision.action is plan.Action.TAKE:
            return True
        if decision.action is plan.Action.UNCHANGED:
            report.count("unchanged")
        elif decision.action is plan.Action.BACK_OFF:
            report.count("failed")
        else:
            skipped = decision.action is plan.Action.SKIP
            report.count("skipped" if skipped else "waiting")
            self._remember(record, known, JobState.SKIPPED if skipped else JobState.WAITING, decision.reason)
        return False

    def _remember(self, record: JobRecord, known: KnownJob | None, state: JobState, reason: str) -> None:
        if (
            self.dry_run
            or not reason
            or (known is not None and known.state in (state, JobState.RETIRED, JobState.PUBLISHED))
        ):
            return
        self.ledger.jobs.finish(self.name, record, Outcome(state=state, fingerprint=None, reason=reason))

    def _take_all(self, records: list[JobRecord], report: PassReport) -> None:
        published, fresh = self.clock(), False
        with ThreadPoolExecutor(max_workers=self.workers, thread_name_prefix=f"job-{self.name}") as pool:
            waiting = iter(records)
            running: dict[Future[None], JobRecord] = {}
            try:
                while True:
                    while len(running) < self.workers and (record := next(waiting, None)) is not None:
                        running[pool.submit(copy_context().run, self._take, record, report)] = record
                    if not running:
                        return
                    for future in wait(running, LOOK_UP, FIRST_COMPLETED).done:
                        del running[future]
                        future.result()
                        fresh = True
                    if fresh and abs(_since(published, self.clock())) > PUBLISH_EVERY:
                        report.documents.add(self.publish())
                        published, fresh = self.clock(), False
            except BaseException:
                for future in running:
                    future.cancel()
                with suppress(Exception):
                    wait(running)
                raise

    def _take(self, record: JobRecord, report: PassReport) -> None:
        if self.stop.is_set():
            raise Stopped("stopping; what was finished is published, the rest is taken up at the next pass")
        started = self.clock()
        self.observer(JobStarted(provider=self.name, job=record.id, title=record.title))
        with bound(job=record.id):
            taken = self._attempt(record)
            report.add_assets(taken.counts)
            report.trouble(*taken.troubles)
            told = {
                "transferred": taken.counts.transferred,
                "reused": taken.counts.reused,
                "bytes": taken.counts.bytes,
                "seconds": _since(started, self.clock()),
            }
            if taken.outcome is None:
                attempts = self.ledger.jobs.fail(self.name, record, taken.reason)
                report.count("failed")
                state = "failed"
                _LOG.warning("job.failed", state=state, error=taken.reason, attempts=attempts, **told)
            else:
                state = self._settle(record, taken.outcome, report)
                _LOG.info("job.finished", state=state, reason=taken.outcome.reason or None, **told)
        self.observer(JobFinished(provider=self.name, job=record.id, state=state))

    def _settle(self, record: JobRecord, outcome: Outcome, report: PassReport) -> str:
        if outcome.state is JobState.STAGED:
            report.count("published")
            return "published"
        self.ledger.jobs.finish(self.name, record, outcome)
        report.count(outcome.state.value)
        return outcome.state.value

    def _attempt(self, record: JobRecord) -> Taken:
        try:
            taken = self.taker.take(record)
        except SignInFailed:
            raise
        except Unavailable as error:
            if self._streak.grow() >= MOST_UNAVAILABLE:
                raise
            trouble = Trouble(provider=self.name, job=record.id, message=str(error))
            return Taken(reason=str(error), troubles=[trouble])
        except StacsyncError:
            raise
        except Exception as bug:  # noqa: BLE001 - a bug in one job is recorded as its failure, the pass goes on
            _LOG.exception("job.bug", provider=self.name, job=record.id)
            message = redact(f"internal error: {type(bug).__name__}: {bug}"[:500])
            return Taken(reason=message, troubles=[Trouble(provider=self.name, job=record.id, message=message)])
        self._streak.end()
        return taken


def _since(started: datetime, now: datetime) -> float:
    return round((now - started).total_seconds(), 3)


def _counts(report: PassReport) -> dict[str, int]:
    return {
        **report.counts,
        "transferred": report.assets.transferred,
        "reused": report.assets.reused,
        "bytes": report.assets.bytes,
        "documents": report.documents.written,
    }


def _first_error(report: PassReport) -> str | None:
    if report.error is not None:
        return report.error
    if not report.troubles:
        return None
    first = report.troubles[0]
    return f"job {first.job}: {first.message}" if first.job else first.message
