"""`stacsync search`: items of the published catalog."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from stacsync.cli.options import Config, Json
from stacsync.cli.words import bbox_of, interval_of

COLUMNS = ("id", "collection", "datetime", "bbox", "href")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(search)


def search(
    *,
    bbox: Annotated[
        str | None,
        typer.Option("--bbox", metavar="W,S,E,N", help="Degrees; W > E crosses the antimeridian.", show_default=False),
    ] = None,
    datetime: Annotated[
        str | None,
        typer.Option(
            "--datetime",
            metavar="A/B",
            help="Years, months, dates or times (UTC); `..` for an open end.",
            show_default=False,
        ),
    ] = None,
    collection: Annotated[
        list[str] | None,
        typer.Option("--collection", metavar="ID", help="Only this collection; may be repeated.", show_default=False),
    ] = None,
    filter: Annotated[  # noqa: A002 - the STAC API's own name
        str | None, typer.Option("--filter", metavar="CQL2", help="CQL2 text or JSON.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=10**9, help="At most so many items.")] = 100,
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Write the result as CSV to stdout.")] = False,
    config: Config = None,
) -> None:
    """Find items of the published catalog, newest first, by its index."""
    if json and csv:
        raise typer.BadParameter("--json and --csv exclude each other")
    box, interval = bbox_of(bbox), interval_of(datetime)
    from stacsync.cli.output import emit  # noqa: PLC0415 - kept out of `--help`
    from stacsync.cli.session import opened  # noqa: PLC0415 - the same

    with opened(config, writing=False) as app:
        found = app.search(bbox=box, datetime=interval, collections=collection or [], filter=filter, limit=limit)
    if json:
        emit(found)
    elif csv:
        _write_csv(found)
    else:
        _show(found)


def _row(item: dict[str, Any]) -> tuple[str, ...]:
    properties = item.get("properties", {})
    times = (properties.get("start_datetime"), properties.get("end_datetime"))
    when = properties.get("datetime") or "/".join(time or ".." for time in times)
    box = " ".join(f"{number:g}" for number in item.get("bbox") or ())
    own = next((link["href"] for link in item.get("links", ()) if link.get("rel") == "self"), "")
    return str(item.get("id", "")), str(item.get("collection", "")), when, box, own


def _write_csv(found: dict[str, Any]) -> None:
    import csv as tables  # noqa: PLC0415 - kept out of `--help`
    import sys  # noqa: PLC0415 - the same

    writer = tables.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(item) for item in found["features"])


def _show(found: dict[str, Any]) -> None:
    from stacsync.cli.output import console, table  # noqa: PLC0415 - kept out of `--help`

    out = console()
    rows = [_row(item) for item in found["features"]]
    if rows:
        out.print(table("", COLUMNS, rows))
    out.print(f"{len(rows)} item{'' if len(rows) == 1 else 's'}")
