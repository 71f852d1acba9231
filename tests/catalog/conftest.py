"""A ledger and a store of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.catalog.bench import Bench, a_bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    with a_bench() as made:
        yield made
