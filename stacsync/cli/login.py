"""`stacsync login`: a sign-in that needs a person."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from stacsync.cli.options import Config


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(login)


def login(
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="Name of the configured provider.")],
    *,
    config: Config = None,
) -> None:
    """Sign in to an openEO provider in the browser (device code); its refresh token is kept for later passes."""
    from stacsync.cli.session import opened  # noqa: PLC0415 - kept out of `--help`

    with opened(config) as app:
        app.login(provider, _tell)
    _tell(f"signed in to {provider}")


def _tell(text: str) -> None:
    from stacsync.cli.output import safe  # noqa: PLC0415 - kept out of `--help`

    sys.stderr.write(f"{safe(text).plain}\n")
    sys.stderr.flush()
