"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Configuration file; default: STACSYNC_CONFIG, ./stacsync.toml, /etc/stacsync/stacsync.toml.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Write the result as one JSON object to stdout.")]
