"""The folder of a demonstration: its configuration, and who may write there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stacsync.errors import ConfigError

MARK = "# Made by `stacsync demo`, and made anew each time it runs."
CONFIG, CATALOG, LEDGER = "stacsync.toml", "catalog", "ledger.db"
_REMEDY = "name a folder that does not exist yet, or one that an earlier `stacsync demo` made"
_HEAD = """\
# The providers are stand-ins that run only as long as the demonstration: `sync` alone finds nobody, while
# `verify`, `status`, `search` and `rebuild` work. The secrets open nothing but the stand-ins.
"""


def prepare(folder: Path) -> bool:
    """Make the folder ready; return whether a demonstration ran there before.

    Raises `ConfigError` when it holds something else, or cannot be written.
    """
    try:
        if folder.is_dir() and any(folder.iterdir()):
            if not _ours(folder):
                raise ConfigError(f"{folder} holds something that no demonstration made; it is left alone", _REMEDY)
            return True
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be used: {error.strerror}", _REMEDY) from error
    return False


def _ours(folder: Path) -> bool:
    config = folder / CONFIG
    return config.is_file() and config.read_text(encoding="utf-8", errors="replace").startswith(MARK)


def write_config(folder: Path, providers: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write the configuration of the demonstration and return its path. Raises `ConfigError`."""
    tables: dict[str, Mapping[str, Any]] = {
        "catalog": {
            "id": "stacsync-demo",
            "title": "stacsync demo",
            "description": "Results of finished jobs of four providers, mirrored and published by stacsync. All of it is made up.",
            "license": "CC-BY-4.0",
            "providers": [{"name": "stacsync demo", "roles": ["host"]}],
        },
        "storage": {"url": (folder / CATALOG).as_uri()},
        "ledger": {"url": f"sqlite:///{folder / LEDGER}"},
        "log": {"level": "error"},
        **{f"providers.{name}": table for name, table in providers.items()},
    }
    lines = [MARK, _HEAD]
    for name, table in tables.items():
        lines += [f"[{name}]", *(f"{key} = {_value(value)}" for key, value in table.items()), ""]
    path = folder / CONFIG
    try:
        path.write_text("\n".join(lines), encoding="utf-8")
        path.chmod(0o600)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}", _REMEDY) from error
    return path


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_value(inner) for inner in value) + "]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)
