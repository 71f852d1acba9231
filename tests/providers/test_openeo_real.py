"""The openEO provider against the common driver and beside the official client, neither of which we wrote."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from stacsync.errors import JobSkipped
from stacsync.jobs import JobRecord
from stacsync.providers.openeo import KIND
from stacsync.providers.openeo.provider import OpenEOProvider
from stacsync.testing import ProviderTests, context
from tests.kit.openeo_backend import RealBackend, real_backend

pytestmark = pytest.mark.real
FINISHED = frozenset({"t-scenes", "t-bands", "t-text", *(f"t-cube-{number:02d}" for number in range(12))})


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealBackend]:
    with real_backend(tmp_path_factory.mktemp("driver")) as found:
        yield found


def connect(backend: RealBackend, folder: Path, **settings: Any) -> OpenEOProvider:
    auth = {"method": "basic", "username": "alice", "password": "alice-password"}
    model = KIND.settings.model_validate({"url": backend.url, "auth": auth, **settings})
    found = KIND.connect(model, context("driver", state_dir=folder, sleep=time.sleep))
    assert isinstance(found, OpenEOProvider)
    return found


@pytest.fixture
def provider(backend: RealBackend, tmp_path: Path) -> OpenEOProvider:
    return connect(backend, tmp_path)


class TestContract(ProviderTests):
    """The contract holds against the common driver."""

    expected_jobs = FINISHED
    secrets = ("alice", "alice-password", "YWxpY2U", "load_collection")


def files_of(provider: OpenEOProvider) -> dict[str, dict[str, bytes]]:
    """Return the bytes of every file by job and name, each read through its signed address."""
    found: dict[str, dict[str, bytes]] = {}
    for job in provider.finished_jobs():
        for item in provider.describe(job).items({}):
            for asset in item.assets:
                signed = provider.sign(asset, job, fresh=False)
                answer = requests.get(signed.url, headers=dict(signed.headers), timeout=10)
                assert answer.status_code == 200
                found.setdefault(job.id, {})[asset.key] = answer.content
    return found


def test_we_see_what_the_official_client_sees(backend: RealBackend, provider: OpenEOProvider) -> None:
    """Jobs over all pages and the files of each are those that the official client finds."""
    theirs = backend.official_client()
    ours = files_of(provider)
    assert sorted(ours) == sorted(theirs["jobs"]) == sorted(FINISHED)
    assert {job: sorted(files) for job, files in ours.items()} == theirs["files"]


def test_files_arrive_as_they_were_written(backend: RealBackend, provider: OpenEOProvider) -> None:
    """Every file behind a signed address is the file that the job wrote, in sub-folders too."""
    for job, files in files_of(provider).items():
        for name, data in files.items():
            assert data == (backend.files / job / name).read_bytes()


def test_items_of_both_styles(provider: OpenEOProvider) -> None:
    """Results of the older and of the newer style become dated Items; the rest becomes one of the job."""
    jobs = {job.id: job for job in provider.finished_jobs()}
    older = {item.id: item for item in provider.describe(jobs["t-scenes"]).items({})}
    assert set(older) == {"t-scenes-openEO_2025-06-03Z.tif", "t-scenes-openEO_2025-06-08Z.tif", "t-scenes"}
    newer = list(provider.describe(jobs["t-bands"]).items({}))
    assert [len(item.assets) for item in newer] == [2, 2]
    for item in (*newer, older["t-scenes-openEO_2025-06-03Z.tif"]):
        assert item.datetime is not None
        assert item.bbox == (4.0, 51.0, 4.01, 51.01)
    (text,) = provider.describe(jobs["t-text"]).items({})
    assert (text.geometry, text.datetime) == (None, None)


def test_unfinished_jobs_have_no_results(provider: OpenEOProvider) -> None:
    """Asked for the results of a job that failed, the driver calls it unfinished; that is no failure of ours."""
    with pytest.raises(JobSkipped):
        provider.describe(JobRecord(id="t-error", fingerprint="x"))


def test_links_that_expire_are_signed_again(tmp_path: Path) -> None:
    """Links of one second have expired when they are used, and fresh ones work."""
    with real_backend(tmp_path, link_seconds=1) as backend:
        provider = connect(backend, tmp_path)
        job = next(job for job in provider.finished_jobs() if job.id == "t-scenes")
        assets = [asset for item in provider.describe(job).items({}) for asset in item.assets]
        old = [provider.sign(asset, job, fresh=False).url for asset in assets]
        time.sleep(2.1)
        assert [requests.get(url, timeout=10).status_code for url in old] == [410] * 3
        for asset in assets:
            assert requests.get(provider.sign(asset, job, fresh=True).url, timeout=10).status_code == 200


def test_a_person_signs_in_by_refresh_token(backend: RealBackend, tmp_path: Path) -> None:
    """A refresh token of an OpenID Connect provider that we did not write signs in, and again with what it rotated to."""
    auth = {
        "method": "refresh_token",
        "client_id": "tests",
        "client_secret": "any",
        "refresh_token": backend.refresh_token(),
    }
    trusted = [backend.issuer.removeprefix("http://")]
    for _ in range(2):
        found = connect(backend, tmp_path, auth=auth, trusted_hosts=trusted)
        assert {job.id for job in found.finished_jobs()} == FINISHED
