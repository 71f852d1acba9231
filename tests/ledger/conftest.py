"""A PostgreSQL server for the tests that are marked `real`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from stacsync.ledger import Ledger
from tests.catalog.bench import clock
from tests.kit.postgres import Postgres
from tests.kit.postgres import postgres as running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def ledger_template(postgres: Postgres) -> str:
    """The name of a database that holds a ledger that knows nothing: copying one is faster than making one."""
    name = postgres.create()
    Ledger.open(postgres.url(name), clock).close()
    return name
