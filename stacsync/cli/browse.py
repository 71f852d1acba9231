"""`stacsync browse` and `stacsync demo`: look at a catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stacsync.cli.options import Config


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(browse)
    app.command()(demo)


def browse(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="DIR|URL", help="A folder that holds catalog.json, or the catalog's address.", show_default=False
        ),
    ] = None,
    *,
    config: Config = None,
) -> None:
    """Serve a folder catalog with CORS and ranges, and a page to look at it; default: the configured catalog."""
    where = target or _configured(config)
    if "://" not in where:
        where = _folder(where)
    if "://" not in where and not (Path(where) / "catalog.json").is_file():
        raise typer.BadParameter(f"{where} is no folder with a catalog.json in it")
    if "://" in where and not where.startswith(("http://", "https://")):
        raise typer.BadParameter(f"{where} cannot be browsed: a folder, or an http or https address, is expected")
    from stacsync.server import browse as page  # noqa: PLC0415 - kept out of `--help`

    page.serve(where)


def _folder(where: str) -> str:
    """Return `where`, or the folder in it that `stacsync demo` puts its catalog into."""
    inner = Path(where) / "catalog"
    own = (Path(where) / "catalog.json").is_file()
    return where if own or not (inner / "catalog.json").is_file() else str(inner)


def _configured(config: Path | None) -> str:
    """Return the folder of the configured storage, or the address that readers see it by."""
    if config is None and Path("catalog.json").is_file():
        return "."
    from urllib.parse import unquote, urlsplit  # noqa: PLC0415 - kept out of `--help`

    from stacsync.cli.session import settings_of  # noqa: PLC0415 - the same

    storage = settings_of(config).storage
    if storage.url.startswith("file:"):
        return unquote(urlsplit(storage.url).path)
    if storage.public_url is None:
        raise typer.BadParameter("name a folder or an address: the configured storage has no storage.public_url")
    return storage.public_url


def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the catalog goes.")] = Path("demo-catalog"),
    *,
    config: Config = None,
) -> None:
    """Show everything without an account or a network: local stand-ins of all providers fill a catalog in DIR."""
    if config is not None:
        from stacsync.cli.session import settings_of  # noqa: PLC0415 - kept out of `--help`

        settings_of(config)
    from stacsync import demo as stage  # noqa: PLC0415 - kept out of `--help`

    raise typer.Exit(code=stage.run(folder))
