"""A stand-in of UP42 on a real socket, and providers connected to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from stacsync.demo.up42 import StandIn
from stacsync.jobs import ItemRecord, JobRecord, JobResult
from stacsync.provider import JobProvider
from stacsync.providers.up42 import KIND
from stacsync.testing import context
from stacsync.testing.delivery import fetch, unpack

RECORDINGS = Path(__file__).parents[2] / "recordings" / "up42"


class Clocks:
    """The time of day for the provider and the running time for the stand-in; a test moves both."""

    def __init__(self) -> None:
        self.now = datetime(2025, 6, 1, tzinfo=UTC)
        self.skipped = 0.0

    def clock(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return time.monotonic() + self.skipped


@pytest.fixture
def recording() -> Callable[[str], Any]:
    return lambda name: orjson.loads((RECORDINGS / name).read_bytes())


@pytest.fixture
def real_archive() -> bytes:
    return (RECORDINGS / "legacy_result.tgz").read_bytes()


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def up42(clocks: Clocks) -> Iterator[StandIn]:
    with StandIn(monotonic=clocks.monotonic) as server:
        yield server


@pytest.fixture
def connect(clocks: Clocks, tmp_path: Path) -> Iterator[Callable[..., JobProvider]]:
    opened: list[JobProvider] = []

    def connect(table: dict[str, Any], **more: Any) -> JobProvider:
        outside = context("sky", clock=clocks.clock, state_dir=tmp_path)
        opened.append(KIND.connect(KIND.settings.model_validate({**table, **more}), outside))
        return opened[-1]

    yield connect
    for provider in opened:
        provider.close()


@pytest.fixture
def take() -> Callable[..., list[ItemRecord]]:
    """Describe a job, fetch and unpack its packages from their signed addresses, and tell its items."""

    def take(provider: JobProvider, job: JobRecord, result: JobResult | None = None) -> list[ItemRecord]:
        result = result or provider.describe(job)
        fetched = {package: fetch(provider.sign(package, job, fresh=False)) for package in result.packages}
        return list(result.items({package.id: unpack(package, data) for package, data in fetched.items()}))

    return take
