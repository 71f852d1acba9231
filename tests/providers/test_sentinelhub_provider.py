"""The provider against its stand-in: an API and buckets on real sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from stacsync import registry
from stacsync.demo.sentinelhub import Account, Bucket, account
from stacsync.demo.sentinelhub.bucket import ACCESS_KEY, ELSEWHERE, SECRET_KEY
from stacsync.demo.sentinelhub.files import Outcome, Row, blob, execution
from stacsync.demo.sentinelhub.scenario import BUCKET, COLLECTION, SECRET, USER, task
from stacsync.demo.sentinelhub.service import CLIENT_ID, CLIENT_SECRET, TOKEN_PATH
from stacsync.errors import JobNotReady, JobSkipped, JobUnusable, SignInFailed, StacsyncError, Unavailable
from stacsync.jobs import ItemRecord, JobRecord, JobResult, SourceFolder, SourceObject, Standing
from stacsync.provider import JobProvider, ReadsBuckets
from stacsync.providers.sentinelhub import zarr
from stacsync.testing import FakeMemory, ProviderTests, context

KIND = registry.kind("sentinelhub")
JOB = "d3e0c1de-5f7b-4c59-9a53-0c61c0c9d0{:02d}"
LISTING = "/api/v2/batch/process"
HIDDEN = (CLIENT_SECRET, SECRET, SECRET_KEY, USER, "DEMO-ACCESS-KEY")
Connect = Callable[..., JobProvider]


@pytest.fixture
def made() -> Iterator[Account]:
    """A small account whose API is listening."""
    found = account()
    with found.service:
        yield found


@pytest.fixture
def bucket(made: Account) -> Iterator[Bucket]:
    with Bucket({BUCKET: made.objects}) as found:
        yield found


@pytest.fixture
def connect(made: Account, bucket: Bucket, request: pytest.FixtureRequest, tmp_path: Path) -> Connect:
    """Connect to the stand-in, with settings and a memory of one's own."""

    def connected(*, memory: FakeMemory | None = None, sleep: Any = None, **settings: Any) -> JobProvider:
        source = {"endpoint_url": bucket.url, "region": "eu-central-1"}
        keys = {"access_key_id": ACCESS_KEY, "secret_access_key": SECRET_KEY}
        known = {
            "kind": "sentinelhub",
            "url": made.service.url,
            "token_url": made.service.token_url,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "source": {**source, **keys},
        }
        checked = KIND.settings.model_validate({**known, **settings})
        provider = KIND.connect(checked, context("sh", memory=memory, sleep=sleep, state_dir=tmp_path))
        request.addfinalizer(provider.close)
        return provider

    return connected


def job(provider: JobProvider, number: int) -> JobRecord:
    return next(one for one in provider.finished_jobs() if one.id == JOB.format(number))


def told(provider: JobProvider, one: JobRecord) -> tuple[JobResult, list[ItemRecord]]:
    result = provider.describe(one)
    try:
        return result, list(result.items({}))
    finally:
        result.close()


class TestContract(ProviderTests):
    """What every provider has to keep to, copying."""

    expected_jobs = frozenset(JOB.format(number) for number in range(1, 6))
    secrets = HIDDEN

    @pytest.fixture
    def provider(self, connect: Connect) -> JobProvider:
        return connect()


class TestContractByReference(TestContract):
    """The same, by reference."""

    @pytest.fixture
    def provider(self, connect: Connect) -> JobProvider:
        return connect(transfer="reference")


def test_delivered_features_are_told_and_the_rest_counted(connect: Connect) -> None:
    """Two of four features were delivered; the one without data and the one that failed are counted."""
    provider = connect()
    result, items = told(provider, job(provider, 1))
    assert [item.title for item in items] == ["31TGH_9_1", "32TMN_0_1"]
    assert result.left_out == {"no data": 1, "failed": 1}
    assert result.complete
    source = items[1].assets[0].source
    assert source == SourceObject(BUCKET, f"ndvi/{JOB.format(1)}/32TMN_0_1/default.tif")
    assert items[1].assets[0].size


def test_by_reference_nothing_is_copied(connect: Connect) -> None:
    """By reference no asset is to be mirrored, of Items and Collections alike, and every one has its s3:// address."""
    provider = connect(transfer="reference")
    for one in provider.finished_jobs():
        result, items = told(provider, one)
        assets = [asset for item in items for asset in item.assets]
        assert not [asset for collection in result.collections for asset in collection.assets]
        assert assets
        assert not [asset for asset in assets if asset.mirrored or not (asset.href or "").startswith(f"s3://{BUCKET}/")]


def test_a_second_pass_reads_the_listing_alone(connect: Connect, made: Account, bucket: Bucket) -> None:
    """With nothing new, a pass asks for the pages of the listing, with the token it has, and nothing of the bucket."""
    provider = connect()
    first = {one.id: one.fingerprint for one in provider.finished_jobs()}
    made.service.asked.clear()
    bucket.asked.clear()
    assert {one.id: one.fingerprint for one in provider.finished_jobs()} == first
    assert set(made.service.asked) == {LISTING}
    assert bucket.asked == []
    assert made.service.tokens == 1


def test_a_listing_in_pages_is_read_to_its_end(connect: Connect, made: Account) -> None:
    """Whatever the page size, every finished task is there once, and odd entries are passed over."""
    provider = connect()
    for size in (1, 2, 3, 100):
        made.service.page_size = size
        assert [one.id for one in provider.finished_jobs()] == [JOB.format(number) for number in range(1, 6)]


def test_throttling_is_counted_in_milliseconds(connect: Connect, made: Account) -> None:
    """A Retry-After of 3398 is 3.4 seconds, give or take the jitter, not an hour."""
    slept: list[float] = []
    provider = connect(sleep=slept.append)
    made.service.throttled, made.service.retry_after_ms = 2, 3398
    assert len(list(provider.finished_jobs())) == 5
    assert len(slept) >= 2
    assert all(3 < seconds < 15 for seconds in slept)


def test_tokens_are_cached_and_renewed(connect: Connect, made: Account) -> None:
    """One token serves a whole pass; one that is refused is replaced once."""
    provider = connect()
    list(provider.finished_jobs())
    assert made.service.asked.count(TOKEN_PATH) == 1
    made.service.tokens += 1
    assert len(list(provider.finished_jobs())) == 5
    assert made.service.asked.count(TOKEN_PATH) == 2


def test_refused_credentials_say_so(connect: Connect) -> None:
    """A wrong secret is a refused sign-in, and is not repeated in words."""
    provider = connect(client_secret="not-the-secret")
    with pytest.raises(SignInFailed) as refusal:
        list(provider.finished_jobs())
    assert "not-the-secret" not in str(refusal.value)
    lines = list(provider.check())
    assert [(line.subject, line.ok) for line in lines] == [("sign-in", False)]
    assert lines[0].remedy


def test_a_task_listed_without_its_request_is_asked_for(connect: Connect, made: Account) -> None:
    """What the replicas do not know yet is waited for; a pass later it is there."""
    whole = made.service.tasks[0]
    made.service.details[whole["id"]] = whole
    made.service.tasks[0] = {name: value for name, value in whole.items() if name != "request"}
    made.service.lagging[f"{LISTING}/{whole['id']}"] = 1
    provider = connect()
    one = job(provider, 1)
    with pytest.raises(JobNotReady):
        provider.describe(one)
    assert len(told(provider, one)[1]) == 2


def test_pending_features_of_a_done_task_are_waited_for(connect: Connect, bucket: Bucket) -> None:
    """An execution database that lags behind makes the job wait; read again later, it is whole."""
    key = f"ndvi/execution-{JOB.format(1)}.sqlite"
    settled = bucket.objects[BUCKET][key]
    bucket.objects[BUCKET][key] = execution([Outcome("32TMN_0_1", "PENDING", delivered=False)])
    provider = connect()
    with pytest.raises(JobNotReady, match="pending"):
        provider.describe(job(provider, 1))
    bucket.objects[BUCKET][key] = settled
    assert len(told(provider, job(provider, 1))[1]) == 2


@pytest.mark.parametrize("place", ["stopped/", "stopped/{}/"])
def test_a_stopped_task_gives_what_it_has(connect: Connect, bucket: Bucket, place: str) -> None:
    """What was delivered is published as incomplete, wherever the manifest lies."""
    held, job_id = bucket.objects[BUCKET], JOB.format(3)
    for name in (f"featureManifest-{job_id}.gpkg", f"execution-{job_id}.sqlite"):
        held[f"{place.format(job_id)}{name}"] = held.pop(f"stopped/{job_id}/{name}")
    provider = connect()
    result, items = told(provider, job(provider, 3))
    assert (result.complete, result.left_out, len(items)) == (False, {"pending": 1}, 1)


def test_partial_results_can_be_left_alone(connect: Connect) -> None:
    """With partial = "skip" a stopped task is skipped, and says why."""
    skipped = job(connect(partial="skip"), 3)
    assert skipped.standing is Standing.SKIPPED
    assert "OUT_OF_PU" in skipped.reason


def test_a_task_that_ended_empty_is_skipped(connect: Connect, made: Account, bucket: Bucket) -> None:
    """A stopped or failed task without manifest, or without any delivered feature, is skipped for good."""
    made.service.tasks.append(task(8, "FAILED", "broke", f"s3://{BUCKET}/broke"))
    bucket.objects[BUCKET][f"stopped/{JOB.format(3)}/execution-{JOB.format(3)}.sqlite"] = execution([])
    provider = connect()
    for number in (3, 8):
        with pytest.raises(JobSkipped):
            provider.describe(job(provider, number))


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        ({f"{BUCKET}/ndvi/featureManifest-{JOB.format(1)}.gpkg": (403, "AccessDenied")}, "no right to read"),
        ({BUCKET: (404, "NoSuchBucket")}, "does not exist"),
        ({BUCKET: (301, "PermanentRedirect")}, f"source.region to {ELSEWHERE}"),
        ({BUCKET: (400, "AuthorizationHeaderMalformed")}, "source.region"),
        ({BUCKET: (403, "SignatureDoesNotMatch")}, "source.secret_access_key"),
    ],
)
def test_an_unreadable_bucket_is_told_apart(
    connect: Connect, bucket: Bucket, refusal: dict[str, tuple[int, str]], words: str
) -> None:
    """No right, no bucket, another region and wrong keys are four answers, each with its way out; no geometry is guessed."""
    bucket.refusals.update(refusal)
    provider = connect()
    with pytest.raises(JobUnusable) as told_:
        provider.describe(job(provider, 1))
    assert words in str(told_.value)


def test_a_bucket_that_is_nowhere_is_asked_no_more_than_it_takes(connect: Connect, bucket: Bucket) -> None:
    """Without a region, a bucket that sends everybody elsewhere is followed once; then the setting is named."""
    bucket.refusals[BUCKET] = (301, "PermanentRedirect")
    provider = connect(
        source={"endpoint_url": bucket.url, "access_key_id": ACCESS_KEY, "secret_access_key": SECRET_KEY}
    )
    with pytest.raises(JobUnusable, match=r"source\.region"):
        provider.describe(job(provider, 1))
    assert len(bucket.asked) <= 4
    assert "source.region" in list(provider.check())[-1].remedy


def test_a_missing_manifest_is_named(connect: Connect, bucket: Bucket) -> None:
    """A manifest or execution database that is nowhere is named."""
    for name in (f"ndvi/execution-{JOB.format(1)}.sqlite", f"ndvi/featureManifest-{JOB.format(1)}.gpkg"):
        del bucket.objects[BUCKET][name]
        provider = connect()
        with pytest.raises(JobUnusable, match=name.rpartition("/")[2]):
            provider.describe(job(provider, 1))


def test_a_bucket_that_cannot_be_listed_is_read_all_the_same(connect: Connect, bucket: Bucket) -> None:
    """Without the right to list, files are taken as the manifest names them."""
    bucket.refusals[f"list {BUCKET}"] = (403, "AccessDenied")
    provider = connect()
    items = told(provider, job(provider, 1))[1]
    assert [asset.size for item in items for asset in item.assets] == [None, None]


def test_two_tasks_feed_one_collection(connect: Connect) -> None:
    """Both tasks tell the same Collection by the service's name, with bands once; their Items have their own ids and times."""
    provider = connect()
    results = [told(provider, job(provider, number)) for number in (4, 5)]
    collections = [result.collections[0] for result, _ in results]
    assert {one.id for one in collections} == {f"sh-{COLLECTION}"}
    assert {(one.title, one.description, one.job_id) for one in collections} == {
        ("Fields of Corsica", "Fields of Corsica. Batch collection of Sentinel Hub.", None)
    }
    assert collections[0].item_assets["default"]["bands"] == [{"name": "default", "data_type": "uint8", "nodata": 0}]
    items = [item for _, found in results for item in found]
    assert len({item.id for item in items}) == 6
    assert {item.datetime for item in items} == {
        datetime(2019, 5, 15, 10, 10, tzinfo=UTC),
        datetime(2019, 8, 15, 10, 10, tzinfo=UTC),
    }
    assert all(item.properties["gsd"] == 20 for item in items)


@pytest.mark.parametrize("collections", ["off", ["another"]])
def test_collections_can_be_left_aside(connect: Connect, collections: Any) -> None:
    """Off, or not among those configured: the task has a Collection of its own."""
    provider = connect(collections=collections)
    result, _ = told(provider, job(provider, 4))
    assert result.collections[0].job_id == JOB.format(4)


def test_an_unfed_collection_is_published_by_its_tiles(connect: Connect, made: Account) -> None:
    """A configured collection that no task feeds is a job of its own, with an Item for every ingested tile."""
    made.service.tasks[:] = []
    tiles = made.service.byoc_tiles[COLLECTION]
    tiles[0]["status"], tiles[1]["status"] = "WAITING", "FAILED"
    tiles[1]["additionalData"]["failedIngestionCause"] = "no such file"
    provider = connect(collections=[COLLECTION])
    one = next(iter(provider.finished_jobs()))
    result, items = told(provider, one)
    assert one.id == f"collection:{COLLECTION}"
    assert len(items) == 4
    assert all(item.job_id is None for item in items)
    assert result.left_out == {"not ingested yet": 1, "failed: no such file": 1}
    tiles[0]["status"] = "INGESTED"
    assert next(iter(provider.finished_jobs())).fingerprint != one.fingerprint


def test_a_collection_that_was_fed_is_never_published_twice(connect: Connect, made: Account) -> None:
    """When the service deletes the old requests of a collection, its tiles are not taken for new ones."""
    memory = FakeMemory()
    provider = connect(memory=memory, collections=[COLLECTION])
    assert not [one for one in provider.finished_jobs() if one.id.startswith("collection:")]
    made.service.tasks[:] = made.service.tasks[:3]
    assert not [one for one in connect(memory=memory, collections=[COLLECTION]).finished_jobs() if ":" in one.id]


def test_an_unknown_collection_waits_once(connect: Connect, made: Account) -> None:
    """A collection that is not known yet makes all its jobs wait for one pass; then they are published without its facts."""
    del made.service.byoc_collections[COLLECTION]
    provider = connect(memory=FakeMemory())
    for one in [one for one in provider.finished_jobs() if one.id in (JOB.format(4), JOB.format(5))]:
        with pytest.raises(JobNotReady):
            provider.describe(one)
    result, items = told(provider, job(provider, 4))
    assert len(items) == 3
    assert result.collections[0].id == f"sh-{COLLECTION}"


def test_a_wrong_collection_id_is_the_fault_of_one_job(connect: Connect) -> None:
    """A configured id that the service does not know stops no listing; it is refused when described."""
    provider = connect(collections=["no-such"], memory=FakeMemory())
    jobs = list(provider.finished_jobs())
    assert len(jobs) == 6
    with pytest.raises(JobNotReady):
        provider.describe(jobs[-1])
    with pytest.raises(JobUnusable, match="no-such"):
        provider.describe(list(provider.finished_jobs())[-1])


def test_without_the_right_to_ask_for_a_collection(connect: Connect, made: Account) -> None:
    """A client without the right to batch collections is told which setting does without."""
    made.service.forbidden.add(f"/api/v1/byoc/collections/{COLLECTION}")
    provider = connect()
    with pytest.raises(JobUnusable, match="collections"):
        provider.describe(job(provider, 4))


def test_a_store_is_one_item(connect: Connect) -> None:
    """A Zarr store is one Item with one folder, datacube fields and the footprint of its manifest."""
    provider = connect()
    _, items = told(provider, job(provider, 2))
    assert len(items) == 1
    asset = items[0].assets[0]
    assert asset.source == SourceFolder(BUCKET, f"cubes/{JOB.format(2)}/", zarr.FILES)
    assert asset.media_type == "application/vnd.zarr; version=2"
    assert items[0].properties["cube:dimensions"]["x"]["extent"] == [4_180_000, 4_280_000]
    assert items[0].geometry_source is None


def test_a_store_without_manifest_has_the_area_asked_for(connect: Connect, bucket: Bucket) -> None:
    """Without a manifest the footprint is the area of the request, and says so."""
    del bucket.objects[BUCKET][f"cubes/featureManifest-{JOB.format(2)}.gpkg"]
    provider = connect()
    _, items = told(provider, job(provider, 2))
    assert items[0].geometry_source == "aoi"
    assert items[0].bbox == (8.44, 41.31, 9.66, 43.1)


def test_a_store_that_is_not_there_is_refused(connect: Connect, bucket: Bucket) -> None:
    """A done task whose store is nowhere is unusable."""
    for key in [key for key in bucket.objects[BUCKET] if f"{JOB.format(2)}/" in key]:
        del bucket.objects[BUCKET][key]
    provider = connect()
    with pytest.raises(JobUnusable, match="Zarr"):
        provider.describe(job(provider, 2))


def test_check_tells_each_right(connect: Connect, made: Account, bucket: Bucket) -> None:
    """Sign-in, listing and bucket are a line each; what is wrong with the bucket has its way out."""
    provider = connect()
    assert [(line.subject, line.ok) for line in provider.check()] == [
        ("sign-in", True),
        ("listing", True),
        (f"source bucket {BUCKET}", True),
    ]
    for refusal, words in [((403, "AccessDenied"), "ListBucket"), ((400, "AuthorizationHeaderMalformed"), "region")]:
        bucket.refusals[BUCKET] = refusal
        line = list(provider.check())[-1]
        assert not line.ok
        assert words in line.remedy
    made.service.forbidden.add(LISTING)
    assert [line.ok for line in provider.check()] == [False]


def test_nothing_lies_behind_an_address(connect: Connect) -> None:
    """Everything lies in buckets: no address is handed out."""
    provider = connect()
    one = job(provider, 1)
    with pytest.raises(JobUnusable):
        provider.sign(told(provider, one)[1][0].assets[0], one, fresh=False)
    assert isinstance(provider, ReadsBuckets)
    assert provider.source_store().secret_access_key == SECRET_KEY


def test_descriptions_leave_nothing_behind(connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Temporary files go with the description, and with a refusal."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    provider = connect()
    for one in list(provider.finished_jobs()):
        told(provider, one)
    assert list(tmp_path.iterdir()) == []
    bucketless = connect(source={"endpoint_url": "http://127.0.0.1:1", "access_key_id": "k", "secret_access_key": "s"})
    with pytest.raises(StacsyncError):
        bucketless.describe(job(bucketless, 1))
    assert list(tmp_path.iterdir()) == []


V1_ID = "b330c22b-0000-4000-8000-000000000001"


def first_request(status: str = "DONE") -> dict[str, Any]:
    whole = task(9, "DONE", "Version one", "s3://unused")["request"]
    return {
        "id": V1_ID,
        "userId": USER,
        "accountId": USER,
        "created": "2023-05-04T10:00:00.000Z",
        "userActionUpdated": "2023-05-04T10:02:00.000Z",
        "status": status,
        "description": "Version one",
        "tileCount": 3,
        "tileWidthPx": 1000,
        "tileHeightPx": 1000,
        "tilingGrid": {"id": 1, "resolution": 10.0, "bufferX": 0, "bufferY": 0},
        "processRequest": whole["processRequest"],
        "output": {"defaultTilePath": f"s3://{BUCKET}/v1", "cogOutput": True},
    }


def first_tile(number: int, status: str = "PROCESSED") -> dict[str, Any]:
    west = 8.0 + number / 10
    ring = [[west, 42.0], [west + 0.1, 42.0], [west + 0.1, 42.1], [west, 42.1], [west, 42.0]]
    name = f"32TMN_{number}_1"
    return {
        "id": number,
        "name": name,
        "status": status,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "cost": 1.5,
    }


@pytest.fixture
def first(made: Account, bucket: Bucket, connect: Connect) -> Connect:
    """An account of version 1: three tiles, one failed, files named `.tiff`."""
    made.service.requests.append(first_request())
    made.service.tiles[V1_ID] = [first_tile(0), first_tile(1, "FAILED"), first_tile(2)]
    for number in (0, 2):
        bucket.objects[BUCKET][f"v1/{V1_ID}/32TMN_{number}_1/default.tiff"] = b"II*\0"

    def connected(**settings: Any) -> JobProvider:
        return connect(api="v1", **settings)

    return connected


def test_version_one_is_read_through_its_tiles(first: Connect) -> None:
    """Processed tiles are Items with the files that lie there; failed ones are counted."""
    provider = first()
    one = next(iter(provider.finished_jobs()))
    result, items = told(provider, one)
    assert [item.title for item in items] == ["32TMN_0_1", "32TMN_2_1"]
    assert [asset.filename for item in items for asset in item.assets] == ["default.tiff", "default.tiff"]
    assert (result.left_out, result.complete) == ({"failed": 1}, True)
    assert all(secret not in repr((one, result, items)) for secret in HIDDEN)
    assert all(line.ok for line in provider.check())


def test_partial_requests_are_taken_when_they_stand_still(first: Connect, made: Account) -> None:
    """PARTIAL waits a pass, then is published as incomplete; a restart makes it wait again and completes it."""
    made.service.requests[0]["status"] = "PARTIAL"
    provider = first(memory=FakeMemory())
    assert next(iter(provider.finished_jobs())).standing is Standing.WAITING
    second = next(iter(provider.finished_jobs()))
    assert second.standing is Standing.READY
    assert told(provider, second)[0].complete is False
    made.service.requests[0]["userActionUpdated"] = "2024-01-01T00:00:00Z"
    assert next(iter(provider.finished_jobs())).standing is Standing.WAITING
    made.service.requests[0]["status"] = "DONE"
    third = next(iter(provider.finished_jobs()))
    assert third.fingerprint != second.fingerprint
    assert told(provider, third)[0].complete is True
    made.service.requests[0]["status"] = "PARTIAL"
    assert next(iter(first(partial="skip").finished_jobs())).standing is Standing.SKIPPED


def test_tiles_that_lag_are_waited_for(first: Connect, made: Account) -> None:
    """A DONE request whose tiles are unknown, unlisted or unfinished waits."""
    provider = first()
    one = next(iter(provider.finished_jobs()))
    made.service.lagging[f"/api/v1/batch/process/{V1_ID}/tiles"] = 1
    with pytest.raises(JobNotReady):
        provider.describe(one)
    made.service.tiles[V1_ID][2]["status"] = "PROCESSING"
    with pytest.raises(JobNotReady, match="tiles"):
        provider.describe(one)
    made.service.tiles[V1_ID].clear()
    with pytest.raises(JobNotReady, match="tiles"):
        provider.describe(one)


def test_tiles_without_files_are_counted(first: Connect, bucket: Bucket) -> None:
    """A processed tile of which nothing lies in the bucket had no data; when that is all of them, the job is unusable."""
    del bucket.objects[BUCKET][f"v1/{V1_ID}/32TMN_0_1/default.tiff"]
    provider = first()
    one = next(iter(provider.finished_jobs()))
    result, items = told(provider, one)
    assert (len(items), result.left_out) == (1, {"failed": 1, "no data": 1})
    del bucket.objects[BUCKET][f"v1/{V1_ID}/32TMN_2_1/default.tiff"]
    with pytest.raises(JobUnusable, match="moved or deleted"):
        provider.describe(one)


def test_version_one_feeds_its_own_collections(first: Connect, made: Account) -> None:
    """A batch collection of version 1 names itself and its bands; one that is configured but unfed is skipped with words."""
    made.service.requests[0]["output"]["collectionId"] = "c-1"
    made.service.batch_collections["c-1"] = {"id": "c-1", "accountId": USER, "name": "First", "s3Bucket": BUCKET}
    provider = first(collections=["c-1", "c-2"])
    fed, unfed = list(provider.finished_jobs())
    result, items = told(provider, fed)
    assert result.collections[0].title == "First"
    assert {item.collection for item in items} == {"sh-c-1"}
    assert unfed.standing is Standing.SKIPPED
    assert unfed.reason


def test_version_one_stores_are_one_item(first: Connect, made: Account, bucket: Bucket) -> None:
    """A Zarr store of version 1 is one Item over the area that was asked for."""
    request = deepcopy(made.service.requests[0])
    del request["output"]
    request["zarrOutput"] = {"path": f"s3://{BUCKET}/first-store"}
    made.service.requests[0] = request
    bucket.objects[BUCKET]["first-store/.zgroup"] = b'{"zarr_format": 2}'
    provider = first()
    _, items = told(provider, next(iter(provider.finished_jobs())))
    assert items[0].assets[0].source == SourceFolder(BUCKET, "first-store/", zarr.FILES)
    assert items[0].geometry_source == "aoi"


def test_a_withdrawn_version_says_so(first: Connect, made: Account) -> None:
    """Where version 1 is gone, listing and check say which setting to change."""
    made.service.withdrawn = True
    provider = first()
    with pytest.raises(Unavailable, match='api = "v2"'):
        list(provider.finished_jobs())
    lines = list(provider.check())
    assert [(line.subject, line.ok) for line in lines] == [("listing", False)]
    assert lines[0].remedy == 'set api = "v2"'


def test_the_other_path_style_is_hinted_at(connect: Connect) -> None:
    """An API that is not there is looked for with the other path style, says the error."""
    with pytest.raises(Unavailable, match="path_style"):
        list(connect(path_style="service").finished_jobs())


def test_real_s3_serves_as_well(made: Account, connect: Connect, s3_endpoint: str) -> None:
    """Against another S3 implementation, with more than one page of objects, the same Items come out."""
    client: Any = boto3.client(
        "s3",
        endpoint_url=s3_endpoint,
        region_name="eu-central-1",
        aws_access_key_id="k",
        aws_secret_access_key="s",
    )
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    for key, content in made.objects.items():
        client.put_object(Bucket=BUCKET, Key=key, Body=content)
    client.close()
    source = {"endpoint_url": s3_endpoint, "region": "eu-central-1", "access_key_id": "k", "secret_access_key": "s"}
    there, here = connect(source=source), connect()
    for number in range(1, 6):
        theirs, ours = told(there, job(there, number)), told(here, job(here, number))
        assert [item.id for item in theirs[1]] == [item.id for item in ours[1]]
        assert [item.geometry for item in theirs[1]] == [item.geometry for item in ours[1]]
    made.service.tasks[0]["request"]["output"]["delivery"]["s3"]["url"] = "s3://no-such-bucket/x"
    elsewhere = job(there, 1)
    with pytest.raises(JobUnusable, match="does not exist"):
        there.describe(elsewhere)


def test_rows_of_many_shapes(connect: Connect, made: Account, bucket: Bucket) -> None:
    """Project names in paths, a missing output id and a geometry without points are taken as they come."""
    job_id = JOB.format(8)
    made.service.tasks.append(task(8, "DONE", "shapes", f"s3://7f3-project:{BUCKET}/shapes"))
    area = (400_000.0, 4_680_000.0, 410_000.0, 4_690_000.0)
    rows = [
        Row(32632, "default", "plain", f"s3://7f3-project:{BUCKET}/shapes/plain.tif", 10, 10, blob(area, 32632)),
        Row(32632, "default", "empty", f"s3://{BUCKET}/shapes/empty.tif", 0, 0, b"GP\0\x11\x78\x7f\0\0"),
    ]
    outcomes = [Outcome("plain"), Outcome("empty")]
    made.add(made.service.tasks.pop(), "shapes/", rows, outcomes)
    bucket.objects[BUCKET].update(made.objects)
    provider = connect()
    items = {item.title: item for item in told(provider, job(provider, 8))[1]}
    assert items["plain"].assets[0].source == SourceObject(BUCKET, "shapes/plain.tif")
    assert items["empty"].geometry is None
    assert job_id in items["empty"].id
