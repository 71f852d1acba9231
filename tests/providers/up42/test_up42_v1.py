"""The first API, over a real socket: listing, tokens, archives, quicklooks, tasks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from stacsync.demo.up42 import FirstJob, FirstTask, StandIn, archive, first_job, stable_id
from stacsync.errors import AssetGone, JobSkipped, JobUnusable, SignInFailed, StacsyncError, Unavailable
from stacsync.http.oauth import Token
from stacsync.jobs import ItemRecord, JobRecord, Member, Remote, Standing
from stacsync.provider import JobProvider
from stacsync.testing.delivery import fetch

Connect = Callable[..., JobProvider]
Take = Callable[..., list[ItemRecord]]
Recording = Callable[[str], Any]
WEST, SOUTH, EAST, NORTH = 13.359375, 52.48278, 13.425293, 52.522906
USER = "11111111-2222-4333-8444-555555555555"


def a_job(job_id: str = "7b3e1a52-0000-4000-8000-000000000001", **changed: Any) -> FirstJob:
    payload = {
        "id": job_id,
        "displayId": job_id[:8],
        "status": "SUCCEEDED",
        "mode": "DEFAULT",
        "name": "Mitte",
        "workflowId": "c74a5b52-0000-4000-8000-00000000000f",
        "workflowName": "Tiles",
        "createdAt": "2020-03-30T16:40:00.123Z",
        "updatedAt": "2020-03-30T19:39:51.123Z",
        "startedAt": "2020-03-30T16:41:00.123Z",
        "finishedAt": "2020-03-30T16:45:46.123Z",
        "inputs": {},
        "createdBy": {"id": USER, "type": "USER"},
    }
    return FirstJob(payload={**payload, **changed})


@pytest.fixture
def first(up42: StandIn, connect: Connect) -> JobProvider:
    return connect(up42.first_settings())


def only(provider: JobProvider) -> JobRecord:
    (job,) = provider.finished_jobs()
    return job


def test_real_archive_becomes_one_item(
    up42: StandIn, first: JobProvider, take: Take, real_archive: bytes, recording: Recording
) -> None:
    """The archive of a real job gives one Item with its geometry, its time, its file and its metadata."""
    job = a_job(inputs=recording("legacy_job_inputs.json"))
    job.archive, job.document = real_archive, recording("legacy_output_data.json")
    up42.first.jobs.append(job)
    (item,) = take(first, only(first))
    assert item.bbox == (WEST, SOUTH, EAST, NORTH)
    assert item.geometry is not None
    assert item.geometry["coordinates"][0][0] == item.geometry["coordinates"][0][-1] == [WEST, SOUTH]
    assert item.datetime == datetime(2019, 12, 20, 10, 14, 31, 24000, tzinfo=UTC)
    assert item.datetime_source is None
    assert item.id == f"{job.payload['id']}-21ac03b7-1b1e-43c8-b385-56fde04610aa"
    assert item.title == "S2A_MSIL1C_20191220T101431_N0208_R022_T33UUU_20191220T105312"
    assert item.properties["eo:cloud_cover"] == 1.0068
    assert item.properties["platform"] == "Sentinel-2A"
    assert item.properties["sat:orbit_state"] == "descending"
    data, metadata = item.assets
    assert (data.key, data.roles, data.size) == ("data", ("data",), 2362759)
    assert data.media_type == "image/tiff"
    assert data.source == Member(
        "results", "output/7e17f023-a8e3-43bd-aaac-5bbef749c7f4/7e17f023-a8e3-43bd-aaac-5bbef749c7f4_0-0.tif"
    )
    assert (metadata.key, metadata.roles, metadata.filename) == ("source_metadata", ("metadata",), "data.json")
    assert "up42.data_path" not in str(item.properties)


def test_archive_alone_is_enough(up42: StandIn, first: JobProvider, take: Take, real_archive: bytes) -> None:
    """A job whose data.json the API does not tell is described by the one in its archive, to the same Item."""
    job = a_job()
    job.archive = real_archive
    up42.first.jobs.append(job)
    (item,) = take(first, only(first))
    assert item.bbox == (WEST, SOUTH, EAST, NORTH)
    assert [asset.key for asset in item.assets] == ["data", "source_metadata"]


def test_pages_are_read_to_the_empty_one(up42: StandIn, first: JobProvider) -> None:
    """Jobs are listed page by page, the first finished first, each once, until a page is empty."""
    for number in range(5):
        up42.first.jobs.append(a_job(f"job-{number}", finishedAt=f"2020-03-0{9 - number}T00:00:00Z"))
    assert [job.id for job in first.finished_jobs()] == ["job-4", "job-3", "job-2", "job-1", "job-0"]
    assert [asked.query["page"] for asked in up42.asked_for("/jobs")] == ["0", "1", "2", "3"]


def test_job_on_two_pages_is_told_once(up42: StandIn, first: JobProvider) -> None:
    """A job that slides onto the next page while it is read is told once."""
    up42.first.page_size = 1
    up42.first.jobs += [a_job("job-1"), a_job("job-1"), a_job("job-2", finishedAt="2021-01-01T00:00:00Z")]
    assert "job-1" in [job.id for job in first.finished_jobs()]
    assert len([job for job in first.finished_jobs() if job.id == "job-1"]) == 1


def test_server_without_pages_is_read_once(up42: StandIn, first: JobProvider) -> None:
    """A server that answers every page with all of its jobs is no endless listing."""
    up42.first.page_size = 10**6
    up42.first.jobs += [a_job("job-1"), a_job("job-2")]
    original = up42.first.answer
    up42.apis[up42.apis.index(original)] = lambda asked: original(
        type(asked)(
            asked.method, asked.path, {**asked.query, "page": "0"} if asked.query else {}, asked.headers, asked.body
        )
    )
    assert len(list(first.finished_jobs())) == 2
    assert len(up42.asked_for("/jobs")) == 2


@pytest.mark.parametrize("status", ["FAILED", "RUNNING", "CANCELLED", "NOT_STARTED", "PENDING", "ERROR", "ODD", None])
def test_other_states_are_not_told(up42: StandIn, first: JobProvider, status: str | None) -> None:
    """Only jobs that UP42 calls succeeded are told."""
    up42.first.jobs.append(a_job(status=status))
    assert list(first.finished_jobs()) == []


def test_dry_runs_are_skipped_with_their_reason(up42: StandIn, first: JobProvider) -> None:
    """A test query that succeeded is told as skipped, and why."""
    up42.first.jobs.append(a_job(mode="DRY_RUN"))
    job = only(first)
    assert job.standing is Standing.SKIPPED
    assert "DRY_RUN" in job.reason
    with pytest.raises(JobSkipped, match="DRY_RUN"):
        first.describe(job)


def test_renaming_a_job_is_no_change(up42: StandIn, first: JobProvider) -> None:
    """`updatedAt` and the name say nothing of results; the end of the job does."""
    up42.first.jobs.append(a_job())
    before = only(first).fingerprint
    up42.first.jobs[0].payload |= {"updatedAt": "2022-01-01T00:00:00Z", "name": "other"}
    assert only(first).fingerprint == before
    up42.first.jobs[0].payload["finishedAt"] = "2022-01-01T00:00:00Z"
    assert only(first).fingerprint != before


def test_token_in_either_place(up42: StandIn, first: JobProvider) -> None:
    """The token is found in `data.accessToken` alone, too."""
    up42.first.token_in_data_only = True
    up42.first.jobs.append(a_job())
    assert only(first).id


def test_token_is_renewed_early(up42: StandIn, first: JobProvider) -> None:
    """A token of five minutes is used for four of them, then replaced without a refusal."""
    clock = [0.0]
    up42.first.jobs.append(a_job())
    source = first._client.auth  # type: ignore[attr-defined]  # no public way to move the clock of a provider
    source._monotonic = lambda: clock[0]
    list(first.finished_jobs())
    clock[0] = 239.0
    list(first.finished_jobs())
    assert up42.gate.tokens_issued == 1
    clock[0] = 241.0
    list(first.finished_jobs())
    assert up42.gate.tokens_issued == 2
    assert up42.gate.refused == 0


@pytest.mark.parametrize("with_200", [False, True])
@pytest.mark.parametrize("words", [False, True])
def test_refused_token_in_mid_listing_is_renewed_once(
    up42: StandIn, first: JobProvider, with_200: bool, words: bool
) -> None:
    """A token that dies between two pages is replaced once, also when the refusal comes with status 200."""
    up42.first.errors_with_200, up42.first.word_codes = with_200, words
    up42.first.jobs += [a_job(f"job-{number}") for number in range(5)]
    up42.gate.expire_after(2)
    assert len(list(first.finished_jobs())) == 5
    assert up42.gate.tokens_issued == 2


def test_wrong_key_is_a_failed_sign_in(up42: StandIn, connect: Connect) -> None:
    """A wrong project key fails the sign-in, tells nothing of the key, and fails the check."""
    provider = connect(up42.first_settings(), project_api_key="a-wrong-project-key")
    with pytest.raises(SignInFailed) as refusal:
        list(provider.finished_jobs())
    assert "a-wrong-project-key" not in str(refusal.value)
    assert [line.ok for line in provider.check()] == [False]


def test_check_tries_sign_in_and_listing(first: JobProvider) -> None:
    """The check signs in and lists."""
    assert [(line.subject, line.ok) for line in first.check()] == [("sign-in", True), ("jobs", True)]


@pytest.mark.parametrize("with_200", [False, True])
def test_errors_tell_no_ids(up42: StandIn, connect: Connect, with_200: bool) -> None:
    """UP42's messages quote project and user ids; ours do not, and a refusal with status 200 is a refusal."""
    up42.first.errors_with_200 = with_200
    provider = connect(up42.first_settings())
    up42.first.project = "another"
    up42.gate.token()
    provider._client.auth._fetch = lambda: _token(up42)  # type: ignore[attr-defined]  # signed in before the project went
    with pytest.raises(Unavailable) as told:
        list(provider.finished_jobs())
    assert "12345678-1234" not in str(told.value)
    assert "v2" in told.value.remedy


def _token(up42: StandIn) -> Any:
    return Token(access=up42.gate.token(), expires_in=300)


def test_quicklooks_of_every_data_task(up42: StandIn, first: JobProvider, take: Take) -> None:
    """Each feature gets the quicklook that is named after it, from whichever data task made it."""
    job = first_job(1, features=2)
    data, tiling = job.tasks
    names = sorted(data.quicklooks)
    second = FirstTask(
        payload={**data.payload, "id": "second-task"}, quicklooks={names[1]: data.quicklooks.pop(names[1])}
    )
    tiling.quicklooks = {"ignored.png": b"x"}
    job.tasks = [data, second, tiling]
    up42.first.jobs.append(job)
    record = only(first)
    items = take(first, record)
    assert len(items) == 2
    for item in items:
        (picture,) = [asset for asset in item.assets if asset.key == "thumbnail"]
        assert (picture.roles, picture.media_type) == (("thumbnail",), "image/png")
        assert isinstance(picture.source, Remote)
        feature = item.id.removeprefix(f"{record.id}-")
        assert feature in picture.source.path
        signed = first.sign(picture, record, fresh=False)
        assert fetch(signed).startswith(b"\x89PNG")


def test_single_quicklook_is_shared(up42: StandIn, first: JobProvider, take: Take) -> None:
    """A job's only quicklook shows all of its items; several that match nothing are left out and counted."""
    job = first_job(1, features=2)
    picture = next(iter(job.tasks[0].quicklooks.values()))
    job.tasks[0].quicklooks = {"overall.jpeg": picture}
    up42.first.jobs.append(job)
    assert [item.assets[-1].filename for item in take(first, only(first))] == ["thumbnail.jpeg"] * 2
    job.tasks[0].quicklooks = {"one.jpeg": picture, "two.jpeg": picture}
    result = first.describe(only(first))
    items = take(first, only(first), result)
    assert [asset.key for item in items for asset in item.assets if asset.key == "thumbnail"] == []
    assert result.left_out["quicklook of no item"] == 2


def test_jobs_without_quicklooks_or_tasks(up42: StandIn, first: JobProvider, take: Take) -> None:
    """Having no quicklooks is usual, and a job whose tasks are gone is still published."""
    job = first_job(1)
    job.tasks[0].quicklooks = {}
    up42.first.jobs.append(job)
    assert len(take(first, only(first))) == 2
    job.tasks = []
    assert len(take(first, only(first))) == 2


def test_archive_address_is_signed_each_time(up42: StandIn, first: JobProvider) -> None:
    """Every request for the archive gets an address of its own; a used one is dead."""
    up42.first.jobs.append(first_job(1))
    job = only(first)
    (package,) = first.describe(job).packages
    one, two = (first.sign(package, job, fresh=False) for _ in range(2))
    assert one.url != two.url
    assert dict(one.headers) == {}
    assert fetch(one)[:2] == b"\x1f\x8b"
    with pytest.raises(AssertionError, match="403"):
        fetch(one)
    assert "Signature" not in repr(one)


def test_address_dies_after_five_seconds(up42: StandIn, first: JobProvider, clocks: Any) -> None:
    """An address that is not used at once is dead; a fresh one works."""
    up42.first.jobs.append(first_job(1))
    job = only(first)
    (package,) = first.describe(job).packages
    stale = first.sign(package, job, fresh=False)
    clocks.skipped += 6
    with pytest.raises(AssertionError, match="403"):
        fetch(stale)
    assert fetch(first.sign(package, job, fresh=True))


def test_archive_that_is_gone(up42: StandIn, first: JobProvider) -> None:
    """An archive that UP42 no longer has is gone, not merely unavailable."""
    up42.first.jobs.append(first_job(1))
    job = only(first)
    (package,) = first.describe(job).packages
    up42.first.jobs[0].archive = b""
    with pytest.raises(AssetGone):
        first.sign(package, job, fresh=True)


def test_no_features_is_skipped(up42: StandIn, first: JobProvider, recording: Recording) -> None:
    """A job whose data.json holds no feature is skipped before its archive is fetched."""
    job = first_job(1)
    job.document = recording("data_json_empty.json")
    up42.first.jobs.append(job)
    with pytest.raises(JobSkipped, match="no features"):
        first.describe(only(first))
    assert up42.asked_for("downloads") == []


def test_file_that_is_not_in_the_archive(up42: StandIn, first: JobProvider, take: Take) -> None:
    """A feature whose file the archive lacks makes the job unusable; nothing of it is told."""
    job = first_job(1)
    job.document["features"][1]["properties"]["up42.data_path"] = "g/missing.tif"
    up42.first.jobs.append(job)
    with pytest.raises(JobUnusable, match=r"g/missing\.tif"):
        take(first, only(first))


def test_leftovers_are_counted(up42: StandIn, first: JobProvider, take: Take) -> None:
    """Files that no feature names are neither mirrored nor published, and counted."""
    job = first_job(1, features=1)
    job.archive = archive({job.document["features"][0]["properties"]["up42.data_path"]: b"II*\0", "log.txt": b"x"})
    up42.first.jobs.append(job)
    result = first.describe(only(first))
    (item,) = take(first, only(first), result)
    assert [asset.key for asset in item.assets] == ["data", "thumbnail"]
    assert result.left_out == {"file that no feature names": 1}


def test_leftovers_of_an_archive_that_describes_itself(up42: StandIn, first: JobProvider, take: Take) -> None:
    """Without data.json from the API everything is taken, and what no feature names is still left out and counted."""
    job = a_job()
    job.archive = archive(
        {
            "a.tif": b"II*\0",
            "b/log.txt": b"x",
            "data.json": b'{"type":"FeatureCollection","features":[{"id":"a","geometry":null,"properties":{"up42.data_path":"a.tif"}}]}',
        }
    )
    up42.first.jobs.append(job)
    result = first.describe(only(first))
    (item,) = take(first, only(first), result)
    assert [asset.key for asset in item.assets] == ["data", "source_metadata"]
    assert result.left_out == {"file that no feature names": 1}


def test_archive_without_any_description(up42: StandIn, first: JobProvider, take: Take) -> None:
    """An archive without data.json, of which the API tells none either, is unusable."""
    job = a_job()
    job.archive = archive({"a.tif": b"II*\0"})
    up42.first.jobs.append(job)
    with pytest.raises(JobUnusable, match=r"no data\.json"):
        take(first, only(first))


def test_all_tasks_give_items_of_their_own(up42: StandIn, connect: Connect, take: Take) -> None:
    """With `tasks = "all"` each feature of an intermediate task is an Item too, from that task's own archive."""
    up42.first.jobs.append(first_job(1, features=2))
    provider = connect(up42.first_settings(), tasks="all")
    job = only(provider)
    result = provider.describe(job)
    data_task = up42.first.jobs[0].tasks[0].payload
    assert [package.id for package in result.packages] == ["results", f"task-{data_task['id']}"]
    assert len({package.identity for package in result.packages}) == 2
    items = take(provider, job, result)
    assert len({item.id for item in items}) == 4
    assert [item.properties.get("up42:task") for item in items] == [None, None, data_task["name"], data_task["name"]]
    assert all(item.collection == result.collections[0].id for item in items)


def test_scene_in_two_jobs_is_two_items(up42: StandIn, first: JobProvider, take: Take) -> None:
    """The same scene in two jobs gives two Items with different ids, in the same Collection of their workflow."""
    one, two = first_job(1), first_job(1)
    two.payload = {**two.payload, "id": f"{one.payload['id'][:-1]}x"}
    up42.first.jobs += [one, two]
    items = [item for job in first.finished_jobs() for item in take(first, job)]
    assert len({item.id for item in items}) == len(items) == 4
    assert len({item.collection for item in items}) == 1


@pytest.mark.parametrize(
    ("grouping", "wanted", "job_id"),
    [
        ("workflow", "sky-c74a5b52-0000-4000-8000-00000000000f", False),
        ("project", "sky-project", False),
        ("job", "sky-job-1", True),
    ],
)
def test_collections(
    up42: StandIn, connect: Connect, real_archive: bytes, grouping: str, wanted: str, job_id: bool
) -> None:
    """Items are grouped by workflow, project or job; only a job's own Collection names the job."""
    job = a_job("job-1")
    job.archive = real_archive
    up42.first.jobs.append(job)
    provider = connect(up42.first_settings(), collection_by=grouping)
    (collection,) = provider.describe(only(provider)).collections
    assert collection.id == wanted
    assert collection.job_id == ("job-1" if job_id else None)


def test_records_hold_no_secret(up42: StandIn, first: JobProvider, take: Take) -> None:
    """No token, signature, project id, key or user id is in anything that is handed over."""
    up42.first.jobs.append(first_job(1))
    job = only(first)
    result = first.describe(job)
    told = repr((job, result.collections, result.packages, take(first, job, result)))
    secrets = ("stand-in-token", "Signature", up42.first.project, up42.first.key, stable_id("user"))
    assert [secret for secret in secrets if secret in told] == []


def test_job_that_vanished(up42: StandIn, first: JobProvider) -> None:
    """A job that is deleted between listing and description cannot be described, and nothing else suffers."""
    up42.first.jobs.append(first_job(1))
    job = only(first)
    up42.first.jobs.clear()
    (package,) = first.describe(job).packages
    with pytest.raises(StacsyncError):
        first.sign(package, job, fresh=False)
