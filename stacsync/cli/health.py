"""`stacsync health`: whether the service of this configuration runs; for containers, which have no other way to ask."""

from __future__ import annotations

import typer

from stacsync.cli.options import Config

SECONDS = 4.0
ANYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is listened on, as it is asked for
"""An address that stands for all of them is asked at the loopback interface."""


def register(app: typer.Typer) -> None:
    """Add the command; people have the status page, so it is not listed."""
    app.command(hidden=True)(health)


def health(*, config: Config = None) -> None:
    """Ask the running service how it is; exit 0 when it is well, 1 when it is not or does not answer."""
    from http.client import HTTPConnection, HTTPException  # noqa: PLC0415 - kept out of `--help`

    from stacsync.cli.session import settings_of  # noqa: PLC0415 - the same

    server = settings_of(config).server
    if server.port == 0:
        raise typer.BadParameter("server.port is 0: nobody knows which port was free; configure one")
    connection = HTTPConnection(ANYWHERE.get(server.host, server.host), server.port, timeout=SECONDS)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        text = answer.read(4096).decode(errors="replace")
    except (OSError, HTTPException) as error:
        typer.echo(f"no answer from http://{server.host}:{server.port}: {error}", err=True)
        raise typer.Exit(code=1) from None
    finally:
        connection.close()
    typer.echo(text)
    raise typer.Exit(code=int(answer.status != 200))
