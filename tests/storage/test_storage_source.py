"""Reading the buckets that providers deliver into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from stacsync.errors import AssetChanged, StorageError
from stacsync.provider import SourceStore
from stacsync.storage.source import Source, open_source, real_bucket

Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture
def bucket(boto: Any) -> str:
    name = f"delivered-{uuid4().hex[:12]}"
    boto.create_bucket(Bucket=name)
    for key, body in {"r/T 1/B04 é#?.tif": b"0123456789", "r/T 1/": b"", "r/T 1//odd": b"1", "r2/x": b"2"}.items():
        boto.put_object(Bucket=name, Key=key, Body=body)
    return name


@pytest.fixture
def source(moto: Any) -> Iterator[Source]:
    opened = open_source(
        SourceStore(
            endpoint_url=moto.endpoint_url, access_key_id=moto.access_key_id, secret_access_key=moto.secret_access_key
        )
    )
    yield opened
    opened.close()


def test_list_gives_every_object_below_a_prefix(source: Source, bucket: str) -> None:
    """A prefix is plain text, folder markers are no objects, and names come as they are."""
    assert [found.key for found in source.list(bucket, "r/")] == ["r/T 1//odd", "r/T 1/B04 é#?.tif"]
    assert [found.key for found in source.list(f"project-1:{bucket}")] == ["r/T 1//odd", "r/T 1/B04 é#?.tif", "r2/x"]


def test_reads(source: Source, bucket: str, tmp_path: Path) -> None:
    """Head, get, range, stream from the middle and download to a file all give the same bytes."""
    key = "r/T 1/B04 é#?.tif"
    head = source.head(bucket, key)
    assert head is not None
    assert (head.size, head.etag) == (10, "781e5e245d69b566979b86e28d23f2c7")
    assert source.get(bucket, key) == b"0123456789"
    assert source.get_range(bucket, key, 2, 3) == b"234"
    assert b"".join(source.stream(bucket, key, start=6)) == b"6789"
    assert source.download(f"project-1:{bucket}", key, tmp_path / "b.tif") == 10
    assert (tmp_path / "b.tif").read_bytes() == b"0123456789"


def test_missing_objects(source: Source, bucket: str, tmp_path: Path) -> None:
    """A missing object is None from head, KeyError from reads, and no file."""
    assert source.head(bucket, "none") is None
    with pytest.raises(KeyError):
        source.get(bucket, "none")
    with pytest.raises(KeyError):
        source.download(bucket, "none", tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_missing_buckets(source: Source) -> None:
    """A missing bucket is never mistaken for a missing object."""
    with pytest.raises(StorageError, match="does not exist"):
        source.head("no-such-bucket", "k")
    with pytest.raises(StorageError, match="does not exist"):
        source.get("no-such-bucket", "k")
    with pytest.raises(StorageError, match="does not exist"):
        list(source.list("no-such-bucket"))


def test_a_source_that_changes_is_told(serve: Callable[[Any], str], tmp_path: Path) -> None:
    """An object replaced while its download was interrupted is an AssetChanged, and leaves no file."""
    etags = iter(["1", "2"])

    def application(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("ETag", next(etags)), ("Content-Length", "2000000")])
        return [bytes(1_000_000)]

    store = SourceStore(endpoint_url=serve(application), access_key_id="k", secret_access_key="s")
    source = open_source(store, sleep=lambda _seconds: None)
    with pytest.raises(AssetChanged):
        source.download("bkt", "k", tmp_path / "x")
    assert list(tmp_path.iterdir()) == []
    source.close()


def test_bucket_names_with_a_project() -> None:
    """Requests name the bucket without its project."""
    assert real_bucket("8a2f:results") == "results"
    assert real_bucket("results") == "results"
