"""`stacsync rebuild` and `stacsync retire`: changes to what is published."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from stacsync.cli.options import Config, Json


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(rebuild)
    app.command()(retire)


def rebuild(*, json: Json = False, config: Config = None) -> None:
    """Write every document again from the ledger alone; no provider is asked."""
    from stacsync.cli.session import opened  # noqa: PLC0415 - kept out of `--help`

    with opened(config) as app:
        _show(app.rebuild(), json=json)


def retire(
    *,
    provider: Annotated[
        str | None,
        typer.Option("--provider", metavar="P", help="The provider; alone: all its jobs.", show_default=False),
    ] = None,
    job: Annotated[str | None, typer.Option("--job", metavar="ID", help="The job.", show_default=False)] = None,
    delete_assets: Annotated[bool, typer.Option("--delete-assets", help="Also delete its mirrored files.")] = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Take the items of a job, or of all jobs of a provider, out of the catalog."""
    if not provider and not job:
        raise typer.BadParameter("name what to retire: --provider, --job or both")
    from stacsync.cli.session import opened  # noqa: PLC0415 - kept out of `--help`

    with opened(config) as app:
        _show(app.retire(provider, job, delete_assets=delete_assets), json=json)


def _show(result: dict[str, Any], *, json: bool) -> None:
    from stacsync.cli.output import console, emit, safe  # noqa: PLC0415 - kept out of `--help`

    if json:
        emit(result)
        return
    out = console()
    for name, value in result.items():
        inner = ", ".join(f"{number} {key}" for key, number in value.items()) if isinstance(value, dict) else value
        out.print(safe(f"{name.replace('_', ' ')}: {inner}"))
