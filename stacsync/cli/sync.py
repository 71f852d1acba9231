"""`stacsync sync`: one pass, now."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from stacsync.cli.options import Config, Json
from stacsync.errors import ConfigError, StacsyncError

COUNTS = ("seen", "published", "unchanged", "skipped", "waiting", "failed")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(sync)


def sync(
    providers: Annotated[
        list[str] | None,
        typer.Argument(metavar="PROVIDER", help="Providers to ask; default: all.", show_default=False),
    ] = None,
    job: Annotated[
        list[str] | None,
        typer.Option("--job", metavar="ID", help="Only this job; may be repeated.", show_default=False),
    ] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, write nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Forget fingerprints and back-off of what is named.")] = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Make one pass of the named providers, then publish."""
    from stacsync.cli.output import complain, emit  # noqa: PLC0415 - kept out of `--help`
    from stacsync.cli.progress import watching  # noqa: PLC0415 - the same
    from stacsync.cli.session import opened  # noqa: PLC0415 - the same

    names = list(dict.fromkeys(providers or []))
    with watching() as observer, opened(config, writing=not dry_run, observer=observer) as app:
        try:
            result = app.sync(names, job or [], dry_run=dry_run, force=force)
        except StacsyncError as error:
            if isinstance(error, ConfigError) or not json:
                raise
            complain(error)
            emit(app.unmade(names, error))
            raise typer.Exit(code=1) from None
    emit(result) if json else _show(result, dry_run=dry_run)
    raise typer.Exit(code=int(failed(result)))


def failed(result: dict[str, Any]) -> bool:
    """Say whether anything of a pass is left to be tried again."""
    passes = result["providers"].values()
    return bool(result["errors"]) or any(one["failed"] or one["error"] for one in passes)


def _show(result: dict[str, Any], *, dry_run: bool) -> None:
    from stacsync.cli.output import amount, console, safe, table  # noqa: PLC0415 - kept out of `--help`

    out = console()
    if not result["providers"] and not result["errors"]:
        out.print("no provider is configured: add a table [providers.NAME]; `stacsync providers` tells what it holds")
    rows = [
        (name, *(_count(column, one[column]) for column in COUNTS), safe(one["error"] or "", "red"))
        for name, one in result["providers"].items()
    ]
    if rows:
        out.print(table("", ("provider", *COUNTS, "error"), rows, numbers=COUNTS))
    assets, documents = result["assets"], result["documents"]
    if dry_run:
        out.print("dry run: nothing was written; “published” counts what would be")
    else:
        out.print(
            f"assets: {assets['transferred']} transferred ({amount(assets['bytes'])}), {assets['reused']} reused, "
            f"{assets['failed']} failed; documents: {documents['written']} written, {documents['unchanged']} unchanged, "
            f"{documents['deleted']} deleted; {result['seconds']:.1f} s"
        )
    for error in result["errors"]:
        place = " ".join(str(error[part]) for part in ("provider", "target", "job", "asset") if error.get(part))
        out.print(safe("failed: ", "red") + safe(f"{place}: {error['message']}"), soft_wrap=True)


def _count(column: str, number: int) -> Any:
    from stacsync.cli.output import safe  # noqa: PLC0415 - kept out of `--help`

    styles = {"published": "green", "failed": "bold red", "waiting": "yellow"}
    return safe(number, styles.get(column, "") if number else "dim")
