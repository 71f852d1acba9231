"""What all tests share: golden files, an S3 server, and patience with slow machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from tests.kit.moto import moto

settings.register_profile("calm", deadline=None)  # a busy machine is no failure
settings.load_profile("calm")

GOLDEN = Path(__file__).parent / "golden"

Golden = Callable[[str, bytes], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write tests/golden anew where it differs; each test that had to fails once, so that nobody forgets to look",
    )


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The address of an S3 server that all tests of a process share: buckets have names of their own."""
    with moto() as found:
        yield found


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """A check that some bytes are those of `tests/golden/<name>`."""

    def check(name: str, found: bytes) -> None:
        file = GOLDEN / name
        kept = file.read_bytes() if file.exists() else None
        if found == kept:
            return
        if request.config.getoption("--update-golden"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(found)
            pytest.fail(f"{file.name} was written anew: read the difference, then run again")
        assert kept is not None, f"no golden file {name}: run with --update-golden"
        assert found.decode() == kept.decode()

    return check
