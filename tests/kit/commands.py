"""Running commands in this process: what they print and the code that they end with."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import structlog
from stacsync.cli.app import main


class Done(NamedTuple):
    """What came of a command."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]


@contextmanager
def commands(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Yield what runs a command in `folder`, without any configuration around; set the logs back afterwards."""
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith("STACSYNC_")]:
        monkeypatch.delenv(name)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*arguments: str) -> Done:
        capsys.readouterr()
        return Done(main(arguments), *capsys.readouterr())

    yield run
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
