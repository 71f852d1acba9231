"""A catalog in a folder for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.search.library import Library, a_library


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with a_library(tmp_path / "catalog") as made:
        yield made
