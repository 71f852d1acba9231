"""All commands in one application, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Annotated

import typer

from stacsync import __version__
from stacsync.cli import browse, catalog, check, daemon, health, login, providers, search, status, sync, verify
from stacsync.errors import ConfigError, StacsyncError

_NO_ROOM = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO})

app = typer.Typer(
    name="stacsync",
    help="Mirrors the results of finished Earth-observation jobs and publishes them as a static STAC catalog.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=True,
    pretty_exceptions_enable=False,  # they show local variables, and with them secrets
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (daemon, sync, check, status, verify, catalog, login, providers, search, browse, health):
    module.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"stacsync {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Mirrors the results of finished Earth-observation jobs and publishes them as a static STAC catalog."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; what goes wrong on purpose is one message on stderr, never a traceback."""
    _stand_by_streams()
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        _mute()
        return 1
    except OSError as error:
        _mute()
        _complain(StacsyncError(f"the answer cannot be written: {error.strerror}", "send it where there is room"))
        return 1
    return code


def _stand_by_streams() -> None:
    """Have all three streams open, and the two that are written to take every character."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):  # in the order of their numbers
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123  for as long as the process lives
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _run(arguments: Sequence[str] | None) -> int:
    try:
        app(args=None if arguments is None else list(arguments), prog_name="stacsync")
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else int(left.code is not None)
    except StacsyncError as error:
        _complain(error)
        if isinstance(error, ConfigError):
            return 2
        if "--json" in (sys.argv[1:] if arguments is None else arguments):
            _emit(error)
        return 1
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the last resort: a bug is told with its traceback, but without local variables
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            sys.stdout.write("\n")  # if stdout is what has no room, that fails again, and is no bug
            sys.stdout.flush()
        from stacsync.logs import get_logger  # noqa: PLC0415 - what is loaded here is for those who need it

        get_logger(__name__).exception("stacsync.unexpected_error")
        return 1
    return 0


def _complain(error: StacsyncError) -> None:
    from stacsync.cli.output import complain  # noqa: PLC0415 - rich is for those who have something to show

    complain(error)


def _emit(error: StacsyncError) -> None:
    """Write the result of a command that could not do its work: scripts that read JSON get some."""
    from stacsync.cli.output import emit  # noqa: PLC0415 - the same
    from stacsync.logs import redact  # noqa: PLC0415 - the same

    emit({"error": redact(error.message), "remedy": redact(error.remedy)})


def _mute() -> None:
    """Let nothing more go to stdout; else the interpreter complains as it flushes."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
