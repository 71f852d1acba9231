"""A PostgreSQL server for the tests that are marked `real`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.kit.postgres import Postgres
from tests.kit.postgres import postgres as running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running() as server:
        yield server
