"""How results and complaints look: tables and colours on a terminal, plain text elsewhere, JSON where asked for."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stacsync.errors import ConfigError, StacsyncError
from stacsync.logs import redact

PLAIN_WIDTH = 1_000
"""Columns where nobody looks at a terminal, so that tables in files and pipes are not cut."""
_BREAK = re.compile(r"[\r\n\u2028\u2029]+")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def console(*, errors: bool = False) -> Console:
    """Return a console on stdout, or on stderr. Colours on a terminal only, and not under `NO_COLOR`."""
    stream = sys.stderr if errors else sys.stdout
    width = None if stream.isatty() else PLAIN_WIDTH
    return Console(stderr=errors, width=width, highlight=False, markup=False, emoji=False)


def emit(result: Any) -> None:
    """Write one JSON object and a newline to stdout: UTF-8, whatever the terminal speaks."""
    sys.stdout.flush()
    sys.stdout.buffer.write(orjson.dumps(result, default=str) + b"\n")
    sys.stdout.flush()


def safe(value: object, style: str = "", *, lines: bool = False) -> Text:
    """Return foreign text so that it can neither paint on the terminal nor start markup, nor, without `lines`, a line."""
    text = "" if value is None else str(value)
    return Text(_CONTROL.sub("�", text if lines else _BREAK.sub(" ", text)), style=style)


def complain(error: StacsyncError) -> None:
    """Say on stderr what is wrong and the way out. A configuration's mistakes are a line each, and our own words."""
    out = console(errors=True)
    message = safe(redact(error.message), lines=isinstance(error, ConfigError))
    out.print(Text("error: ", style="bold red") + message, soft_wrap=True)
    if error.remedy:
        out.print(Text("       ") + safe(redact(error.remedy), style="dim"), soft_wrap=True)


def table(
    title: str, columns: Iterable[str], rows: Iterable[Iterable[object]], *, numbers: Iterable[str] = ()
) -> Table:
    """Return a table; a cell may be a `Text`, anything else is shown as safe plain text."""
    right = set(numbers)
    made = Table(title=title or None, box=SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else safe(cell) for cell in row))
    return made


def moment(text: str | None, now: datetime | None = None) -> str:
    """Return an ISO time as "2026-01-31 12:00Z, 5 min ago", or a dash when there is none."""
    if not text:
        return "–"
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return text
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    seconds = (when - (now or datetime.now(UTC))).total_seconds()
    return f"{when:%Y-%m-%d %H:%M}Z, {_span(abs(seconds))} {'ago' if seconds < 0 else 'ahead'}"


def _span(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def amount(number: int) -> str:
    """Return a number of bytes for people: "3.2 GiB"."""
    size = float(number)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
