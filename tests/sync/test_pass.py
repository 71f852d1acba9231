"""A pass takes what is new, keeps every failure to the job it belongs to, and says what it did."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from threading import Event, RLock
from time import monotonic, sleep
from typing import Any

import pytest
from stacsync.catalog import CatalogFacts, ProviderFacts, Publisher
from stacsync.errors import AssetGone, JobNotReady, JobSkipped, JobUnusable, SignInFailed, Unavailable
from stacsync.jobs import (
    AssetRecord,
    CollectionRecord,
    Inline,
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
from stacsync.sync.onepass import PUBLISH_EVERY

START = datetime(2026, 3, 1, tzinfo=UTC)
Script = Callable[[JobRecord], JobResult]


@dataclass
class Options:
    url: str
    endpoint_url: str | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: Any = None
    ca_bundle: Any = None


@dataclass
class ScriptedProvider:
    """A provider whose jobs are functions."""

    jobs: dict[str, Script] = field(default_factory=dict)
    listing_error: Exception | None = None
    version: str = "1"

    def check(self) -> Iterable[CheckLine]:
        return []

    def finished_jobs(self) -> Iterator[JobRecord]:
        for name in self.jobs:
            yield JobRecord(
                id=name, fingerprint=f"{name}-{self.version}", title=f"Job {name}", created=START, finished=START
            )
        if self.listing_error is not None:
            raise self.listing_error

    def describe(self, job: JobRecord) -> JobResult:
        return self.jobs[job.id](job)

    def sign(self, target: AssetRecord | PackageRecord, job: JobRecord, *, fresh: bool) -> Signed:
        del target, fresh
        raise AssetGone(f"{job.id}: the file is not there any more")

    def close(self) -> None:
        return


@dataclass
class Bench:
    """A ledger, a folder and a publisher for one scripted provider."""

    root: Path
    provider: ScriptedProvider = field(default_factory=ScriptedProvider)
    now: datetime = START + timedelta(days=1)

    def __post_init__(self) -> None:
        self.ledger = Ledger.open(f"sqlite:///{self.root}/ledger.db", lambda: self.now)
        self.storage: Storage = open_storage(Options(f"file://{self.root}/catalog"))
        self.publisher = Publisher(self.storage, self.ledger, CatalogFacts(id="c", title="Catalog"))
        self.mirror = Mirror(
            self.storage, self.ledger, max_asset_size=10**9, stop=Event(), clock=lambda: self.now, sleep=lambda _: None
        )
        self.lock = RLock()

    def close(self) -> None:
        self.mirror.close()
        self.ledger.close()

    def publish(self) -> DocumentCounts:
        counts = DocumentCounts()
        with self.lock:
            counts.add(self.publisher.publish({"p": ProviderFacts(kind="scripted", title="P")}))
            self.ledger.jobs.settle("p")
        return counts

    def run(self, choice: Choice | None = None, *, workers: int = 1, assets: Filter | None = None) -> PassReport:
        provider: JobProvider = self.provider
        taker = Taker(
            site=Site(provider="p", kind="scripted", provider_title="P", catalog_title="Catalog"),
            provider=provider,
            mirror=self.mirror,
            ledger=self.ledger,
            filter=assets or Filter(),
            inspect=lambda _provider, _job: lambda items: [found for _, found in items],
            committing=nullcontext,
            stop=Event(),
        )
        return Pass(
            name="p",
            provider=provider,
            taker=taker,
            ledger=self.ledger,
            choice=choice or Choice(),
            publish=self.publish,
            observer=unwatched,
            clock=lambda: self.now,
            stop=Event(),
            workers=workers,
        ).run()

    def documents(self) -> list[str]:
        return [one.key for one in self.storage.list("") if one.key.endswith(".json")]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def asset(job: str, name: str, data: bytes | None = b"data") -> AssetRecord:
    source = Remote(name) if data is None else Inline(data)
    return AssetRecord(
        key=name, source=source, filename=name, identity=identity(job, name, data), media_type="text/csv"
    )


def good(*names: str, **facts: Any) -> Script:
    """A job with one Item and its files."""

    def describe(job: JobRecord) -> JobResult:
        item = ItemRecord(
            id=job.id,
            collection=f"c-{job.id}",
            job_id=job.id,
            datetime=START,
            assets=tuple(asset(job.id, name) for name in names or ("a.csv",)),
        )
        return JobResult(
            collections=(CollectionRecord(id=f"c-{job.id}", job_id=job.id),), items=lambda _: [item], **facts
        )

    return describe


def bad(error: Exception) -> Script:
    """A job that cannot be described."""

    def describe(_job: JobRecord) -> JobResult:
        raise error

    return describe


def test_each_way_to_end_is_counted_where_it_belongs(bench: Bench) -> None:
    """Published, waiting, skipped and failed jobs are told apart; only failures and bugs are errors."""
    bench.provider.jobs = {
        "good": good(),
        "later": bad(JobNotReady("package pending")),
        "none": bad(JobSkipped("results are gone")),
        "denied": bad(JobUnusable("no right")),
        "bug": bad(ZeroDivisionError("oops")),
    }
    report = bench.run()
    assert report.counts == {"seen": 5, "published": 1, "unchanged": 0, "skipped": 1, "waiting": 1, "failed": 2}
    assert {trouble.job for trouble in report.troubles} == {"denied", "bug"}


def test_the_next_pass_looks_again_only_where_that_makes_sense(bench: Bench) -> None:
    """Published and skipped jobs are left alone, waiting and failed ones are tried again."""
    calls: list[str] = []

    def counting(name: str, script: Script) -> Script:
        def describe(job: JobRecord) -> JobResult:
            calls.append(name)
            return script(job)

        return describe

    scripts = {
        "good": good(),
        "later": bad(JobNotReady("x")),
        "none": bad(JobSkipped("x")),
        "denied": bad(JobUnusable("x")),
    }
    bench.provider.jobs = {name: counting(name, script) for name, script in scripts.items()}
    bench.run()
    calls.clear()
    report = bench.run()
    assert sorted(calls) == ["denied", "later"]
    assert report.counts["unchanged"] == 1
    calls.clear()
    bench.run(Choice(patient=True))
    assert calls == ["later"]


def test_one_job_that_the_provider_cannot_serve_does_not_stop_the_pass(bench: Bench) -> None:
    """A job whose page answers with errors is one failed job; the others are published."""
    bench.provider.jobs = {"a": good(), "sick": bad(Unavailable("500")), "b": good()}
    report = bench.run()
    assert (report.error, report.counts["published"], report.counts["failed"]) == (None, 2, 1)


def test_a_provider_that_serves_no_job_ends_its_pass(bench: Bench) -> None:
    """After three jobs in a row the provider itself is taken for unavailable, and the rest is left for later."""
    bench.provider.jobs = {str(n): bad(Unavailable("503")) for n in range(10)}
    report = bench.run()
    assert report.error == "503"
    assert report.counts["failed"] == 2


def test_refused_credentials_end_the_pass_at_once(bench: Bench) -> None:
    """No job is blamed when the sign-in fails."""
    bench.provider.jobs = {"a": bad(SignInFailed("wrong password")), "b": good()}
    report = bench.run()
    assert (report.error, report.counts["failed"]) == ("wrong password", 0)


def test_a_listing_that_breaks_off_is_an_error_but_what_came_is_taken(bench: Bench) -> None:
    """Jobs that were listed before the error are published; nothing is removed."""
    bench.provider.jobs = {"a": good()}
    bench.provider.listing_error = Unavailable("page 2 cannot be read")
    report = bench.run()
    assert (report.error, report.counts["published"]) == ("page 2 cannot be read", 1)


def test_a_file_that_is_gone_fails_its_job_twice_then_is_left_out(bench: Bench) -> None:
    """Only in the third pass in which the provider declares a file gone is the Item published without it, and says so."""

    def describe(job: JobRecord) -> JobResult:
        files = (asset(job.id, "kept.csv"), asset(job.id, "lost.tif", None))
        item = ItemRecord(id="i", collection="c", job_id=job.id, datetime=START, assets=files)
        return JobResult(collections=(CollectionRecord(id="c", job_id=job.id),), items=lambda _: [item])

    bench.provider.jobs = {"a": describe}
    assert [bench.run().counts["failed"] for _ in range(2)] == [1, 1]
    third = bench.run()
    assert (third.counts["published"], third.ok) == (1, True)
    document = bench.storage.get("p/c/i/i.json").decode()
    assert '"stacsync:missing_assets": [\n      "lost.tif"' in document
    assert bench.ledger.jobs.left_out() == {"p": {"a": {"files that their provider declares gone": 1}}}


def test_a_job_is_published_whole_or_not_at_all(bench: Bench) -> None:
    """Nothing links to a job one of whose files did not arrive, although its other files did."""

    def describe(job: JobRecord) -> JobResult:
        items = [
            ItemRecord(id="one", collection="c", job_id=job.id, datetime=START, assets=(asset(job.id, "a.csv"),)),
            ItemRecord(id="two", collection="c", job_id=job.id, datetime=START, assets=(asset(job.id, "b.tif", None),)),
        ]
        return JobResult(collections=(CollectionRecord(id="c", job_id=job.id),), items=lambda _: items)

    bench.provider.jobs = {"a": describe}
    report = bench.run()
    assert report.assets.transferred == 1
    assert bench.documents() == ["catalog.json", "collections.json"]


def test_what_the_provider_left_out_is_told_by_the_ledger(bench: Bench) -> None:
    """Tiles without data do not hold up a job; how many there were is kept for `status`."""
    bench.provider.jobs = {"a": good(left_out={"no data": 3})}
    assert bench.run().ok
    assert bench.ledger.jobs.left_out() == {"p": {"a": {"no data": 3}}}


def test_an_item_that_is_no_valid_stac_is_set_aside_with_the_reason(bench: Bench) -> None:
    """One odd Item does not take the good ones with it."""

    def describe(job: JobRecord) -> JobResult:
        items = [
            ItemRecord(id="good", collection="c", job_id=job.id, datetime=START, assets=(asset(job.id, "a.csv"),)),
            ItemRecord(id="timeless", collection="c", job_id=job.id, assets=(asset(job.id, "b.csv"),)),
        ]
        return JobResult(collections=(CollectionRecord(id="c", job_id=job.id),), items=lambda _: items)

    bench.provider.jobs = {"a": describe}
    assert bench.run().counts["published"] == 1
    (reason,) = bench.ledger.jobs.left_out()["p"]["a"]
    assert "not valid STAC" in reason


def test_unwanted_assets_are_neither_moved_nor_published(bench: Bench) -> None:
    """`assets_exclude` takes files out by name, key or media type, letters in either case."""
    bench.provider.jobs = {"a": good("a.csv", "b.json")}
    bench.run(assets=Filter(exclude=("*.JSON",)))
    assert [one.key for one in bench.storage.list("p/c-a/a")] == ["p/c-a/a/a.csv", "p/c-a/a/a.json"]
    assert '"b.json"' not in bench.storage.get("p/c-a/a/a.json").decode()


def test_unwanted_assets_of_a_collection_are_left_out_too(bench: Bench) -> None:
    """What the operator asks of assets holds for those that a job gives to its Collection, as for those of its Items."""

    def describe(job: JobRecord) -> JobResult:
        own = CollectionRecord(id="c", job_id=job.id, assets=(asset(job.id, "request.json"), asset(job.id, "all.csv")))
        item = ItemRecord(id="i", collection="c", job_id=job.id, datetime=START, assets=(asset(job.id, "a.csv"),))
        return JobResult(collections=(own,), items=lambda _: [item])

    bench.provider.jobs = {"a": describe}
    bench.run(assets=Filter(exclude=("request*",)))
    assert set(json.loads(bench.storage.get("p/c/collection.json"))["assets"]) == {"all.csv"}
    assert [one.key for one in bench.storage.list("p/c/assets")] == ["p/c/assets/a/all.csv"]


def test_documents_that_a_provider_hands_over_need_not_be_included(bench: Bench) -> None:
    """`assets_include` chooses files to fetch; a process graph is no file to fetch, and goes only when it is excluded."""

    def describe(job: JobRecord) -> JobResult:
        own = CollectionRecord(id="c", job_id=job.id, assets=(asset(job.id, "process.json"),))
        files = (asset(job.id, "a.csv"), asset(job.id, "b.tif", None))
        item = ItemRecord(id="i", collection="c", job_id=job.id, datetime=START, assets=files)
        return JobResult(collections=(own,), items=lambda _: [item])

    bench.provider.jobs = {"a": describe}
    bench.run(assets=Filter(include=("*.CSV",)))
    assert set(json.loads(bench.storage.get("p/c/collection.json"))["assets"]) == {"process.json"}
    assert set(json.loads(bench.storage.get("p/c/i/i.json"))["assets"]) == {"a.csv"}


def alike(*keys: str) -> Script:
    """A job with one Item, whose files differ but are all called t.tif."""

    def describe(job: JobRecord) -> JobResult:
        files = tuple(replace(asset(job.id, key, key.encode() * 9), filename="t.tif") for key in keys)
        item = ItemRecord(id="i", collection="c", job_id=job.id, datetime=START, assets=files)
        return JobResult(collections=(CollectionRecord(id="c", job_id=job.id),), items=lambda _: [item])

    return describe


def test_files_that_are_called_the_same_are_all_there_as_they_were(bench: Bench) -> None:
    """Two assets of an Item never share a place, however they are called: each has its own bytes, size and checksum."""
    bench.provider.jobs = {"a": alike("B 1", "B-1", "b-1")}
    assert bench.run().ok
    document = json.loads(bench.storage.get("p/c/i/i.json"))
    assert set(document["assets"]) == {"B 1", "B-1", "b-1"}
    for key, found in document["assets"].items():
        body = bench.storage.get(f"p/c/i/{found['href']}")
        assert (body, found["file:size"]) == (key.encode() * 9, len(body))
        assert found["file:checksum"] == f"1220{sha256(body).hexdigest()}"


def test_leaving_out_a_file_renames_no_other(bench: Bench) -> None:
    """What a file is called in the store does not depend on which of its neighbours the operator wants."""
    bench.provider.jobs = {"a": alike("x", "y")}
    bench.run(assets=Filter(exclude=("x",)))
    assert [one.key for one in bench.storage.list("p/c/i")] == ["p/c/i/i.json", "p/c/i/y-t.tif"]


def test_results_that_delivered_nothing_are_skipped_with_a_reason(bench: Bench) -> None:
    """An empty result is no failure."""

    def describe(job: JobRecord) -> JobResult:
        return JobResult(collections=(CollectionRecord(id="c", job_id=job.id),), items=lambda _: [])

    bench.provider.jobs = {"a": describe}
    assert bench.run().counts["skipped"] == 1
    assert bench.documents() == ["catalog.json", "collections.json"]


def test_a_collections_own_files_are_no_results_without_items(bench: Bench) -> None:
    """A job whose tiles all failed is skipped, although its request would go along with its Collection."""

    def describe(job: JobRecord) -> JobResult:
        own = CollectionRecord(id="c", job_id=job.id, assets=(asset(job.id, "request.json"),))
        return JobResult(collections=(own,), items=lambda _: [], left_out={"failed": 3})

    bench.provider.jobs = {"a": describe}
    assert bench.run().counts["skipped"] == 1
    assert "p/c/collection.json" not in bench.documents()


def test_a_changed_job_moves_only_what_changed(bench: Bench) -> None:
    """A new fingerprint describes the job anew; files of the same identity stay where they are."""
    bench.provider.jobs = {"a": good("a.csv")}
    bench.run()
    bench.provider.version = "2"
    bench.provider.jobs = {"a": good("a.csv", "b.csv")}
    report = bench.run()
    assert (report.assets.transferred, report.assets.reused) == (1, 1)


def test_what_is_finished_is_published_while_a_long_transfer_goes_on(bench: Bench) -> None:
    """Readers do not wait for the slowest job: what ended before is there after the time that a long pass may keep it."""
    seen: list[str] = []

    def slow(job: JobRecord) -> JobResult:
        deadline = monotonic() + 20
        while not bench.ledger.jobs.known("p").get("quick") and monotonic() < deadline:
            sleep(0.01)
        bench.now += timedelta(seconds=PUBLISH_EVERY + 1)
        while "p/c-quick/collection.json" not in bench.documents() and monotonic() < deadline:
            sleep(0.05)
        seen.extend(bench.documents())
        return good()(job)

    bench.provider.jobs = {"quick": good(), "slow": slow}
    assert bench.run(workers=2).counts["published"] == 2
    assert "p/c-quick/quick/quick.json" in seen
    assert "p/c-slow/collection.json" not in seen


def test_jobs_taken_side_by_side_give_the_same_catalog(tmp_path: Path) -> None:
    """The number of workers changes nothing in what is published."""
    found = []
    for workers in (1, 8):
        (tmp_path / str(workers)).mkdir()
        bench = Bench(tmp_path / str(workers))
        bench.provider.jobs = {f"j{n}": good("a.csv", "b.csv") for n in range(20)}
        bench.run(workers=workers)
        found.append({one.key: bench.storage.get(one.key) for one in bench.storage.list("")})
        bench.close()
    assert found[0] == found[1]
