"""`stacsync check`: whether a pass would work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import typer

from stacsync.cli.options import Config, Json


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)


def check(*, json: Json = False, config: Config = None) -> None:
    """Try the configuration, the sign-in to every provider, and a write, read and delete in the storage."""
    from stacsync.cli.output import console, emit, safe  # noqa: PLC0415 - kept out of `--help`
    from stacsync.cli.session import opened  # noqa: PLC0415 - the same
    from stacsync.logs import redact  # noqa: PLC0415 - the same
    from stacsync.provider import CheckLine  # noqa: PLC0415 - the same

    with opened(config) as app:
        configured = ", ".join(app.parts.names()) or "none"
        lines = [CheckLine(subject="configuration", ok=True, message=f"valid; providers: {configured}"), *app.check()]
    ok = all(line.ok for line in lines if line.required)
    if json:
        emit(
            {"ok": ok, "lines": [{key: _told(value, redact) for key, value in asdict(line).items()} for line in lines]}
        )
    else:
        out = console()
        for line in lines:
            bad = safe("failed", "bold red") if line.required else safe("note  ", "yellow")
            mark = safe("ok    ", "green") if line.ok else bad
            remedy = f" ({line.remedy})" if line.remedy and not line.ok else ""
            out.print(mark + safe(f"  {redact(f'{line.subject}: {line.message}{remedy}')}"), soft_wrap=True)
    raise typer.Exit(code=int(not ok))


def _told(value: object, redact: Callable[[str], str]) -> object:
    return redact(value) if isinstance(value, str) else value
