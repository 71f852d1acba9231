"""The openEO provider against a back-end on a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from stacsync.demo.openeo import OpenEOStandIn
from stacsync.providers.openeo import KIND
from stacsync.providers.openeo.provider import OpenEOProvider
from stacsync.testing import ProviderTests, context


@pytest.fixture
def backend() -> Iterator[OpenEOStandIn]:
    with OpenEOStandIn() as server:
        yield server


@pytest.fixture
def provider(backend: OpenEOStandIn, tmp_path: Path) -> Iterator[OpenEOProvider]:
    found = KIND.connect(KIND.settings.model_validate(backend.settings()), context("mine", state_dir=tmp_path))
    assert isinstance(found, OpenEOProvider)
    yield found
    found.close()


class TestContract(ProviderTests):
    """The stand-in's account keeps the contract."""

    expected_jobs = frozenset({"j-ndvi-scenes", "j-bands", "j-cube", "j-mosaic"})
    secrets = ("alice", "alice123", "YWxpY2U", "stand-in-access")
