"""The configuration: a TOML file, overridden by the environment, checked as a whole before anything starts.

`stacsync.registry.load_settings` reads it with the installed kinds; `load` is the same with the kinds handed in.
Paths in it are relative to the working folder.
"""

from __future__ import annotations

from stacsync.settings.globs import Globs
from stacsync.settings.loading import Settings, find, load
from stacsync.settings.providers import CommonProvider
from stacsync.settings.sections import (
    Catalog,
    Ledger,
    Log,
    Mirror,
    Organisation,
    Raster,
    Schedule,
    Section,
    Server,
    Storage,
    Target,
)
from stacsync.settings.values import Cron, Duration, HostPort, Interval, Key, Since, Size, Text, Url

__all__ = [
    "Catalog",
    "CommonProvider",
    "Cron",
    "Duration",
    "Globs",
    "HostPort",
    "Interval",
    "Key",
    "Ledger",
    "Log",
    "Mirror",
    "Organisation",
    "Raster",
    "Schedule",
    "Section",
    "Server",
    "Settings",
    "Since",
    "Size",
    "Storage",
    "Target",
    "Text",
    "Url",
    "find",
    "load",
]
