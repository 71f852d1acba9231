"""A provider, a store and a ledger that a state machine drives: what was delivered, what is published, and what it cost."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any, cast

from stacsync.catalog import CatalogFacts, ProviderFacts, Publisher, adopt
from stacsync.catalog.verify import audit
from stacsync.errors import AssetGone, JobNotReady, JobUnusable, StacsyncError, Unavailable
from stacsync.jobs import (
    AssetRecord,
    CollectionRecord,
    ItemRecord,
    JobRecord,
    JobResult,
    PackageRecord,
    Remote,
    identity,
)
from stacsync.ledger import Ledger
from stacsync.mirror import Mirror
from stacsync.mirror.events import unwatched
from stacsync.plan import Choice
from stacsync.provider import CheckLine, JobProvider, Signed
from stacsync.storage import Storage, open_storage
from stacsync.sync import DocumentCounts, Filter, Pass, PassReport, Site, Taker
from tests.drill.crashing import SIZES, Points, StepStorage, watch_ledger
from tests.kit.faults import EXPIRED, Fault, FaultServer, File
from tests.kit.mirroring import Place as StorePlace

START = datetime(2026, 3, 1, tzinfo=UTC)
ON_ITS_WAY = ("nothing links to this document", "lists other Collections than there are")
"""What a publication that was interrupted may leave: more than is linked to yet, never less."""
FAULTS = {
    "expired link (XML)": Fault(status=403, body=EXPIRED, headers={"Content-Type": "application/xml"}),
    "expired link (JSON)": Fault(status=410, body=b'{"code": "ResultLinkExpired"}'),
    "busy": Fault(status=429, headers={"Retry-After": "1"}),
    "busy until": Fault(status=503, headers={"Retry-After": "Sun, 01 Mar 2026 00:00:01 GMT"}),
    "broken": Fault(status=500, body=b"<html>oops</html>"),
    "reset at once": Fault(reset_after=0),
    "reset later": Fault(reset_after=40_000),
    "cut short": Fault(close_after=1_000),
    "redirected away": Fault(status=302, headers={"Location": "http://127.0.0.1:9/elsewhere"}),
    "not there": Fault(status=404),
}


class Died(BaseException):
    """The process is no more; nothing of it touches anything from here on."""


class Grave(Points):
    """After its point of death every further step dies as well, in whatever thread."""

    def __init__(self, after: int | None) -> None:
        super().__init__()
        self.left = after
        self.dead = False

    def reach(self, name: str) -> None:
        with self._lock:
            if self.left is not None:
                self.left -= 1
                self.dead = self.dead or self.left < 0
        if self.dead:
            raise Died(name)


@dataclass(frozen=True)
class Delivered:
    """What a job delivered, at its latest version."""

    version: int
    files: tuple[tuple[str, bytes], ...]


@dataclass
class World:
    """Everything outside the process, and the process itself, opened for each pass."""

    root: Path
    server: FaultServer
    jobs: dict[str, Delivered] = field(default_factory=dict)
    """What the provider holds."""
    hidden: set[str] = field(default_factory=set)
    """Jobs that the listing forgets."""
    sick: dict[str, type[StacsyncError]] = field(default_factory=dict)
    """Jobs that cannot be described."""
    listing_breaks_after: int | None = None
    promised: dict[str, Delivered] = field(default_factory=dict)
    """What was once published whole."""
    settled: set[str] = field(default_factory=set)
    """Paths that a pass without trouble has brought in: they are never asked for again."""
    now: datetime = START

    # what the provider says

    def check(self) -> Iterable[CheckLine]:
        return []

    def finished_jobs(self) -> Iterator[JobRecord]:
        for number, (name, job) in enumerate(sorted(self.jobs.items())):
            if number == self.listing_breaks_after:
                raise Unavailable("the listing broke off")
            if name not in self.hidden:
                yield JobRecord(id=name, fingerprint=f"v{job.version}", created=START, finished=START)

    def describe(self, job: JobRecord) -> JobResult:
        if job.id in self.sick:
            raise self.sick[job.id]("not now")
        found = self.jobs[job.id]
        collection = f"c-{job.id}"
        items = [
            ItemRecord(
                id=f"{job.id}-{name.split('.')[0]}",
                collection=collection,
                job_id=job.id,
                datetime=START,
                geometry={"type": "Point", "coordinates": [1.0, 2.0]},
                assets=(self._asset(job.id, found, name),),
            )
            for name, _ in found.files
        ]
        record = CollectionRecord(id=collection, job_id=job.id, title=job.id, license="other", created=START)
        return JobResult(collections=(record,), items=lambda _: items)

    def _asset(self, job: str, found: Delivered, name: str) -> AssetRecord:
        path = file_path(job, found.version, name)
        return AssetRecord(
            key="data",
            source=Remote(path),
            filename=name,
            identity=identity("p", path),
            media_type="text/csv",
        )

    def sign(self, target: AssetRecord | PackageRecord, job: JobRecord, *, fresh: bool) -> Signed:
        assert isinstance(target, AssetRecord)
        assert isinstance(target.source, Remote)
        if target.source.path not in self.server.files:
            raise AssetGone(f"{job.id}: {target.key} is gone")
        return Signed(url=f"http://{self.server.place}{target.source.path}?signature={'b' if fresh else 'a'}")

    def close(self) -> None:
        return

    # what happens to it

    def deliver(self, name: str, files: tuple[tuple[str, bytes], ...]) -> None:
        """A job is new, or was run again with other results."""
        before = self.jobs.get(name)
        version = 1 if before is None else before.version + 1
        for file, _ in before.files if before else ():
            self.server.files.pop(file_path(name, version - 1, file), None)
        self.jobs[name] = Delivered(version, files)
        for file, data in files:
            self.server.files[file_path(name, version, file)] = File(data)

    def lose_ledger(self) -> None:
        for path in self.root.glob("ledger.db*"):
            path.unlink()

    def keep_ledger(self) -> None:
        """Make a backup of it between two passes; the one before is given up."""
        shutil.rmtree(self.root / "backup", ignore_errors=True)
        (self.root / "backup").mkdir()
        for path in self.root.glob("ledger.db*"):
            shutil.copyfile(path, self.root / "backup" / path.name)

    def put_back_ledger(self) -> None:
        """Restore the backup, however old it is."""
        self.lose_ledger()
        for path in self.root.glob("backup/*"):
            shutil.copyfile(path, self.root / path.name)

    # what the process does

    def run(self, die_after: int | None = None) -> PassReport | None:
        """Make a pass; None when the process died in it."""
        grave = Grave(die_after)
        asked = len(self.server.seen)
        self.now += timedelta(days=2)
        process = Process(self, grave)
        report: PassReport | None = None
        try:
            report = process.run()
        except Died:
            report = None
        finally:
            grave.dead = False
            process.close()
        self._no_needless_transfers(asked)
        if report is not None and report.ok:
            self._settle()
        return report

    def _no_needless_transfers(self, since: int) -> None:
        again = {one.path for one in self.server.seen[since:] if one.path in self.settled}
        assert not again, f"transferred again without need: {sorted(again)}"

    def _settle(self) -> None:
        for name, job in self.jobs.items():
            if name not in self.hidden and name not in self.sick and self.listing_breaks_after is None:
                self.promised[name] = job
                self.settled |= {file_path(name, job.version, file) for file, _ in job.files}

    # what holds at any time

    def storage(self) -> Storage:
        return open_storage(StorePlace(url=f"file://{self.root}/catalog"))

    def nothing_published_is_broken(self) -> None:
        storage = self.storage()
        if storage.head("catalog.json") is None:
            return
        problems = [f"{one.key}: {one.problem}" for one in audit(storage, checksums=True).findings]
        assert [problem for problem in problems if not problem.endswith(ON_ITS_WAY)] == []

    def nothing_is_lost(self) -> None:
        """Every file of everything that was published whole is there, at the version last promised, or a newer one."""
        storage = self.storage()
        present = {
            hashlib.sha256(storage.get(one.key)).hexdigest() for one in storage.list() if one.key.endswith(".csv")
        }
        for name, job in self.promised.items():
            for file, data in job.files:
                assert hashlib.sha256(data).hexdigest() in present, f"{name}: {file} is lost"

    def all_is_published(self) -> None:
        """Exactly what the provider delivered last, and what it has forgotten since, lies in the store, once."""
        storage = self.storage()
        keys = [one.key for one in storage.list() if one.key.endswith(".csv")]
        found = sorted(hashlib.sha256(storage.get(key)).hexdigest() for key in keys)
        wanted = sorted(hashlib.sha256(data).hexdigest() for job in self.promised.values() for _, data in job.files)
        assert found == wanted
        if storage.head("catalog.json") is not None:
            assert audit(storage).findings == ()


def file_path(job: str, version: int, name: str) -> str:
    return f"/{job}/{version}/{name}"


class Process:
    """One life of stacsync between two crashes."""

    def __init__(self, world: World, points: Points) -> None:
        self.world = world
        self.points = points
        self.ledger = watch_ledger(Ledger.open(f"sqlite:///{world.root}/ledger.db", lambda: world.now), points)
        self.storage = cast("Storage", StepStorage(world.storage(), points, "store"))
        self.facts = CatalogFacts(id="c", title="Catalog")
        self.publisher = Publisher(self.storage, self.ledger, self.facts)
        self.mirror = Mirror(
            self.storage,
            self.ledger,
            max_asset_size=10**9,
            stop=Event(),
            clock=lambda: world.now,
            sleep=lambda _: None,
            concurrency=3,
            trusted_hosts={"p": {world.server.place}},
            sizes=SIZES,
        )

    def run(self) -> PassReport:
        adopt.adopt(self.storage, self.ledger, self.facts)
        provider = cast("JobProvider", self.world)
        taker = Taker(
            site=Site(provider="p", kind="drill", provider_title="P", catalog_title="Catalog"),
            provider=provider,
            mirror=self.mirror,
            ledger=self.ledger,
            filter=Filter(),
            inspect=lambda _provider, _job: lambda items: [found for _, found in items],
            committing=nullcontext,
            stop=Event(),
        )
        return Pass(
            name="p",
            provider=provider,
            taker=taker,
            ledger=self.ledger,
            choice=Choice(),
            publish=self._publish,
            observer=unwatched,
            clock=lambda: self.world.now,
            stop=Event(),
            workers=1,
        ).run()

    def _publish(self) -> DocumentCounts:
        counts = DocumentCounts()
        counts.add(self.publisher.publish({"p": ProviderFacts(kind="drill", title="P")}))
        self.ledger.jobs.settle("p")
        return counts

    def close(self) -> None:
        self.mirror.close()
        self.ledger.close()


def bounded(act: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Return what `act` returns; fail when it has not ended in time."""
    found: list[Any] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(act())
        except BaseException as error:  # noqa: BLE001  - handed on to the test below
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), f"the pass has not ended after {seconds:.0f} s"
    if failed:
        raise failed[0]
    return found[0]


SICKNESSES: tuple[type[StacsyncError], ...] = (JobUnusable, JobNotReady, Unavailable)
