"""`stacsync verify`: whether what is published is sound."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from stacsync.cli.options import Config, Json


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(verify)


def verify(
    *,
    checksums: Annotated[
        bool, typer.Option("--checksums", help="Also read every object and compare its content.")
    ] = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Audit what is published: links, documents, mirrored objects."""
    from stacsync.cli.output import emit  # noqa: PLC0415 - kept out of `--help`
    from stacsync.cli.session import opened  # noqa: PLC0415 - the same

    with opened(config, writing=False) as app:
        result = app.verify(checksums=checksums)
    emit(result) if json else _show(result)
    raise typer.Exit(code=int(not result["ok"]))


def _show(result: dict[str, Any]) -> None:
    from stacsync.cli.output import console, safe, table  # noqa: PLC0415 - kept out of `--help`

    out = console()
    if result["findings"]:
        rows = [(one["key"], safe(one["problem"], "red"), one["remedy"]) for one in result["findings"]]
        out.print(table("", ("key", "problem", "remedy"), rows))
    if result["advice"]:
        lacks = [
            (f"{one['count']} of {one['of']}", safe(one["problem"], "yellow"), one["remedy"])
            for one in result["advice"]
        ]
        out.print(table("", ("documents", "would read better without", "how"), lacks))
    checked = result["checked"]
    verdict = safe("sound", "green") if result["ok"] else safe(f"{len(result['findings'])} findings", "bold red")
    out.print(verdict + safe(f": {checked['documents']} documents and {checked['assets']} assets checked"))
    out.print(safe(f"publication score: {result['score']} of 100"))
