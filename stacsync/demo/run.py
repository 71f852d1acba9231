"""The demonstration itself: stand-ins, one real pass, an audit, and how to look at what came of it."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from stacsync.cli.output import amount, console, safe, table
from stacsync.cli.progress import watching
from stacsync.demo import stage

_COLUMNS = ("provider", "finished jobs", "published", "unchanged", "waiting", "failed")


def run(folder: Path) -> int:
    """Fill a catalog in `folder`; return 0 when all went well, else 1. Raises `ConfigError` for a folder of somebody else."""
    out, folder = console(), Path(folder).expanduser().absolute()
    again = stage.prepare(folder)
    out.print("Starting openEO, Sentinel Hub, UP42 and Pixxel as stand-ins on this machine …")
    from stacsync.demo.cast import stand_ins  # noqa: PLC0415 - takes a while, and the first line should not wait for it

    with _on_this_machine(), stand_ins() as providers:
        config = stage.write_config(folder, providers)
        result, audit = _pass(config)
    _tell(out, result, audit, providers, again=again)
    _show_the_way(out, folder, config)
    return int(_failed(result) or not audit["ok"])


def _pass(config: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    from stacsync import logs  # noqa: PLC0415 - the same
    from stacsync.app import App, Parts  # noqa: PLC0415 - the same
    from stacsync.registry import load_settings  # noqa: PLC0415 - the same

    settings = load_settings(config, {})  # nothing of the environment: it may name a real store
    logs.configure(settings.log.level, settings.log.format)
    with watching() as observer:
        app = App(Parts(settings, observer=observer))
        try:
            return app.sync([], []), app.verify()
        finally:
            app.parts.stop.set()
            app.close()


@contextmanager
def _on_this_machine() -> Iterator[None]:
    """Keep requests to the loopback interface away from a configured proxy."""
    before = {name: os.environ.get(name) for name in ("NO_PROXY", "no_proxy")}
    for name, value in before.items():
        os.environ[name] = f"{value},127.0.0.1" if value else "127.0.0.1"
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _failed(result: Mapping[str, Any]) -> bool:
    passes = result["providers"].values()
    return bool(result["errors"]) or any(one["failed"] or one["error"] for one in passes)


def _tell(
    out: Console,
    result: Mapping[str, Any],
    audit: Mapping[str, Any],
    providers: Mapping[str, Mapping[str, Any]],
    *,
    again: bool,
) -> None:
    names = ("seen", "published", "unchanged", "waiting", "failed")
    rows = [(providers[name]["title"], *(one[key] for key in names)) for name, one in result["providers"].items()]
    out.print(table("", _COLUMNS, rows, numbers=_COLUMNS[1:]))
    documents, assets, seconds = result["documents"], result["assets"], result["seconds"]
    if again and not documents["written"] and not assets["transferred"]:
        out.print(f"Nothing changed: no document was written and no file fetched ({seconds:.1f} s).")
    else:
        out.print(
            f"{documents['written']} documents written, {assets['transferred']} files mirrored "
            f"({amount(assets['bytes'])}), in {seconds:.1f} s."
        )
    for error in result["errors"]:
        out.print(safe(f"failed: {error['provider']} {error['job']}: {error['message']}", "red"), soft_wrap=True)
    checked = audit["checked"]
    verdict = "sound" if audit["ok"] else f"{len(audit['findings'])} findings"
    out.print(f"Audit (stacsync verify): {checked['documents']} documents and {checked['assets']} files, {verdict}.")


def _show_the_way(out: Console, folder: Path, config: Path) -> None:
    shown, stacsync = shlex.quote(str(config)), _command()
    lines = (
        ("The catalog:", str(folder / stage.CATALOG / "catalog.json")),
        ("Look at it:", f"{stacsync} browse {shlex.quote(str(folder / stage.CATALOG))}"),
        ("Search it:", f"{stacsync} search --config {shown} --bbox 2,50,6,52"),
        ("What happened:", f"{stacsync} status --config {shown}"),
        ("Once more:", f"{stacsync} demo {shlex.quote(str(folder))}"),
    )
    out.print()
    for name, text in lines:
        out.print(safe(f"{name:<15}", "bold") + safe(text), soft_wrap=True)


def _command() -> str:
    """Return how to call the command: by its name where the shell finds it, else as this process was called."""
    if shutil.which("stacsync"):
        return "stacsync"
    called = Path(sys.argv[0])
    return shlex.quote(str(called)) if called.name == "stacsync" else f"{shlex.quote(sys.executable)} -m stacsync"
