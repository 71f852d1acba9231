"""From `--config` to something that works: settings are read, logs set up, the application opened and closed again."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stacsync.app import App
    from stacsync.mirror.events import Observer
    from stacsync.settings import Settings


def settings_of(config: Path | None) -> Settings:
    """Return the checked settings, with the logs set up as they say. Raises `ConfigError`."""
    from stacsync.registry import load_settings  # noqa: PLC0415 - kept out of `--help`

    settings = load_settings(config)
    _set_up_logs(settings)
    return settings


@contextmanager
def opened(config: Path | None, *, writing: bool = True, observer: Observer | None = None) -> Iterator[App]:
    """Open the application and close it again; the first SIGTERM or SIGINT asks it to stop, a second one insists.

    With `writing=False` nothing is written anywhere, the ledger included. Raises `ConfigError`.
    """
    from stacsync.app import open_app  # noqa: PLC0415 - imports everything
    from stacsync.mirror.events import unwatched  # noqa: PLC0415 - the same

    app = open_app(config, writing=writing, observer=observer or unwatched)
    _set_up_logs(app.parts.settings)

    def ask(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.default_int_handler)
        app.parts.stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield app
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        app.close()


def _set_up_logs(settings: Settings) -> None:
    from stacsync import logs  # noqa: PLC0415 - kept out of `--help`

    logs.configure(settings.log.level, settings.log.format)
