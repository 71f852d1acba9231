"""What the drill's tests share: they count the cases that they tried, for the table of `make drill`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "promise(text): what the test holds stacsync to, a row of the table")


@pytest.fixture
def tried(request: pytest.FixtureRequest) -> Callable[[int], None]:
    """Tell how many cases the test tried."""

    def tell(cases: int) -> None:
        request.node.user_properties.append(("cases", cases))

    return tell


def few(cases: Iterable[Any], *quick: Any) -> list[Any]:
    """Return cases to parametrize with, of which `quick` alone are tried by `make test`."""
    return [case if case in quick else pytest.param(case, marks=pytest.mark.real) for case in cases]
