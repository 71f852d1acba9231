"""UP42's results through the real mirror into a real folder: addresses work once and for five seconds."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from stacsync.demo.up42 import FirstJob, StandIn, archive, first_job, today_job
from stacsync.errors import JobUnusable
from stacsync.jobs import ItemRecord, JobRecord, Member, Mirrored
from stacsync.ledger import Ledger
from stacsync.mirror import Mirror, Transfer
from stacsync.provider import JobProvider
from stacsync.storage import open_storage

Connect = Callable[..., JobProvider]
REAL = "7e17f023-a8e3-43bd-aaac-5bbef749c7f4"


@pytest.fixture
def mirror(tmp_path: Path, up42: StandIn, clocks: Any) -> Iterator[Mirror]:
    storage = open_storage(SimpleNamespace(url=f"file://{tmp_path / 'store'}"))
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", clocks.clock)
    made = Mirror(
        storage,
        ledger,
        max_asset_size=10 * 1024**3,
        stop=Event(),
        clock=clocks.clock,
        trusted_hosts={"sky": [up42.url.removeprefix("http://")]},
    )
    yield made
    made.close()
    ledger.close()


def items(mirror: Mirror, provider: JobProvider, job: JobRecord) -> list[ItemRecord]:
    result = provider.describe(job)
    return list(result.items({one.id: mirror.unpack("sky", job, provider, one) for one in result.packages}))


def only(provider: JobProvider) -> JobRecord:
    (job,) = provider.finished_jobs()
    return job


def a_real_job(packed: bytes) -> FirstJob:
    return FirstJob(payload={"id": "real", "status": "SUCCEEDED", "finishedAt": "2020-03-30T16:45:46Z"}, archive=packed)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_real_archive_arrives_whole(
    up42: StandIn, connect: Connect, mirror: Mirror, tmp_path: Path, real_archive: bytes
) -> None:
    """The files of a real job archive lie in the store byte for byte, with the type that their bytes tell."""
    up42.first.jobs.append(a_real_job(real_archive))
    provider = connect(up42.first_settings())
    job = only(provider)
    (item,) = items(mirror, provider, job)
    data, metadata = item.assets
    assert data.media_type is not None
    assert data.media_type.startswith("image/tiff; application=geotiff")
    assert metadata.filename == "data.json"
    with tarfile.open(fileobj=io.BytesIO(real_archive)) as opened:
        member = opened.extractfile(f"output/{REAL}/{REAL}_0-0.tif")
        assert member is not None
        wanted = sha256(member.read()).hexdigest()
    stored = files(tmp_path / "store")
    assert wanted in [sha256(content).hexdigest() for name, content in stored.items() if name.endswith(".tif")]


def test_archive_is_fetched_once(up42: StandIn, connect: Connect, mirror: Mirror) -> None:
    """Describing a job again tells the same items and fetches nothing."""
    up42.first.jobs.append(first_job(1))
    provider = connect(up42.first_settings())
    job = only(provider)
    before = items(mirror, provider, job)
    assert items(mirror, provider, job) == before
    assert len(up42.asked_for("/signed/")) == 1


def test_quicklooks_and_assets_arrive(up42: StandIn, connect: Connect, mirror: Mirror) -> None:
    """Quicklooks come with our token, assets of today's API from addresses that work once."""
    up42.first.jobs.append(first_job(1))
    up42.today.jobs.append(today_job("pansharpening", 1, up42.url, scenes=3))
    for settings, wanted in ((up42.first_settings(), 2), (up42.today_settings(), 6)):
        provider = connect(settings)
        job = only(provider)
        every = [asset for item in items(mirror, provider, job) for asset in item.assets]
        assets = [asset for asset in every if not isinstance(asset.source, Member)]
        transfers = [Transfer(asset, f"sky/{job.id}/{number}") for number, asset in enumerate(assets)]
        arrived = mirror.transfer("sky", job, provider, transfers)
        assert len([one for one in arrived if isinstance(one, Mirrored)]) == len(assets) == wanted


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../outside.tif", tarfile.REGTYPE),
        ("/etc/outside.tif", tarfile.REGTYPE),
        ("output/link.tif", tarfile.SYMTYPE),
        ("output/hard.tif", tarfile.LNKTYPE),
        ("output/device", tarfile.CHRTYPE),
    ],
)
def test_hostile_archives_leave_nothing(
    up42: StandIn, connect: Connect, mirror: Mirror, tmp_path: Path, name: str, kind: bytes
) -> None:
    """An archive that would write elsewhere, or is more than files, makes its job unusable and leaves nothing behind."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as opened:
        good = tarfile.TarInfo("output/a.tif")
        good.size = 4
        opened.addfile(good, io.BytesIO(b"II*\0"))
        bad = tarfile.TarInfo(name)
        bad.type, bad.linkname = kind, "/etc/passwd"
        opened.addfile(bad)
    up42.first.jobs.append(a_real_job(packed.getvalue()))
    provider = connect(up42.first_settings())
    with pytest.raises(JobUnusable):
        items(mirror, provider, only(provider))
    assert list(tmp_path.rglob("*.tif")) == []


def test_truncated_archive(
    up42: StandIn, connect: Connect, mirror: Mirror, tmp_path: Path, real_archive: bytes
) -> None:
    """An archive that ends too early makes its job unusable; nothing of it stays."""
    up42.first.jobs.append(a_real_job(real_archive[:-5000]))
    provider = connect(up42.first_settings())
    with pytest.raises(JobUnusable):
        items(mirror, provider, only(provider))
    assert list(tmp_path.rglob("*.tif")) == []


def test_data_paths_never_leave_the_job(up42: StandIn, connect: Connect, mirror: Mirror) -> None:
    """A path in data.json that leads upwards means nothing, even if something lies there."""
    job = a_real_job(
        archive(
            {
                "a.tif": b"II*\0",
                "data.json": b'{"type":"FeatureCollection","features":['
                b'{"id":"a","geometry":null,"properties":{"up42.data_path":"a.tif"}},'
                b'{"id":"b","geometry":null,"properties":{"up42.data_path":"../output/a.tif"}}]}',
            }
        )
    )
    up42.first.jobs.append(job)
    provider = connect(up42.first_settings())
    assert [item.id for item in items(mirror, provider, only(provider))] == ["real-a"]
