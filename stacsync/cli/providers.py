"""`stacsync providers`: the installed kinds and their settings."""

from __future__ import annotations

import typer

from stacsync.cli.options import Config


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(providers)


def providers(*, config: Config = None) -> None:
    """Show the installed kinds of providers and the settings that each takes; needs no configuration."""
    from stacsync import registry  # noqa: PLC0415 - kept out of `--help`
    from stacsync.cli.describe import Row, rows  # noqa: PLC0415 - the same
    from stacsync.cli.output import complain, console, safe, table  # noqa: PLC0415 - the same
    from stacsync.errors import ConfigError  # noqa: PLC0415 - the same
    from stacsync.settings import CommonProvider  # noqa: PLC0415 - the same

    if config is not None:
        from stacsync.cli.session import settings_of  # noqa: PLC0415 - the same

        settings_of(config)

    def show(title: str, shown: list[Row]) -> None:
        lines = [(row.name, row.type, "required" if row.required else row.default, row.meaning) for row in shown]
        out.print(table(title, ("key", "type", "default", "meaning"), lines))

    out = console()
    common = rows(CommonProvider)
    show("Every provider takes", common)
    shared = {row.key for row in common}
    for name in registry.names():
        try:
            kind = registry.kind(name)
        except ConfigError as error:
            complain(error)
            continue
        out.print(safe(name, "bold cyan") + safe(f": {kind.summary}"))
        show("", [row for row in rows(kind.settings) if row.key not in shared])
