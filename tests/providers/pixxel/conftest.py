"""A stand-in of Pixxel on a real socket, and providers connected to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from stacsync.demo.pixxel import PixxelStandIn, demo_account
from stacsync.jobs import ItemRecord, JobRecord, MemberFact
from stacsync.provider import JobProvider
from stacsync.providers.pixxel import KIND
from stacsync.testing import FakeMemory, context
from stacsync.testing.delivery import fetch, unpack

RECORDINGS = Path(__file__).parents[2] / "recordings" / "pixxel"


class Clock:
    """The time of day; a test moves it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def wait(self, **span: float) -> None:
        self.now += timedelta(**span)


def recorded(name: str) -> Any:
    return orjson.loads((RECORDINGS / f"{name}.json").read_bytes())


def fact(path: str, data: bytes = b"x", media_type: str | None = None) -> MemberFact:
    """Return a file of a package as the mirror tells of it."""
    return MemberFact(path=path, key=f"k/{path}", size=len(data), sha256="0" * 64, media_type=media_type, head=data)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory() -> FakeMemory:
    return FakeMemory()


@pytest.fixture
def pixxel() -> Iterator[PixxelStandIn]:
    with demo_account() as account:
        yield account


@pytest.fixture
def connect(clock: Clock, memory: FakeMemory, tmp_path: Path) -> Iterator[Callable[..., JobProvider]]:
    opened: list[JobProvider] = []

    def connect(account: PixxelStandIn, **more: Any) -> JobProvider:
        table = {**account.settings(), **more}
        outside = context("sky", clock=clock, memory=memory, state_dir=tmp_path)
        opened.append(KIND.connect(KIND.settings.model_validate(table), outside))
        return opened[-1]

    yield connect
    for provider in opened:
        provider.close()


def take(provider: JobProvider, job: JobRecord) -> list[ItemRecord]:
    """Describe a job, fetch and unpack its packages, and tell its Items."""
    result = provider.describe(job)
    fetched = {package: fetch(provider.sign(package, job, fresh=False)) for package in result.packages}
    return list(result.items({package.id: unpack(package, data) for package, data in fetched.items()}))


def listed(provider: JobProvider) -> dict[str, JobRecord]:
    return {job.id: job for job in provider.finished_jobs()}
