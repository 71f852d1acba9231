"""The API of today, over a real socket: sign-in, listing, searching, signing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from stacsync.demo.up42 import StandIn, TodayJob, stable_id, today_job
from stacsync.errors import AssetGone, JobNotReady, JobSkipped, SignInFailed, Unavailable
from stacsync.jobs import ItemRecord, JobRecord, Remote, Standing
from stacsync.provider import JobProvider
from stacsync.testing.delivery import fetch

Connect = Callable[..., JobProvider]
Take = Callable[..., list[ItemRecord]]


@pytest.fixture
def today(up42: StandIn, connect: Connect) -> JobProvider:
    return connect(up42.today_settings())


def add(up42: StandIn, number: int = 1, **more: Any) -> TodayJob:
    up42.today.jobs.append(today_job(more.pop("process", "pansharpening"), number, up42.url, **more))
    return up42.today.jobs[-1]


def only(provider: JobProvider) -> JobRecord:
    (job,) = provider.finished_jobs()
    return job


def test_recorded_listing(up42: StandIn, today: JobProvider, recording: Callable[[str], Any]) -> None:
    """Of one job per state the successful and the captured one are told, over relative links between pages."""
    payloads = [job for page in (1, 2) for job in recording(f"v2_processing_jobs_page{page}.json")["jobs"]]
    up42.today.jobs += [TodayJob(payload=payload) for payload in payloads]
    up42.today.page_size = 1
    jobs = list(today.finished_jobs())
    assert [job.id[-3:] for job in jobs] == ["111", "112"]
    assert jobs[0].finished == datetime(2024, 6, 20, 10, 7, 30, 123123, tzinfo=UTC)
    assert jobs[0].title == "title"
    assert len(up42.asked_for("/v2/processing/jobs")) == 2
    assert up42.asked_for("/v2/processing/jobs")[0].query["status"] == "successful,captured"


def test_server_that_ignores_the_filter(up42: StandIn, today: JobProvider) -> None:
    """Jobs in other or unknown states are not told, whatever the server sends."""
    for number, state in enumerate(("successful", "failed", "released", "running", "brand-new", "captured")):
        add(up42, number, status=state)
    original = up42.today.answer
    up42.apis[up42.apis.index(original)] = lambda asked: original(
        type(asked)(
            asked.method, asked.path, {k: v for k, v in asked.query.items() if k != "status"}, asked.headers, asked.body
        )
    )
    assert len(list(today.finished_jobs())) == 2


def test_captured_is_no_change(up42: StandIn, today: JobProvider) -> None:
    """That a job was paid for, and when it was touched, changes nothing; another results collection does."""
    job = add(up42)
    before = only(today).fingerprint
    job.payload |= {"status": "captured", "updated": "2026-01-01T00:00:00Z"}
    assert only(today).fingerprint == before
    job.payload["results"] = {"collection": f"{up42.url}/v2/assets/stac/collections/other"}
    assert only(today).fingerprint != before


def test_workspace(up42: StandIn, connect: Connect) -> None:
    """A configured workspace is asked for."""
    list(connect(up42.today_settings(), workspace_id="w-1").finished_jobs())
    assert up42.asked_for("/v2/processing/jobs")[0].query["workspaceId"] == "w-1"


def test_items_over_pages(up42: StandIn, today: JobProvider) -> None:
    """All items of a job come, over POST pages, each once, and no other job's."""
    add(up42, 1, scenes=5)
    add(up42, 2, scenes=1)
    first, second = today.finished_jobs()
    result = today.describe(first)
    items = list(result.items({}))
    assert len({item.id for item in items}) == 5
    assert all(item.id.startswith(f"{first.id}-") and item.job_id == first.id for item in items)
    assert len(list(today.describe(second).items({}))) == 1
    searches = up42.asked_for("/search")
    assert [asked.method for asked in searches] == ["POST"] * 4
    assert searches[0].json()["filter"] == {"op": "=", "args": [{"property": "job_id"}, first.id]}
    assert searches[0].json()["filter-lang"] == "cql2-json"


def test_http_links_are_upgraded(up42: StandIn, today: JobProvider) -> None:
    """A next link to UP42's own host over plain http is asked at the configured address; the token goes nowhere else."""
    up42.today.next_over_http = True
    add(up42, scenes=5)
    assert len(list(today.describe(only(today)).items({}))) == 5
    assert len(up42.asked_for("/search")) == 3


def test_links_to_strangers_are_not_followed(up42: StandIn, today: JobProvider) -> None:
    """A page that continues on another host ends the pass; nothing is published as if it were all."""
    add(up42, scenes=5)
    original = up42.today._search
    up42.today._search = lambda body: _elsewhere(original(body))  # type: ignore[method-assign]  # a fault of the server
    with pytest.raises(Unavailable, match=r"tracker\.example"):
        list(today.describe(only(today)).items({}))


@pytest.mark.parametrize("advertised", [[], [{"method": "GET"}], [{}]])
def test_the_search_is_asked_as_it_has_to_be(
    up42: StandIn, today: JobProvider, advertised: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A landing page that names no search, or another method, is searched by POST all the same, without any warning."""
    add(up42)
    landing = up42.today._landing

    def odd() -> dict[str, Any]:
        page = landing()
        found = next(link for link in page["links"] if link["rel"] == "search")
        plain = {name: value for name, value in found.items() if name != "method"}
        page["links"] = [link for link in page["links"] if link is not found] + [{**plain, **one} for one in advertised]
        return page

    monkeypatch.setattr(up42.today, "_landing", odd)
    assert list(today.describe(only(today)).items({}))
    assert {asked.method for asked in up42.asked_for("/search")} == {"POST"}


def test_pages_in_a_circle(up42: StandIn, today: JobProvider) -> None:
    """A search whose pages repeat is no endless one."""
    add(up42, scenes=5)
    original = up42.today._search
    up42.today._search = lambda body: original({**body, "token": "next:0"})  # type: ignore[method-assign]  # a fault of the server
    with pytest.raises(Unavailable, match="no end"):
        list(today.describe(only(today)).items({}))


def _elsewhere(reply: Any) -> Any:
    for link in reply.content["links"]:
        link["href"] = "https://tracker.example/search"
    return reply


def test_empty_page_in_the_middle(up42: StandIn, today: JobProvider) -> None:
    """An empty page that has a next one is not the end."""
    add(up42, scenes=5)
    original = up42.today._search
    calls: list[int] = []

    def search(body: dict[str, Any]) -> Any:
        reply = original(body)
        calls.append(1)
        if len(calls) == 2:
            reply.content["features"] = []
        return reply

    up42.today._search = search  # type: ignore[method-assign]  # a fault of the server
    assert len(list(today.describe(only(today)).items({}))) == 3


def test_token_dies_in_mid_search(up42: StandIn, today: JobProvider) -> None:
    """A token that is refused between two pages of a search is replaced once, and nothing is lost."""
    add(up42, scenes=5)
    job = only(today)
    up42.gate.expire_after(2)
    assert len(list(today.describe(job).items({}))) == 5
    assert (up42.gate.tokens_issued, up42.gate.refused) == (2, 1)


def test_token_dies_in_mid_listing(up42: StandIn, today: JobProvider) -> None:
    """The same between two pages of jobs."""
    for number in range(5):
        add(up42, number)
    up42.gate.expire_after(1)
    assert len(list(today.finished_jobs())) == 5
    assert up42.gate.tokens_issued == 2


def test_wrong_password(up42: StandIn, connect: Connect) -> None:
    """A wrong password fails the sign-in and is not shown."""
    provider = connect(up42.today_settings(), password="a-wrong-password")
    with pytest.raises(SignInFailed) as refusal:
        list(provider.finished_jobs())
    assert "a-wrong-password" not in str(refusal.value)
    lines = list(provider.check())
    assert [line.ok for line in lines] == [False]
    assert "a-wrong-password" not in repr(lines)


def test_check(today: JobProvider) -> None:
    """The check signs in, lists jobs and opens the storage."""
    assert [(line.subject, line.ok) for line in today.check()] == [("sign-in", True), ("jobs", True), ("storage", True)]


def test_storage_that_is_none(up42: StandIn, connect: Connect) -> None:
    """A wrong `stac_path` is told with the way out."""
    add(up42)
    provider = connect(up42.today_settings(), stac_path="/nowhere")
    with pytest.raises(Unavailable):
        provider.describe(only(provider))
    assert [line.ok for line in provider.check()] == [True, True, False]


def test_late_items_are_waited_for(up42: StandIn, today: JobProvider, clocks: Any) -> None:
    """A finished job whose collection is empty is not ready; once its items are there, it is."""
    job = add(up42)
    job.late = 1
    record = only(today)
    assert record.finished is not None
    clocks.now = record.finished + timedelta(hours=1)
    with pytest.raises(JobNotReady):
        today.describe(record)
    assert len(list(today.describe(record).items({}))) == 1


def test_empty_collections_are_given_up_on(up42: StandIn, connect: Connect, clocks: Any) -> None:
    """After the configured time a job whose collection stays empty is skipped."""
    add(up42, scenes=0)
    provider = connect(up42.today_settings(), give_up_after="2d")
    job = only(provider)
    assert job.finished is not None
    clocks.now = job.finished + timedelta(hours=47)
    with pytest.raises(JobNotReady):
        provider.describe(job)
    clocks.now = job.finished + timedelta(hours=49)
    with pytest.raises(JobSkipped, match="2 days"):
        provider.describe(job)


def test_job_without_results(up42: StandIn, today: JobProvider) -> None:
    """A successful job that names no collection is told as skipped, with what UP42 says."""
    job = add(up42)
    job.payload["results"] = {"collection": None, "errors": [{"name": "InvalidTitle", "message": "title is too long"}]}
    record = only(today)
    assert record.standing is Standing.SKIPPED
    assert "title is too long" in record.reason
    with pytest.raises(JobSkipped):
        today.describe(record)
    job.payload["results"] = None
    assert only(today).standing is Standing.SKIPPED


def test_assets_are_signed_one_by_one(up42: StandIn, today: JobProvider, clocks: Any) -> None:
    """Nothing is signed until it is asked for; each address is new, works once, and dies after five seconds."""
    add(up42)
    job = only(today)
    (item,) = today.describe(job).items({})
    assert up42.asked_for("download-url") == []
    (asset,) = [asset for asset in item.assets if asset.key == "data"]
    assert isinstance(asset.source, Remote)
    assert asset.source.path.startswith("/v2/assets/")
    assert (asset.filename, asset.mirrored, asset.href) == ("data.tif", True, None)
    one = today.sign(asset, job, fresh=False)
    assert dict(one.headers) == {}
    assert fetch(one)[:2] == b"II"
    with pytest.raises(AssertionError, match="403"):
        fetch(one)
    stale = today.sign(asset, job, fresh=True)
    clocks.skipped += 6
    with pytest.raises(AssertionError, match="403"):
        fetch(stale)


def test_deleted_asset_is_gone(up42: StandIn, today: JobProvider) -> None:
    """An asset that UP42 no longer has is gone."""
    stand_in = add(up42)
    job = only(today)
    (item,) = today.describe(job).items({})
    stand_in.files.clear()
    with pytest.raises(AssetGone):
        today.sign(item.assets[0], job, fresh=True)


def test_account_ids_are_dropped(up42: StandIn, today: JobProvider) -> None:
    """Account, workspace and user ids are in no record; the rest of what an item says stays."""
    add(up42)
    job = only(today)
    (item,) = today.describe(job).items({})
    assert item.properties["up42-system:job_id"] == job.id
    assert "up42-system:asset_id" in item.properties
    assert [secret for secret in (stable_id("account"), stable_id("workspace")) if secret in repr((job, item))] == []


def test_input_scenes_are_linked(up42: StandIn, today: JobProvider) -> None:
    """Each input scene is a `derived_from` link; what is no public http(s) address is none."""
    job = add(up42)
    scene = "https://api.up42.com/v2/assets/stac/collections/c/items/i"
    job.payload["definition"]["inputs"] = {
        "items": [scene, scene, f"{scene}2?token=abc", "s3://bucket/i", "https://me:secret@host.example/i", 7]
    }
    (item,) = today.describe(only(today)).items({})
    assert [link.href for link in item.links if link.rel == "derived_from"] == [scene, f"{scene}2"]
    assert [link.rel for link in item.links] == ["derived_from", "derived_from", "via"]


def test_collection_by_process(up42: StandIn, today: JobProvider) -> None:
    """Jobs of one process share a Collection that is named after provider and process."""
    add(up42, 1)
    add(up42, 2)
    add(up42, 3, process="detection/ships:v2")
    ids = [today.describe(job).collections[0].id for job in today.finished_jobs()]
    assert ids[:2] == ["sky-pansharpening"] * 2
    assert ids[2].startswith("sky-detection-ships-v2-")
    assert today.describe(next(today.finished_jobs())).collections[0].job_id is None


def test_collection_by_source(up42: StandIn, connect: Connect) -> None:
    """`collection_by = "source"` keeps UP42's own Collections, with their ids, titles and the job's id."""
    stand_in = add(up42)
    provider = connect(up42.today_settings(), collection_by="source")
    job = only(provider)
    (collection,) = provider.describe(job).collections
    assert stand_in.collection is not None
    assert (collection.id, collection.title) == (stand_in.collection["id"], "Results of pansharpening")
    assert (collection.job_id, collection.license) == (job.id, "other")
    assert stable_id("account") not in repr(collection)


def test_hidden_source_collection(up42: StandIn, today: JobProvider) -> None:
    """Items are published even if UP42 does not show the Collection around them."""
    add(up42).collection = None
    assert len(list(today.describe(only(today)).items({}))) == 1


def test_originals_are_opt_in(up42: StandIn, connect: Connect) -> None:
    """The original delivery is left alone unless asked for; then it is an asset of the Collection, per job."""
    job = add(up42)
    assert job.collection is not None
    job.files["the-original"] = b"PK\x03\x04"
    job.collection["assets"] = {
        "data": {
            "href": f"{up42.url}/v2/assets/the-original",
            "type": "application/zip",
            "roles": ["data", "original"],
        },
        "notes": {"href": f"{up42.url}/v2/assets/notes", "roles": ["metadata"]},
    }
    plain = connect(up42.today_settings())
    assert plain.describe(only(plain)).collections[0].assets == ()
    eager = connect(up42.today_settings(), originals=True)
    record = only(eager)
    (asset,) = eager.describe(record).collections[0].assets
    assert asset.key == f"data-{record.id}"
    assert fetch(eager.sign(asset, record, fresh=False)) == b"PK\x03\x04"
    by_source = connect(up42.today_settings(), originals=True, collection_by="source")
    assert [asset.key for asset in by_source.describe(only(by_source)).collections[0].assets] == ["data"]


def test_items_of_other_jobs_are_left_out(up42: StandIn, today: JobProvider) -> None:
    """A storage that ignores the filter cannot slip other jobs' items in."""
    job = add(up42, scenes=2)
    job.items[0]["properties"]["up42-system:job_id"] = "another"
    result = today.describe(only(today))
    assert len(list(result.items({}))) == 1
    assert result.left_out == {"item of another job": 1}


def test_odd_items(up42: StandIn, today: JobProvider) -> None:
    """What is no item is counted and left out; the rest is published."""
    job = add(up42, scenes=1)
    job.items += [{"type": "Feature"}, {**job.items[0], "id": "odd", "properties": None, "assets": None, "bbox": ["a"]}]
    result = today.describe(only(today))
    _, odd = result.items({})
    assert result.left_out == {"entry that is no item": 1}
    assert (odd.datetime, odd.datetime_source, odd.bbox, odd.assets) == (None, "job", None, ())
    assert odd.start_datetime is not None
    assert odd.end_datetime is not None


def test_tokens_never_reach_a_log(up42: StandIn, today: JobProvider, caplog: pytest.LogCaptureFixture) -> None:
    """Not even at level debug does any library log a token, a password or a signature."""
    caplog.set_level(logging.DEBUG)
    add(up42)
    job = only(today)
    (item,) = today.describe(job).items({})
    fetch_me = today.sign(item.assets[0], job, fresh=False)
    told = caplog.text
    assert "stand-in-token" not in told
    assert up42.today.password not in told
    assert fetch_me.url not in told
    assert "Signature" not in told
