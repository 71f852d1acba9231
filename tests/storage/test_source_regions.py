"""A source bucket in another region than the one that is asked first: found once, or told plainly."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from stacsync.errors import StorageError
from stacsync.provider import SourceStore
from stacsync.storage.source import Source, open_source

_SCOPE = re.compile(r"/\d{8}/([a-z0-9-]+)/s3/aws4_request")
_LIST = (
    b"<ListBucketResult><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated><Contents><Key>k</Key><Size>5</Size>"
    b'<ETag>"e"</ETag><LastModified>2025-01-01T00:00:00.000Z</LastModified></Contents></ListBucketResult>'
)


@dataclass
class Region:
    """A service whose buckets all lie in `home`: requests that are signed for elsewhere are refused."""

    home: str = "eu-central-1"
    status: int = 301
    code: str = "PermanentRedirect"
    telling: frozenset[str] = frozenset({"GET", "HEAD", "bucket"})
    """Which refusals say where the bucket lies: those of objects by method, and HEAD of the bucket."""
    refused: list[str] = field(default_factory=list)
    served: list[str] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        told = f"{environ.get('HTTP_AUTHORIZATION', '')} {unquote(environ['QUERY_STRING'])}"
        signed = _SCOPE.search(told)
        assert signed is not None, told
        of_bucket = path.strip("/").count("/") == 0
        if signed[1] == self.home:
            self.served.append(f"{method} {path}")
            body = _LIST if of_bucket else b"12345"
            headers = [
                ("ETag", '"e"'),
                ("Content-Length", str(len(body))),
                ("Last-Modified", "Wed, 01 Jan 2025 00:00:00 GMT"),
            ]
            start_response("200 OK", headers)
            return [body if method == "GET" else b""]
        self.refused.append(f"{method} {path}")
        body = f"<Error><Code>{self.code}</Code><Message>elsewhere</Message></Error>".encode()
        whose = "bucket" if of_bucket and method == "HEAD" else method
        region = [("x-amz-bucket-region", self.home)] if whose in self.telling else []
        start_response(
            f"{self.status} No", [*region, ("Content-Length", str(len(body))), ("Content-Type", "application/xml")]
        )
        return [body if method == "GET" else b""]


@contextmanager
def opened(url: str, region: str | None = None) -> Iterator[Source]:
    store = SourceStore(endpoint_url=url, region=region, access_key_id="k", secret_access_key="s")
    source = open_source(store, sleep=lambda _seconds: None)
    try:
        yield source
    finally:
        source.close()


@pytest.fixture(autouse=True)
def _no_region_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)


READS: dict[str, Callable[[Source, Path], object]] = {
    "head": lambda source, _: source.head("bkt", "k"),
    "get": lambda source, _: source.get("bkt", "k"),
    "range": lambda source, _: source.get_range("bkt", "k", 0, 5),
    "list": lambda source, _: list(source.list("bkt")),
    "download": lambda source, folder: source.download("bkt", "k", folder / "k"),
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(
    "refusal", [(301, "PermanentRedirect"), (400, "AuthorizationHeaderMalformed"), (307, "TemporaryRedirect")]
)
def test_the_region_is_found_once(
    serve: Callable[[Any], str], tmp_path: Path, read: str, refusal: tuple[int, str]
) -> None:
    """Whatever is asked first, one refusal is enough: from then on the bucket is asked where it lies."""
    service = Region(status=refusal[0], code=refusal[1])
    with opened(serve(service)) as source:
        assert READS[read](source, tmp_path)
        for other in READS.values():
            assert other(source, tmp_path)
    assert len(service.refused) == 1
    assert len(service.served) == 1 + len(READS)


def test_a_refusal_that_names_no_region_leads_to_one_question(serve: Callable[[Any], str], tmp_path: Path) -> None:
    """When only the bucket itself says where it lies, it is asked once."""
    service = Region(telling=frozenset({"bucket"}))
    with opened(serve(service)) as source:
        for read in READS.values():
            assert read(source, tmp_path)
    assert service.refused == ["HEAD /bkt/k", "HEAD /bkt"]


@pytest.mark.parametrize("read", READS)
def test_a_region_that_nobody_tells_is_asked_for(serve: Callable[[Any], str], tmp_path: Path, read: str) -> None:
    """A service that never says where its buckets lie: a handful of requests, then an error that names the setting."""
    service = Region(telling=frozenset())
    with opened(serve(service)) as source, pytest.raises(StorageError, match=r"another region.*source\.region"):
        READS[read](source, tmp_path)
    assert len(service.refused) <= 3


def test_a_configured_region_is_kept_to(serve: Callable[[Any], str]) -> None:
    """A wrong region in the configuration is a mistake to be told, not to be worked around."""
    service = Region()
    with opened(serve(service), region="us-west-2") as source, pytest.raises(StorageError, match=r"source\.region"):
        source.get("bkt", "k")
    assert len(service.refused) == 1
