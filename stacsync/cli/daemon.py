"""`stacsync run`: the daemon."""

from __future__ import annotations

import os
import signal

import typer

from stacsync.cli.options import Config


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(run)


def run(*, config: Config = None) -> None:
    """Poll every provider on its schedule, publish after each pass, serve the status page; until SIGTERM or SIGINT."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))  # nothing is under way yet; the daemon listens by itself

    from stacsync.cli.session import settings_of  # noqa: PLC0415 - kept out of `--help`

    settings_of(config)
    from stacsync import daemon  # noqa: PLC0415 - imports everything; a wrong setting is told before

    raise typer.Exit(code=daemon.run(config))
