"""A stand-in of UP42 on a real socket, providers connected to it, and a plain reader of archives."""

from __future__ import annotations

import hashlib
import io
import tarfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import orjson
import pytest
from stacsync.demo.up42 import StandIn
from stacsync.jobs import Contents, ItemRecord, JobRecord, JobResult, MemberFact, PackageRecord
from stacsync.provider import Context, JobProvider
from stacsync.providers.up42 import KIND

RECORDINGS = Path(__file__).parents[2] / "recordings" / "up42"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Memory(dict[str, dict[str, Any]]):
    def put(self, key: str, value: dict[str, Any]) -> None:
        self[key] = value

    def drop(self, key: str) -> None:
        self.pop(key, None)


class Hours:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.skipped


@pytest.fixture
def recording() -> Callable[[str], Any]:
    return lambda name: orjson.loads((RECORDINGS / name).read_bytes())


@pytest.fixture
def real_archive() -> bytes:
    return (RECORDINGS / "legacy_result.tgz").read_bytes()


@pytest.fixture
def hours() -> Hours:
    return Hours()


@pytest.fixture
def up42(hours: Hours) -> Iterator[StandIn]:
    with StandIn(monotonic=hours) as server:
        yield server


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(
        name="sky", memory=Memory(), clock=lambda: NOW, sleep=lambda _: None, stop=Event(), state_dir=str(tmp_path)
    )


@pytest.fixture
def connect(context: Context) -> Iterator[Callable[..., JobProvider]]:
    opened: list[JobProvider] = []

    def connect(table: dict[str, Any], **more: Any) -> JobProvider:
        provider = KIND.connect(KIND.settings(**{**table, **more}), context)
        opened.append(provider)
        return provider

    yield connect
    for provider in opened:
        provider.close()


@pytest.fixture
def unpack() -> Callable[[bytes, PackageRecord], tuple[MemberFact, ...]]:
    """Read a tar.gz as the mirror does: in one pass, regular and wanted members alone."""

    def unpack(packed: bytes, package: PackageRecord) -> tuple[MemberFact, ...]:
        found = []
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r|gz") as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isfile() and package.wants(member.name) else None
                if stream is not None:
                    content = stream.read()
                    media_type = "image/tiff; application=geotiff" if content[:2] in {b"II", b"MM"} else None
                    found.append(
                        MemberFact(
                            path=member.name,
                            key=f"sky/packages/{package.id}/{member.name}",
                            size=len(content),
                            sha256=hashlib.sha256(content).hexdigest(),
                            media_type=media_type,
                            head=content[: 4 * 1024**2] if member.name.endswith(".json") else content[:65536],
                        )
                    )
        return tuple(sorted(found, key=lambda fact: fact.path))

    return unpack


@pytest.fixture
def take(unpack: Callable[[bytes, PackageRecord], tuple[MemberFact, ...]]) -> Callable[..., list[ItemRecord]]:
    """Describe a job, fetch and unpack its packages from their signed addresses, and tell its items."""

    def take(provider: JobProvider, job: JobRecord, result: JobResult | None = None) -> list[ItemRecord]:
        result = result or provider.describe(job)
        contents: Contents = {
            package.id: unpack(fetch(provider.sign(package, job, fresh=False).url), package)
            for package in result.packages
        }
        return list(result.items(contents))

    return take


@pytest.fixture
def get() -> Callable[..., bytes]:
    return fetch


def fetch(url: str, headers: dict[str, str] | None = None) -> bytes:
    request = urllib.request.Request(url, headers=headers or {})
    with urllib.request.urlopen(request) as answer:
        content: bytes = answer.read()
        return content
