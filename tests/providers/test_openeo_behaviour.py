"""What the openEO provider does when back-ends are odd, links expire, tokens lapse and results vanish."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import ValidationError
from stacsync.demo.openeo import OpenEOStandIn, StandInFile, StandInJob, demo_jobs
from stacsync.demo.openeo.jobs import scene
from stacsync.errors import (
    AssetGone,
    ConfigError,
    JobNotReady,
    JobSkipped,
    JobUnusable,
    SignInFailed,
    Unavailable,
)
from stacsync.jobs import AssetRecord, ItemRecord, JobRecord, JobResult
from stacsync.provider import SignsIn
from stacsync.providers.openeo import KIND
from stacsync.providers.openeo.discovery import choose, speaks_jwt
from stacsync.providers.openeo.provider import OpenEOProvider
from stacsync.providers.openeo.signing import SETTLED, Addresses, Signing
from stacsync.testing import ProviderTests, context

DEVICE = {"method": "refresh_token"}
SERVICE = {"method": "client_credentials", "client_id": "stand-in-service", "client_secret": "stand-in-secret"}


@pytest.fixture
def backend() -> Iterator[OpenEOStandIn]:
    with OpenEOStandIn() as server:
        yield server


@pytest.fixture
def provider(backend: OpenEOStandIn, tmp_path: Path) -> Iterator[OpenEOProvider]:
    found = connect(backend, tmp_path)
    yield found
    found.close()


def connect(backend: OpenEOStandIn, folder: Path, **settings: Any) -> OpenEOProvider:
    model = KIND.settings.model_validate({**backend.settings(), **settings})
    found = KIND.connect(model, context("mine", state_dir=folder))
    assert isinstance(found, OpenEOProvider)
    return found


def job_of(provider: OpenEOProvider, job_id: str) -> JobRecord:
    return next(job for job in provider.finished_jobs() if job.id == job_id)


def items_of(provider: OpenEOProvider, job_id: str) -> list[ItemRecord]:
    return list(provider.describe(job_of(provider, job_id)).items({}))


def ids(provider: OpenEOProvider) -> list[str]:
    return [job.id for job in provider.finished_jobs()]


def many(count: int) -> tuple[StandInJob, ...]:
    return tuple(StandInJob(id=f"j-{number:03d}", files=(scene(3, 1),)) for number in range(count))


# --- what results become ---------------------------------------------------------------------------------------------


def test_items_and_the_rest(provider: OpenEOProvider) -> None:
    """Each raster of the common driver has its Item; what has none becomes one Item of the job."""
    found = {item.id: [asset.key for asset in item.assets] for item in items_of(provider, "j-ndvi-scenes")}
    assert found == {
        "j-ndvi-scenes-openEO_2025-06-03Z.tif": ["openEO_2025-06-03Z.tif"],
        "j-ndvi-scenes-openEO_2025-06-06Z.tif": ["openEO_2025-06-06Z.tif"],
        "j-ndvi-scenes-openEO_2025-06-09Z.tif": ["openEO_2025-06-09Z.tif"],
        "j-ndvi-scenes": ["nested/timeseries.csv"],
    }


def test_items_alone_name_the_files(provider: OpenEOProvider) -> None:
    """A Collection without any asset of its own is read through its Items."""
    found = {item.id: [asset.key for asset in item.assets] for item in items_of(provider, "j-bands")}
    assert found == {
        "j-bands-2025-06-03T00:00:00Z": ["B04", "B08"],
        "j-bands-2025-06-06T00:00:00Z": ["B04", "B08"],
    }


def test_the_rest_is_there_although_an_item_goes_by_the_jobs_id(
    backend: OpenEOStandIn, provider: OpenEOProvider
) -> None:
    """A file that only the Collection names is published too, under an id of its own, when the job's id is taken."""
    here = f"{backend.url}/tree"
    links = [{"rel": "item", "href": f"{here}/{name}.json"} for name in ("own", "rest")]
    files = {"a": {"href": f"{here}/a.tif"}, "b": {"href": f"{here}/b.tif"}, "c": {"href": f"{here}/c.tif"}}
    backend.jobs = [StandInJob(id="j-1", shape="assets", fields={"links": links, "assets": files})]
    for name, own_id, file in (("own", "j-1", "a"), ("rest", "rest", "c")):
        item = {"type": "Feature", "id": own_id, "properties": {}, "assets": {file: files[file]}}
        backend.fail(f"^/tree/{name}", 200, body=json.dumps(item).encode(), times=9)
    found = {item.id: [asset.key for asset in item.assets] for item in items_of(provider, "j-1")}
    assert found == {"j-1": ["a"], "j-1-rest": ["c"], "j-1-rest-2": ["b"]}


def test_a_collection_of_files_is_one_item(provider: OpenEOProvider) -> None:
    """Files without any Item make one Item of the job."""
    (item,) = items_of(provider, "j-cube")
    assert (item.id, {asset.key for asset in item.assets}) == ("j-cube", {"openEO.nc", "preview.png"})


def test_an_item_alone(provider: OpenEOProvider) -> None:
    """Results that are a single Item make it, under the job's id, over the period that they state."""
    (item,) = items_of(provider, "j-mosaic")
    assert item.id == "j-mosaic"
    assert item.datetime is None
    assert (item.start_datetime, item.end_datetime) == (
        datetime(2025, 6, 1, tzinfo=UTC),
        datetime(2025, 6, 30, tzinfo=UTC),
    )


def test_an_item_document_that_is_gone_is_made_good(backend: OpenEOStandIn, provider: OpenEOProvider) -> None:
    """When an Item's document is 404, the Collection still names its file, which is published with the rest."""
    backend.missing_items.add("openEO_2025-06-06Z.tif")
    found = {item.id: [asset.key for asset in item.assets] for item in items_of(provider, "j-ndvi-scenes")}
    assert found["j-ndvi-scenes"] == ["openEO_2025-06-06Z.tif", "nested/timeseries.csv"]
    assert len(found) == 3


def test_an_item_document_without_a_copy_fails_the_job(backend: OpenEOStandIn, provider: OpenEOProvider) -> None:
    """When nothing else names an Item's files, losing its document is losing them: the job is not published half."""
    backend.missing_items.add("2025-06-06T00:00:00Z")
    with pytest.raises(JobUnusable, match="cannot be read"):
        items_of(provider, "j-bands")


def test_item_links_that_expire_while_reading_are_asked_again(backend: OpenEOStandIn, provider: OpenEOProvider) -> None:
    """A walk over many Items outlives its links: the results are asked once more and the walk goes on."""
    walk = iter(provider.describe(job_of(provider, "j-ndvi-scenes")).items({}))
    first = next(walk)
    backend.expire_links()
    assert [first.id, *(item.id for item in walk)][-1] == "j-ndvi-scenes"
    assert backend.count(r"j-ndvi-scenes/results$") == 2


def test_walking_goes_on_lazily(backend: OpenEOStandIn, provider: OpenEOProvider) -> None:
    """Item documents are read as they are consumed, not all at once."""
    walk = iter(provider.describe(job_of(provider, "j-ndvi-scenes")).items({}))
    assert backend.count("/results/items/") == 0
    next(walk)
    assert backend.count("/results/items/") == 1


def test_empty_results_are_skipped(backend: OpenEOStandIn, provider: OpenEOProvider) -> None:
    """A job that finished without any file is not published, and that is its reason."""
    backend.jobs = [StandInJob(id="j-empty", shape="assets")]
    with pytest.raises(JobSkipped, match="without any file"):
        items_of(provider, "j-empty")


def test_files_in_a_foreign_bucket_are_unusable(backend: OpenEOStandIn, provider: OpenEOProvider) -> None:
    """Files that lie where we cannot read fail the job with a reason."""
    assets = {"x": {"href": "s3://bucket/x.tif"}}
    backend.jobs = [StandInJob(id="j-s3", shape="assets", fields={"assets": assets})]
    with pytest.raises(JobUnusable, match="web address"):
        items_of(provider, "j-s3")


def test_sub_catalogs_are_walked(backend: OpenEOStandIn, provider: OpenEOProvider) -> None:
    """A link to a sub-catalog leads to its Items; a circle of catalogs ends."""
    here = f"{backend.url}/openeo/1.2/jobs/j-tree/results"
    link = {"rel": "child", "href": f"{backend.url}/tree/catalog.json"}
    backend.jobs = [StandInJob(id="j-tree", shape="items11", fields={"links": [link]})]
    item = {
        "type": "Feature",
        "id": "leaf",
        "properties": {"datetime": "2025-06-01T00:00:00Z"},
        "assets": {"x": {"href": "x.tif"}},
    }
    tree = {
        "type": "Catalog",
        "links": [{"rel": "item", "href": "leaf.json"}, {"rel": "child", "href": "catalog.json"}],
    }
    backend.fail(r"^/tree/catalog", 200, body=json.dumps(tree).encode(), times=9)
    backend.fail(r"^/tree/leaf", 200, body=json.dumps(item).encode(), times=9)
    (found,) = items_of(provider, "j-tree")
    assert found.id == "j-tree-leaf"
    signed = provider.sign(found.assets[0], job_of(provider, "j-tree"), fresh=True)
    assert signed.url == f"{backend.url}/tree/x.tif"
    assert here not in repr(found)


@pytest.mark.parametrize("host", ["http://127.0.0.1:9/x", "http://169.254.169.254/latest", "https://nowhere.invalid/x"])
def test_one_jobs_odd_links_do_not_end_the_pass(backend: OpenEOStandIn, provider: OpenEOProvider, host: str) -> None:
    """Links into private networks and to hosts that are not there fail the job that has them, and no other."""
    backend.jobs = [StandInJob(id="j-odd", shape="items11", fields={"links": [{"rel": "item", "href": host}]})]
    with pytest.raises(JobUnusable):
        items_of(provider, "j-odd")


def test_the_process_graph_is_published_on_request_only(backend: OpenEOStandIn, tmp_path: Path) -> None:
    """Process graphs may hold private code: without being asked for they appear nowhere."""
    silent = connect(backend, tmp_path)
    assert "load_collection" not in repr(silent.describe(job_of(silent, "j-cube")).collections)
    told = connect(backend, tmp_path, process="asset")
    for job_id, keys in (("j-cube", ["process"]), ("j-mosaic", ["process"])):
        assets = told.describe(job_of(told, job_id)).collections[0].assets
        assert [asset.key for asset in assets] == keys
        assert "process" in assets[0].roles
    grouped = connect(backend, tmp_path, process="asset", collection="all")
    assert grouped.describe(job_of(grouped, "j-cube")).collections[0].assets[0].key == "process-j-cube"


def test_one_collection_for_all(backend: OpenEOStandIn, tmp_path: Path) -> None:
    """With `collection`, every Item of every job goes into the one Collection of exactly that id."""
    found = connect(backend, tmp_path, collection="ndvi-archive")
    for job in found.finished_jobs():
        result = found.describe(job)
        assert [collection.id for collection in result.collections] == ["ndvi-archive"]
        assert {item.collection for item in result.items({})} == {"ndvi-archive"}


# --- results that cannot be had --------------------------------------------------------------------------------------

ERROR = b'{"id": "r-1", "code": "%s", "message": "No."}'


@pytest.mark.parametrize(
    ("status", "body", "expected", "words"),
    [
        (410, ERROR % b"ResultsExpired", JobSkipped, "gone"),
        (404, ERROR % b"JobNotFound", JobSkipped, "gone"),
        (404, b"<html>proxy</html>", JobUnusable, "404"),
        (424, ERROR % b"Internal", JobSkipped, "failed"),
        (400, ERROR % b"JobNotFinished", JobSkipped, "not finished"),
        (403, ERROR % b"PermissionsInsufficient", JobUnusable, "right"),
        (501, ERROR % b"FeatureUnsupported", JobUnusable, "501"),
        (200, b"<html>", JobUnusable, "web page"),
        (200, b"[]", JobUnusable, "no JSON object"),
        (200, b'{"type": "Collection", "id": "x", "assets": ["a.tif"]}', JobUnusable, "assets in no JSON object"),
        (200, b'{"type": "FeatureCollection"}', JobUnusable, "neither"),
        (200, b'{"type": "Collection", "openeo:status": "running"}', JobNotReady, "not complete"),
    ],
)
def test_results_that_cannot_be_had(
    backend: OpenEOStandIn, provider: OpenEOProvider, status: int, body: bytes, expected: type[Exception], words: str
) -> None:
    """Gone, failed, forbidden, unfinished and odd results are told apart, and none stops the others."""
    job = job_of(provider, "j-cube")
    backend.fail(r"/results$", status, body=body)
    with pytest.raises(expected, match=words) as found:
        provider.describe(job)
    assert type(found.value) is expected
    assert list(provider.describe(job).items({}))


def test_a_back_end_that_is_down_ends_the_pass(backend: OpenEOStandIn, provider: OpenEOProvider) -> None:
    """503 says nothing of the job: the pass ends and nothing is held against it."""
    job = job_of(provider, "j-cube")
    backend.fail(r"/results$", 503, times=9)
    with pytest.raises(Unavailable):
        provider.describe(job)


# --- the listing -----------------------------------------------------------------------------------------------------


def test_all_pages_are_read(backend: OpenEOStandIn, provider: OpenEOProvider) -> None:
    """Jobs of all pages are told, each once."""
    backend.page_size = 10
    backend.jobs = many(34)
    assert ids(provider) == [f"j-{number:03d}" for number in range(34)]
    assert backend.count(r"/jobs$") == 4


def test_a_job_on_two_pages_is_told_once(backend: OpenEOStandIn, provider: OpenEOProvider) -> None:
    """A list that grows while it is read repeats jobs at the seams of its pages."""
    backend.page_size = 2
    backend.jobs = (*many(2), *many(3))
    assert ids(provider) == ["j-000", "j-001", "j-002"]


def page(*entries: Any, next_page: str | None = None, missing: tuple[str, ...] = ()) -> bytes:
    links = [{"rel": "next", "href": next_page}] if next_page else []
    return json.dumps({"jobs": list(entries), "links": links, "federation:missing": missing}).encode()


FINISHED = {"id": "j-1", "status": "finished", "created": "2026-01-01T00:00:00Z"}


def test_an_empty_last_page_ends_the_listing(backend: OpenEOStandIn, provider: OpenEOProvider) -> None:
    """A `next` link may lead to an empty page, which may lead on for ever."""
    backend.fail(r"/jobs$", 200, body=page(FINISHED, next_page="?page=2"))
    backend.fail(r"/jobs$", 200, body=page(next_page="?page=3"))
    assert ids(provider) == ["j-1"]


def test_a_circle_of_pages_is_told(backend: OpenEOStandIn, provider: OpenEOProvider) -> None:
    """A listing that leads back to its start is not complete: what came can be used, then it says so."""
    backend.fail(r"/jobs$", 200, body=page(FINISHED, next_page="?limit=100"))
    listing = provider.finished_jobs()
    assert next(listing).id == "j-1"
    with pytest.raises(Unavailable, match="circle"):
        next(listing)


def test_a_page_elsewhere_is_not_asked(backend: OpenEOStandIn, provider: OpenEOProvider) -> None:
    """Our token does not follow a link to another host."""
    backend.fail(r"/jobs$", 200, body=page(FINISHED, next_page="https://evil.example/jobs"))
    with pytest.raises(Unavailable, match="another host"):
        ids(provider)


def test_a_federation_with_a_gap_is_used_as_far_as_it_goes(backend: OpenEOStandIn, provider: OpenEOProvider) -> None:
    """A federation that could not ask all its members still tells jobs; that some are missing is no reason to stop."""
    backend.fail(r"/jobs$", 200, body=page(FINISHED, missing=("terrascope",)))
    assert ids(provider) == ["j-1"]


def test_odd_entries_do_not_break_the_listing(backend: OpenEOStandIn, provider: OpenEOProvider) -> None:
    """One odd job leaves the others alone."""
    odd = [None, {}, {"status": "finished"}, {"id": "x/../y", "status": "finished", "created": "yesterday", "title": 3}]
    backend.fail(r"/jobs$", 200, body=page(*odd, FINISHED))
    found = list(provider.finished_jobs())
    assert [job.id for job in found] == ["x/../y", "j-1"]
    with pytest.raises(JobSkipped):
        provider.describe(found[0])
    assert backend.seen[-1].path.endswith("/jobs/x/../y/results")


@pytest.mark.parametrize("end", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_times_at_the_ends_of_the_calendar_do_not_break_the_listing(
    backend: OpenEOStandIn, provider: OpenEOProvider, end: str
) -> None:
    """Placeholders for "never" and "unknown" leave their job and all others in the listing."""
    odd = {**FINISHED, "id": "j-odd", "created": end, "updated": end}
    backend.fail(r"/jobs$", 200, body=page(odd, {**odd, "id": "j-kept", "unpublished": end}, FINISHED))
    assert ids(provider) == ["j-odd", "j-kept", "j-1"]


def test_what_is_no_listing_is_unavailable(backend: OpenEOStandIn, provider: OpenEOProvider) -> None:
    """An answer without jobs is never taken for an empty account."""
    backend.fail(r"/jobs$", 200, body=b"{}")
    with pytest.raises(Unavailable, match="no jobs in it"):
        ids(provider)


# --- signing ---------------------------------------------------------------------------------------------------------


def assets_of(provider: OpenEOProvider, job: JobRecord) -> list[AssetRecord]:
    result: JobResult = provider.describe(job)
    return [asset for item in result.items({}) for asset in item.assets]


@pytest.mark.parametrize("job_id", ["j-ndvi-scenes", "j-bands", "j-cube", "j-mosaic"])
def test_expired_links_are_signed_again_once(backend: OpenEOStandIn, provider: OpenEOProvider, job_id: str) -> None:
    """When all files of a job ask for fresh addresses at once, the results are asked for once."""
    job = job_of(provider, job_id)
    files = assets_of(provider, job)
    old = [provider.sign(asset, job, fresh=False).url for asset in files]
    backend.expire_links()
    assert all(requests.get(url, timeout=5).status_code == 410 for url in old)
    with ThreadPoolExecutor(16) as pool:
        fresh = list(pool.map(lambda asset: provider.sign(asset, job, fresh=True).url, files))
    assert all(requests.get(url, timeout=5).status_code == 200 for url in fresh)
    assert backend.count(rf"{job_id}/results$") == 2


def test_sixteen_files_ask_once(backend: OpenEOStandIn, provider: OpenEOProvider) -> None:
    """Sixteen files that are refused at the same time cost one request."""
    backend.jobs = [StandInJob(id="j-many", shape="assets", files=tuple(scene(day, day) for day in range(1, 17)))]
    job = job_of(provider, "j-many")
    files = assets_of(provider, job)
    for asset in files:
        provider.sign(asset, job, fresh=False)
    backend.expire_links()
    with ThreadPoolExecutor(16) as pool:
        fresh = list(pool.map(lambda asset: provider.sign(asset, job, fresh=True).url, files))
    assert len(set(fresh)) == 16
    assert backend.count(r"j-many/results$") == 2


def test_addresses_are_found_again_after_a_restart(backend: OpenEOStandIn, tmp_path: Path) -> None:
    """Another process that never described the job can sign its files."""
    first = connect(backend, tmp_path)
    job = job_of(first, "j-bands")
    files = assets_of(first, job)
    second = connect(backend, tmp_path)
    for asset in files:
        assert requests.get(second.sign(asset, job, fresh=False).url, timeout=5).status_code == 200
    assert backend.count(r"results/items11/") == 4


def test_a_file_that_is_no_longer_named_is_gone(backend: OpenEOStandIn, provider: OpenEOProvider) -> None:
    """Fresh results that do not name the file any more, or are gone altogether, mean that it is gone."""
    job = job_of(provider, "j-cube")
    files = assets_of(provider, job)
    provider.sign(files[0], job, fresh=False)
    backend.jobs = [replace(entry, files=entry.files[1:]) if entry.id == "j-cube" else entry for entry in demo_jobs()]
    with pytest.raises(AssetGone, match="no longer names"):
        provider.sign(files[0], job, fresh=True)
    backend.jobs = []
    provider.sign(files[1], job, fresh=False)
    with pytest.raises(AssetGone, match="gone"):
        provider.sign(files[1], job, fresh=True)


def test_the_token_goes_to_the_back_end_alone(backend: OpenEOStandIn, provider: OpenEOProvider) -> None:
    """An unsigned address of the back-end itself gets the token; signed ones and other hosts never do."""
    own = f"{backend.url}/openeo/1.2/jobs/j-own/results/assets/x.tif"
    signed = f"{own}.signed?X-Amz-Signature=1"
    assets = {"own": {"href": own}, "signed": {"href": signed}, "far": {"href": "https://s3.example/far.tif"}}
    backend.jobs = [StandInJob(id="j-own", shape="assets", fields={"assets": assets})]
    job = job_of(provider, "j-own")
    found = {asset.key: provider.sign(asset, job, fresh=False) for asset in assets_of(provider, job)}
    assert set(found["own"].headers) == {"Authorization"}
    assert not found["far"].headers
    assert not found["signed"].headers
    assert "stand-in-access" not in repr(found)


class Answers:
    """A back-end reduced to what signing asks of it."""

    def __init__(self) -> None:
        self.asked = 0
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.time = 0.0

    def results(self, _: JobRecord) -> Addresses:
        self.asked += 1
        end = int((self.now + timedelta(hours=1)).timestamp())
        return Addresses({"a": f"https://h.example/a?expires={end}&n={self.asked}"})

    def signing(self, limit: int = 100) -> Signing:
        return Signing(self.results, lambda _: {}, lambda: self.now, lambda: self.time, limit)


JOB = JobRecord(id="j", fingerprint="f")


def test_an_address_that_has_ended_is_not_handed_out() -> None:
    """What says of itself that it no longer works is renewed before anybody tries it."""
    back = Answers()
    signing = back.signing()
    first = signing.address(JOB, "a", None, fresh=False)
    back.now += timedelta(minutes=30)
    back.time += SETTLED + 1
    assert signing.address(JOB, "a", None, fresh=False) == first
    back.now += timedelta(minutes=30)
    assert signing.address(JOB, "a", None, fresh=False) != first
    assert back.asked == 2


def test_a_wrong_clock_does_not_use_up_the_quota() -> None:
    """If fresh addresses seem to have ended already, our clock is wrong: they are tried, not asked for again and again."""
    back = Answers()
    signing = back.signing()
    signing.address(JOB, "a", None, fresh=False)
    back.now += timedelta(days=3)
    for _ in range(10):
        signing.address(JOB, "a", None, fresh=False)
    assert back.asked == 1


def test_memory_is_bounded() -> None:
    """Addresses of jobs used longest ago are forgotten, and asked for again when needed."""
    back = Answers()
    signing = back.signing(limit=3)
    for number in range(6):
        signing.address(replace(JOB, id=f"j{number}"), "a", None, fresh=False)
    assert back.asked == 6
    signing.address(replace(JOB, id="j5"), "a", None, fresh=False)
    assert back.asked == 6
    signing.address(replace(JOB, id="j0"), "a", None, fresh=False)
    assert back.asked == 7


# --- signing in ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jwt", [False, True])
@pytest.mark.parametrize("auth", [None, SERVICE])
def test_every_way_of_signing_in(tmp_path: Path, jwt: bool, auth: dict[str, str] | None) -> None:
    """Name and password, or a service account, with prefixed tokens or plain ones as the back-end wants."""
    with OpenEOStandIn(jwt=jwt) as backend:
        found = connect(backend, tmp_path, **({"auth": auth} if auth else {}))
        assert len(ids(found)) == 4
        sent = {seen.authorization for seen in backend.seen if seen.path.endswith("/jobs")}
        kind = "" if jwt else ("oidc/standin/" if auth else "basic//")
        assert all(header and header.startswith(f"Bearer {kind}stand-in-access") for header in sent)


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_secrets_are_shown_as_the_issuer_wants(backend: OpenEOStandIn, tmp_path: Path, method: str) -> None:
    """The client's secret goes into the form or the header, as the issuer says, or as it turns out."""
    backend.issuer.methods = (method,)
    assert len(ids(connect(backend, tmp_path, auth=SERVICE))) == 4


def test_a_fixed_token(backend: OpenEOStandIn, tmp_path: Path) -> None:
    """A token from the configuration is sent as it is; when it is refused there is no other."""
    token = f"basic//{backend.issuer.hand_out()}"
    found = connect(backend, tmp_path, auth={"method": "bearer", "token": token})
    assert len(ids(found)) == 4
    backend.revoke_tokens()
    with pytest.raises(SignInFailed, match="TokenInvalid"):
        ids(found)


def test_a_lapsed_token_is_renewed(backend: OpenEOStandIn, provider: OpenEOProvider) -> None:
    """403 TokenInvalid leads to a new sign-in, and the pass goes on."""
    assert len(ids(provider)) == 4
    backend.revoke_tokens()
    assert len(ids(provider)) == 4
    assert backend.count("/credentials/basic") == 2


def test_wrong_credentials(backend: OpenEOStandIn, tmp_path: Path) -> None:
    """A refused sign-in says so, and `check` names it without raising or showing the password."""
    auth = {"method": "basic", "username": "alice", "password": "wrong-password"}
    found = connect(backend, tmp_path, auth=auth)
    with pytest.raises(SignInFailed, match="password") as refused:
        ids(found)
    assert "wrong-password" not in str(refused.value)
    lines = list(found.check())
    assert [(line.subject, line.ok) for line in lines] == [("discovery", True), ("sign-in", False)]
    with pytest.raises(SignInFailed):
        ids(connect(backend, tmp_path, auth={**SERVICE, "client_secret": "wrong"}))


def test_an_unknown_sign_in_provider(backend: OpenEOStandIn, tmp_path: Path) -> None:
    """A wrong `provider_id` is answered with those that there are."""
    with pytest.raises(SignInFailed, match="standin"):
        ids(connect(backend, tmp_path, auth={**SERVICE, "provider_id": "egi"}))


def test_login_stores_a_token_that_rotates(backend: OpenEOStandIn, tmp_path: Path) -> None:
    """A person signs in by device code once; the refresh token is kept for its owner alone, and follows each rotation."""
    found = connect(backend, tmp_path, auth=DEVICE)
    with pytest.raises(SignInFailed, match="stacsync login mine"):
        ids(found)
    told: list[str] = []
    assert isinstance(found, SignsIn)
    found.login(told.append)
    assert any("ABCD-EFGH" in line for line in told)
    assert "stand-in-refresh" not in "".join(told)
    file = tmp_path / "mine.token.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for _ in range(3):
        assert len(ids(connect(backend, tmp_path, auth=DEVICE))) == 4
    assert backend.issuer.refresh_token in file.read_text()
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.endswith(".json")] == ["mine.token.json"]


def test_a_configured_refresh_token_begins(backend: OpenEOStandIn, tmp_path: Path) -> None:
    """A refresh token from the configuration is where it begins; a newer one there takes over from the stored one."""
    file = tmp_path / "tokens" / "t.json"
    auth = {**DEVICE, "refresh_token": backend.issuer.refresh_token, "token_file": str(file)}
    assert len(ids(connect(backend, tmp_path, auth=auth))) == 4
    assert len(ids(connect(backend, tmp_path, auth=auth))) == 4
    backend.issuer.refresh_token = "given-out-anew"
    with pytest.raises(SignInFailed, match="stacsync login"):
        ids(connect(backend, tmp_path, auth=auth))
    assert len(ids(connect(backend, tmp_path, auth={**auth, "refresh_token": "given-out-anew"}))) == 4


def test_a_token_file_that_cannot_be_locked_is_told(backend: OpenEOStandIn, tmp_path: Path) -> None:
    """Where a rotated token could not be kept the sign-in is not begun: the file is named, and the setting to change."""
    (tmp_path / "taken").touch()
    (tmp_path / ".t.json.lock").mkdir()
    for file in (tmp_path / "taken" / "t.json", tmp_path / "t.json"):
        auth = {**DEVICE, "refresh_token": backend.issuer.refresh_token, "token_file": str(file)}
        with pytest.raises(ConfigError, match=r"t\.json cannot be written.*auth\.token_file"):
            ids(connect(backend, tmp_path, auth=auth))
    assert backend.count("/oidc/token") == 0


def test_threads_do_not_use_up_a_refresh_token(backend: OpenEOStandIn, tmp_path: Path) -> None:
    """A rotated token works once: however many threads begin at the same time, it is used by one."""
    auth = {**DEVICE, "refresh_token": backend.issuer.refresh_token}
    found = connect(backend, tmp_path, auth=auth)
    with ThreadPoolExecutor(8) as pool:
        assert all(len(jobs) == 4 for jobs in pool.map(lambda _: ids(found), range(8)))
    assert backend.count("/oidc/token") == 1


def test_two_processes_share_a_refresh_token(backend: OpenEOStandIn, tmp_path: Path) -> None:
    """Two processes with one token file take turns, and neither uses a token that the other has spent."""
    auth = {**DEVICE, "refresh_token": backend.issuer.refresh_token}
    with ThreadPoolExecutor(6) as pool:
        assert all(len(jobs) == 4 for jobs in pool.map(lambda _: ids(connect(backend, tmp_path, auth=auth)), range(6)))


def test_login_needs_a_method_that_has_one(provider: OpenEOProvider) -> None:
    """Signing in by password needs no login, and says what would."""
    with pytest.raises(ConfigError, match="refresh_token"):
        provider.login(print)


def test_nobody_at_the_device(backend: OpenEOStandIn, tmp_path: Path) -> None:
    """A code that nobody enters runs out, and nothing is stored."""
    backend.issuer.pending = 1000
    with pytest.raises(SignInFailed, match="in time"):
        connect(backend, tmp_path, auth=DEVICE).login(lambda _: None)
    assert not (tmp_path / "mine.token.json").exists()


def test_secrets_do_not_go_to_an_issuer_in_the_clear(backend: OpenEOStandIn, tmp_path: Path) -> None:
    """A back-end cannot send our client secret to a host that nobody named and that speaks no https."""
    backend.issuer.url = "http://issuer.example/oidc"
    with pytest.raises(SignInFailed, match="https"):
        ids(connect(backend, tmp_path, auth=SERVICE))


# --- discovery and settings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ([("1.2.0", True), ("1.10.0", True), ("1.3.0", False)], "1.10.0"),
        ([("1.1.0", None), ("1.2.0-rc.1", None), ("1.2.0", False)], "1.2.0"),
        ([("1.0.0", True), ("1.3.0", None)], "1.0.0"),
        ([("2.0.0", True), ("0.4.2", True), ("1.0", False)], "1.0"),
        ([("2.0.0", True), ("odd", True)], None),
        ([], None),
    ],
)
def test_the_newest_production_version_is_taken(versions: list[tuple[str, bool | None]], expected: str | None) -> None:
    """Versions are compared by number; unstated means not for production; only API 1.x is understood."""
    entries = [{"api_version": version, "url": version, "production": production} for version, production in versions]
    assert choose({"versions": [*entries, "odd", {}]}) == expected


@pytest.mark.parametrize("document", [None, [], {"versions": 3}, {"versions": [{"url": 1, "api_version": "1.0.0"}]}])
def test_odd_discovery_is_none(document: Any) -> None:
    """What is no version discovery counts as none."""
    assert choose(document) is None


def test_plain_tokens_are_announced() -> None:
    """The conformance class of API 1.3 says that tokens are sent plainly, whatever version it names."""
    assert speaks_jwt({"conformsTo": ["https://api.openeo.org/1.3.0/authentication/jwt"]})
    assert not speaks_jwt({"conformsTo": ["https://api.openeo.org/1.3.0", 3]})
    assert not speaks_jwt({"conformsTo": "odd"})


def test_without_discovery_the_url_itself_is_the_api(backend: OpenEOStandIn, tmp_path: Path) -> None:
    """The address of the API itself can be configured, and a back-end without discovery is taken at it."""
    assert len(ids(connect(backend, tmp_path, url=f"{backend.url}/openeo/1.2"))) == 4


def test_what_is_no_back_end_is_told(backend: OpenEOStandIn, tmp_path: Path) -> None:
    """An address where no openEO API answers is named as such by `check`."""
    lines = list(connect(backend, tmp_path, url=f"{backend.url}/nothing").check())
    assert [(line.subject, line.ok) for line in lines] == [("discovery", False)]


def test_credentials_do_not_go_to_another_host_in_the_clear(backend: OpenEOStandIn, tmp_path: Path) -> None:
    """Version discovery cannot send our password to another host without https."""
    version = {"versions": [{"url": "http://evil.example/openeo", "api_version": "1.2.0", "production": True}]}
    backend.fail("well-known", 200, body=json.dumps(version).encode())
    with pytest.raises(Unavailable, match="another host"):
        ids(connect(backend, tmp_path))


@pytest.mark.parametrize(
    "change",
    [
        {"auth": {"method": "magic"}},
        {"auth": {"method": "basic", "username": "a"}},
        {"auth": {"method": "basic", "username": "a", "password": "b", "token": "c"}},
        {"collection_by": "month"},
        {"requests_per_minute": 0},
        {"process": "yes"},
        {"unknown": 1},
        {"transfer": "reference"},
    ],
)
def test_mistakes_are_refused_without_showing_values(backend: OpenEOStandIn, change: dict[str, Any]) -> None:
    """Every mistake in a provider's table is refused, and no value of it is repeated."""
    with pytest.raises(ValidationError) as found:
        KIND.settings.model_validate({**backend.settings(), **change})
    assert "alice123" not in str(found.value)


def test_every_setting_is_described() -> None:
    """Each key says what it does."""
    assert all(entry.description for entry in KIND.settings.model_fields.values())


class TestGroupedByTitle(ProviderTests):
    """The contract holds for jobs that share Collections, too."""

    @pytest.fixture
    def provider(self, backend: OpenEOStandIn, tmp_path: Path) -> OpenEOProvider:
        backend.jobs = [
            *demo_jobs(),
            StandInJob(id="j-again", title="NDVI of June", files=(scene(12, 7),)),
            StandInJob(id="j-gone", title="Gone", fields={"openeo:status": "error"}),
            StandInJob(
                id="j-text", shape="assets", files=(StandInFile(name="a.txt", data=b"a", media_type="text/plain"),)
            ),
        ]
        return connect(backend, tmp_path, collection_by="title", process="asset")

    refused_jobs = frozenset({"j-gone"})
    secrets = ("alice", "alice123", "YWxpY2U", "stand-in-access")
