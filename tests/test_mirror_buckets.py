"""Results in a provider's bucket, and a catalog in a bucket: on an S3 server over a real socket."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from stacsync.errors import AssetGone, Stopped, TransferFailed
from stacsync.jobs import Mirrored, SourceFolder, SourceObject
from stacsync.mirror import Sizes
from stacsync.provider import SourceStore
from stacsync.storage import open_storage, s3_reading
from tests.kit.faults import Fault, faulty
from tests.kit.mirroring import Bench, Place, SigningProvider, asset, bench

KEY_ID, SECRET = "AKIDLOOPBACK", "made-up-secret"
SMALL = os.urandom(5_000)
LARGE = os.urandom(300_000)
CHUNKS = [f"s.zarr/B04/{x}.{y}" for x in range(4) for y in range(4)]


@pytest.fixture
def client(s3_endpoint: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=s3_endpoint,
        region_name="eu-central-1",
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
    )


@pytest.fixture
def bucket(client: Any) -> str:
    name = f"b{uuid4().hex}"
    for bucket in (name, f"{name}-out"):
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return name


@pytest.fixture(params=["folder", "bucket"])
def at(request: pytest.FixtureRequest, s3_endpoint: str, bucket: str, tmp_path: Path) -> Iterator[Bench]:
    """A mirror whose provider's results lie in `bucket`, into a folder or into a bucket of the same service."""
    place = Place(
        url=f"s3://{bucket}-out/base" if request.param == "bucket" else f"file://{tmp_path / 'store'}",
        endpoint_url=s3_endpoint,
        region="eu-central-1",
        access_key_id=KEY_ID,
        secret_access_key=SECRET,
    )
    source = SourceStore(
        endpoint_url=s3_endpoint, region="eu-central-1", access_key_id=KEY_ID, secret_access_key=SECRET
    )
    with bench(tmp_path, storage=open_storage(place), provider=SigningProvider("", store=source)) as ready:
        yield ready


@pytest.mark.parametrize("body", [SMALL, LARGE, b""])
def test_an_object_is_mirrored(at: Bench, client: Any, bucket: str, body: bytes) -> None:
    """An object of a provider's bucket arrives whole, with its checksum, read through here or copied by the service."""
    client.put_object(Bucket=bucket, Key="odd dir/a=1.tif", Body=body)
    record = asset("a.tif", SourceObject(bucket, "odd dir/a=1.tif"))
    done = at.one(record)
    assert (done.size, done.sha256, done.moved) == (len(body), hashlib.sha256(body).hexdigest(), len(body))
    assert at.storage.get(done.key) == body
    assert at.one(record) == replace(done, reused=True, moved=0)
    at.ledger.assets.delete([done.key])
    assert at.one(record) == replace(done, reused=True, moved=0)


def test_an_unchanged_object_is_not_moved_again(at: Bench, client: Any, bucket: str) -> None:
    """A new identity whose object still has the recorded ETag keeps what lies there."""
    for name, body in (("small", SMALL), ("large", LARGE)):
        client.put_object(Bucket=bucket, Key=name, Body=body)
        first = at.one(asset(name, SourceObject(bucket, name)))
        second = at.one(asset(name, SourceObject(bucket, name), version="2"))
        assert (second.key, second.reused, second.moved, second.sha256) == (first.key, True, 0, first.sha256)


def test_a_missing_object_is_gone(at: Bench, bucket: str) -> None:
    """What is not in the provider's bucket any more is `AssetGone`; a bucket that is not there is another failure."""
    gone, lost = at.move(
        asset("a", SourceObject(bucket, "nothing")), asset("b", SourceObject(f"{bucket}-none", "nothing"))
    )
    assert isinstance(gone, AssetGone)
    assert isinstance(lost, TransferFailed)
    assert not isinstance(lost, AssetGone)


def test_a_folder_is_one_asset(at: Bench, client: Any, bucket: str) -> None:
    """Every file of a Zarr store lies below its key, its metadata written last; neither size nor checksum is told."""
    metadata = ["s.zarr/.zmetadata", "s.zarr/.zgroup", "s.zarr/B04/.zarray", "s.zarr/B04/.zattrs", "s.zarr/zarr.json"]
    for key in [*metadata, *CHUNKS, "s.zarr-other/x"]:
        client.put_object(Bucket=bucket, Key=f"out/{key}", Body=key.encode())
    done = at.one(asset("s.zarr", SourceFolder(bucket, "out/s.zarr/")))
    assert (done.size, done.sha256, done.reused) == (None, None, False)
    stored = {item.key: item for item in at.storage.list(done.key)}
    assert set(stored) == {f"cdse/c/i/{key}" for key in [*metadata, *CHUNKS]}
    assert at.storage.get(f"{done.key}/B04/3.3") == b"s.zarr/B04/3.3"
    times = {key: item.modified for key, item in stored.items() if item.modified is not None}
    assert max(times[f"cdse/c/i/{key}"] for key in CHUNKS) <= min(times[f"cdse/c/i/{key}"] for key in metadata)
    assert at.one(asset("s.zarr", SourceFolder(bucket, "out/s.zarr/"))).reused


def test_a_folder_goes_on_where_it_stopped(at: Bench, client: Any, bucket: str) -> None:
    """A second attempt moves only the files that are not there; another version of the folder moves all."""
    for key in CHUNKS:
        client.put_object(Bucket=bucket, Key=key, Body=key.encode())
    record = asset("s.zarr", SourceFolder(bucket, "s.zarr"))
    whole = at.one(record)
    at.ledger.assets.delete([whole.key])
    at.storage.delete([f"{whole.key}/B04/0.0"])
    again = at.one(record)
    assert (again.key, again.moved) == (whole.key, len("s.zarr/B04/0.0"))
    at.ledger.assets.delete([whole.key])
    assert at.one(asset("s.zarr", SourceFolder(bucket, "s.zarr"), version="2")).moved == whole.moved
    (empty,) = at.move(asset("e", SourceFolder(bucket, "nothing")))
    assert isinstance(empty, AssetGone)


def test_versions_of_a_folder_are_never_mixed(at: Bench, client: Any, bucket: str) -> None:
    """What an attempt for one version left is gone before the next version is copied, also where sizes are the same."""
    for key in CHUNKS:
        client.put_object(Bucket=bucket, Key=key, Body=b"A" * 100)
    whole = at.one(asset("s.zarr", SourceFolder(bucket, "s.zarr")))
    at.ledger.assets.delete([whole.key])
    for key in CHUNKS:
        client.put_object(Bucket=bucket, Key=key, Body=b"B" * 100)
    client.delete_object(Bucket=bucket, Key=CHUNKS[0])
    record = asset("s.zarr", SourceFolder(bucket, "s.zarr"), version="2")
    threading.Timer(0.05, at.stop.set).start()
    with suppress(Stopped):
        at.one(record)
    at.stop.clear()
    done = at.one(record)
    assert {at.storage.get(item.key) for item in at.storage.list(done.key)} == {b"B" * 100}
    assert len(list(at.storage.list(done.key))) == len(CHUNKS) - 1


def test_a_file_of_a_folder_with_an_impossible_name_fails_its_asset(at: Bench, client: Any, bucket: str) -> None:
    """A name that cannot be a key of ours fails the folder alone, with the name."""
    client.put_object(Bucket=bucket, Key="s.zarr/" + "x" * 1010, Body=b"1")
    client.put_object(Bucket=bucket, Key="fine", Body=b"2")
    failed, fine = at.move(asset("s.zarr", SourceFolder(bucket, "s.zarr")), asset("fine", SourceObject(bucket, "fine")))
    assert isinstance(failed, TransferFailed)
    assert "cannot be kept: 'xxx" in str(failed)
    assert isinstance(fine, Mirrored)


def test_a_stop_ends_reading_a_bucket_soon(
    at: Bench, bucket: str, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked to stop, a large object of a provider's bucket is not read to its end."""
    client.put_object(Bucket=bucket, Key="large", Body=LARGE)
    read_on = s3_reading.read_stream
    asked = 0

    def slowly(*words: Any, **more: Any) -> Iterator[bytes]:
        nonlocal asked
        for piece in read_on(*words, **more):
            for start in range(0, len(piece), 1000):
                asked += 1
                time.sleep(0.05)
                yield piece[start : start + 1000]

    monkeypatch.setattr(s3_reading, "read_stream", slowly)
    threading.Timer(0.5, at.stop.set).start()
    begun = time.monotonic()
    with pytest.raises(Stopped):
        at.move(asset("large", SourceObject(bucket, "large")))
    assert time.monotonic() - begun < 5.0
    assert 0 < asked < 150


def test_an_object_that_may_be_looked_at_but_not_read_fails_alone(at: Bench, client: Any, bucket: str) -> None:
    """An archived object, whose facts are told and whose bytes are refused, is one asset's failure."""
    client.put_object(Bucket=bucket, Key="cold", Body=LARGE, StorageClass="GLACIER")
    client.put_object(Bucket=bucket, Key="fine", Body=SMALL)
    cold, fine = at.move(asset("cold", SourceObject(bucket, "cold")), asset("fine", SourceObject(bucket, "fine")))
    assert isinstance(cold, TransferFailed)
    assert "the object is archived (restore it" in str(cold)
    assert isinstance(fine, Mirrored)


def test_a_large_asset_goes_on_in_a_bucket(s3_endpoint: str, bucket: str, tmp_path: Path) -> None:
    """A multipart upload that was left over from a failed pass is continued, and no upload stays open."""
    body = os.urandom(12 << 20)
    place = Place(
        url=f"s3://{bucket}",
        endpoint_url=s3_endpoint,
        region="us-east-1",
        access_key_id=KEY_ID,
        secret_access_key=SECRET,
    )
    sizes = Sizes(small=1 << 20, part=5 << 20, extra_parts=2)
    with faulty({"/big.bin": body}) as server:
        server.fail("/big.bin", Fault(close_after=11 << 20), *[Fault(status=503)] * 7)
        trusted = frozenset({server.place})
        with bench(tmp_path, server.url(""), trusted, storage=open_storage(place), sizes=sizes) as at:
            (failed,) = at.move(asset("big.bin"))
            assert isinstance(failed, TransferFailed)
        with bench(tmp_path, server.url(""), trusted, storage=open_storage(place), sizes=sizes) as at:
            done = at.one(asset("big.bin"))
            assert (done.size, done.moved) == (12 << 20, 2 << 20)
            assert done.sha256 == hashlib.sha256(body).hexdigest()
            at.ledger.assets.delete([done.key])
            assert at.one(asset("big.bin")) == replace(done, reused=True, moved=0)
            assert at.storage.sweep_uploads(set()) == 0
