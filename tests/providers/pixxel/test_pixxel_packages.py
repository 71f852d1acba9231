"""A package is asked for, waited for, fetched or given up: over passes and restarts, one request at a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from stacsync.demo.pixxel import PixxelStandIn, StandInJob
from stacsync.demo.pixxel.server import Reply, refusal
from stacsync.errors import JobNotReady, JobSkipped, JobUnusable, StacsyncError
from stacsync.jobs import JobRecord, PackageRecord
from stacsync.provider import JobProvider, Signed
from stacsync.testing import FakeMemory
from stacsync.testing.delivery import fetch
from tests.providers.pixxel.conftest import Clock, fact, listed, recorded

Connect = Callable[..., JobProvider]
DOWNLOAD = "/jobs/crops-vercelli/download$"
KEY = "package:crops-vercelli:job"


@pytest.fixture
def job(pixxel: PixxelStandIn) -> StandInJob:
    return pixxel.workflows[0].jobs[0]


@pytest.fixture
def provider(pixxel: PixxelStandIn, connect: Connect) -> JobProvider:
    return connect(pixxel)


def wanted(provider: JobProvider) -> tuple[PackageRecord, JobRecord]:
    record = listed(provider)["crops-vercelli"]
    return provider.describe(record).packages[0], record


def sign(provider: JobProvider, *, fresh: bool = False) -> Signed:
    return provider.sign(*wanted(provider), fresh=fresh)


def test_a_pending_package_is_asked_for_again_when_it_is_due(
    pixxel: PixxelStandIn, job: StandInJob, provider: JobProvider, clock: Clock
) -> None:
    """Before its time it is not asked for at all; the waits double from half a minute to ten."""
    job.pending = 100
    asked_at = []
    package, record = wanted(provider)
    for _ in range(90):
        before = pixxel.asked(DOWNLOAD)
        with pytest.raises(JobNotReady):
            provider.sign(package, record, fresh=False)
        if pixxel.asked(DOWNLOAD) > before:
            asked_at.append(clock.now)
        clock.wait(seconds=30)
    waits = [(later - sooner).total_seconds() for sooner, later in pairwise(asked_at)]
    assert waits == [30, 60, 120, 240, 480, 600, 600]


def test_what_was_asked_outlives_a_restart(
    pixxel: PixxelStandIn, job: StandInJob, connect: Connect, clock: Clock, memory: FakeMemory
) -> None:
    """Another process goes on where the last one stopped: not due is not asked for, due is."""
    job.pending = 1
    with pytest.raises(JobNotReady):
        sign(connect(pixxel))
    reborn = connect(pixxel)
    with pytest.raises(JobNotReady):
        sign(reborn)
    assert pixxel.asked(DOWNLOAD) == 1
    assert memory.values[KEY]["state"] == "pending"
    clock.wait(seconds=31)
    assert fetch(sign(reborn)) == job.package
    assert memory.values[KEY]["state"] == "ready"


def test_a_signed_address_is_never_kept(pixxel: PixxelStandIn, provider: JobProvider, memory: FakeMemory) -> None:
    """What is remembered of a package holds neither its address nor its signature."""
    signed = sign(provider)
    assert "stand-in-signature" in signed.url
    text = json.dumps(memory.values)
    assert "signature" not in text
    assert pixxel.url not in text
    assert signed.url not in repr(signed)


def test_an_expired_address_is_followed_by_a_new_one(pixxel: PixxelStandIn, provider: JobProvider) -> None:
    """Each request for an address gets a new one."""
    first, second = sign(provider), sign(provider, fresh=True)
    assert first.url != second.url
    assert pixxel.asked(DOWNLOAD) == 2


def test_a_package_that_stays_pending_is_given_up_and_begun_again_later(
    pixxel: PixxelStandIn, job: StandInJob, connect: Connect, clock: Clock, memory: FakeMemory
) -> None:
    """After `package_attempts` requests the job fails with a reason; the next attempt starts counting anew."""
    job.pending = 10
    provider = connect(pixxel, package_attempts=3)
    for kind in (JobNotReady, JobNotReady, JobUnusable, JobNotReady):
        with pytest.raises(StacsyncError) as caught:
            sign(provider)
        assert type(caught.value) is kind
        clock.wait(minutes=11)
    assert memory.values[KEY]["attempts"] == 1


@pytest.mark.parametrize("status", [202, 204, 409, 425, 429])
def test_answers_that_mean_later_are_pending(
    pixxel: PixxelStandIn, provider: JobProvider, clock: Clock, status: int
) -> None:
    """Accepted, conflict, too early and throttled: the job waits, the pass goes on, the next one asks again."""
    body = b"" if status == 204 else {"status": "ready", "signed_url": "https://elsewhere.example/x"}
    pixxel.faults[DOWNLOAD] = [Reply(body, status)]
    with pytest.raises(JobNotReady):
        sign(provider)
    assert pixxel.asked(DOWNLOAD) == 1
    clock.wait(seconds=31)
    assert sign(provider)


def test_a_wished_pause_is_kept(pixxel: PixxelStandIn, provider: JobProvider, clock: Clock) -> None:
    """A throttled request is repeated no sooner than its Retry-After says."""
    pixxel.faults[DOWNLOAD] = [Reply({}, 429, {"Retry-After": "90"})]
    for seconds in (0, 60):
        clock.wait(seconds=seconds)
        with pytest.raises(JobNotReady):
            sign(provider)
    assert pixxel.asked(DOWNLOAD) == 1
    clock.wait(seconds=31)
    assert sign(provider)


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (refusal(400, "bad workflow"), JobUnusable, "bad workflow"),
        (refusal(403), JobUnusable, "may not be downloaded"),
        (refusal(404), JobSkipped, "gone"),
        (refusal(500), JobUnusable, "cannot be made"),
        (Reply(b"<html>", 200, {"Content-Type": "text/html"}), JobUnusable, "web page"),
        (Reply({"status": "failed", "signed_url": ""}), JobUnusable, "failed to make"),
        (Reply({"status": "pending", "signed_url": "https://x.example/y"}), JobNotReady, "being made"),
        (Reply({"status": "who knows", "signed_url": "https://x.example/y"}), JobNotReady, "being made"),
        (Reply({"status": "ready", "signed_url": None}), JobNotReady, "being made"),
        (Reply({"status": "ready", "signed_url": "s3://private/package"}), JobNotReady, "being made"),
        (Reply(["nonsense"]), JobNotReady, "being made"),
    ],
)
def test_each_answer_leads_to_what_happens_next(
    pixxel: PixxelStandIn, provider: JobProvider, reply: Reply, error: type[StacsyncError], words: str
) -> None:
    """Refused, gone, failed, not ready or nonsense: an error of the kind that says what the pass does with the job."""
    pixxel.faults[DOWNLOAD] = [reply] * 5
    with pytest.raises(StacsyncError) as caught:
        sign(provider)
    assert type(caught.value) is error
    assert words in caught.value.message


def test_recorded_answers_are_understood(pixxel: PixxelStandIn, provider: JobProvider, clock: Clock) -> None:
    """The recorded states of all kinds of downloads: ready ones give an address, the others do not."""
    states = recorded("download_states")
    for name in ("ready", "task_variant", "catalog_variant", "aoi_variant"):
        pixxel.faults[DOWNLOAD] = [Reply(states[name])]
        assert sign(provider).url == states[name]["signed_url"]
    for name, error in (("pending", JobNotReady), ("failed", JobUnusable)):
        pixxel.faults[DOWNLOAD] = [Reply(states[name])]
        with pytest.raises(error):
            sign(provider)
        clock.wait(minutes=11)


def test_an_address_without_a_status_is_used(pixxel: PixxelStandIn, provider: JobProvider) -> None:
    """A signed address that comes alone is ready; a further word may mean ready by `done_statuses`."""
    pixxel.faults[DOWNLOAD] = [Reply({"signed_url": "https://x.example/y"})]
    assert sign(provider).url == "https://x.example/y"


def test_further_words_may_mean_ready(pixxel: PixxelStandIn, job: StandInJob, connect: Connect, clock: Clock) -> None:
    """`done_statuses` counts for packages too."""
    job.ready = "AVAILABLE"
    with pytest.raises(JobNotReady):
        sign(connect(pixxel))
    clock.wait(seconds=31)
    assert fetch(sign(connect(pixxel, done_statuses=["available"]))) == job.package


def test_one_request_per_package_is_under_way(pixxel: PixxelStandIn, job: StandInJob, provider: JobProvider) -> None:
    """Many threads that want the same pending package make one request."""
    job.pending = 50
    package, record = wanted(provider)

    def attempt(_: int) -> str:
        try:
            provider.sign(package, record, fresh=False)
        except JobNotReady:
            return "waiting"
        return "ready"

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(attempt, range(16))) == {"waiting"}
    assert pixxel.asked(DOWNLOAD) == 1


def test_an_image_is_asked_for_once_and_looked_up_then(pixxel: PixxelStandIn, connect: Connect, clock: Clock) -> None:
    """The download of delivered imagery is ordered by one POST; its state is read until it is ready."""
    pixxel.images[0].polls = 2
    provider = connect(pixxel, imagery=True)
    record = next(job for job in provider.finished_jobs() if job.id.startswith("imagery-"))
    package = provider.describe(record).packages[0]
    for _ in range(2):
        with pytest.raises(JobNotReady):
            provider.sign(package, record, fresh=False)
        clock.wait(minutes=11)
    assert fetch(provider.sign(package, record, fresh=False)) == pixxel.images[0].package
    assert pixxel.asked("/catalogs/download$", "POST") == 1
    provider.sign(package, record, fresh=False)
    assert pixxel.asked("/catalogs/download$", "POST") == 1
    pixxel.images[0].polls = 0
    provider.sign(package, record, fresh=True)
    assert pixxel.asked("/catalogs/download$", "POST") == 2


def test_a_forgotten_download_of_an_image_is_ordered_anew(
    pixxel: PixxelStandIn, connect: Connect, memory: FakeMemory
) -> None:
    """An order that the API no longer knows is placed again."""
    provider = connect(pixxel, imagery=True)
    record = next(job for job in provider.finished_jobs() if job.id.startswith("imagery-"))
    package = provider.describe(record).packages[0]
    memory.put(f"package:{record.id}:job", {"state": "pending", "id": "long-ago"})
    assert fetch(provider.sign(package, record, fresh=False)) == pixxel.images[0].package


def test_an_asset_of_a_package_has_no_address(provider: JobProvider) -> None:
    """Members lie in the store once their package was unpacked; asking for one by itself is refused with its name."""
    package, record = wanted(provider)
    (item,) = provider.describe(record).items({package.id: (fact("a.csv"),)})
    with pytest.raises(JobUnusable, match=r"a\.csv"):
        provider.sign(item.assets[0], record, fresh=False)
