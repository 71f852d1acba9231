"""What the drill's tests share: they count the cases that they tried, for the table of `make drill`."""

from __future__ import annotations

from collections.abc import Callable

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "promise(text): what the test holds stacsync to, a row of the table")


@pytest.fixture
def tried(request: pytest.FixtureRequest) -> Callable[[int], None]:
    """Tell how many cases the test tried."""

    def tell(cases: int) -> None:
        request.node.user_properties.append(("cases", cases))

    return tell
