"""Which kinds of providers there are: modules of `stacsync.providers`, and the entry points of that name.

A kind is found by the name of its module (or entry point); nothing is imported before it is asked for.
"""

from __future__ import annotations

import os
import pkgutil
import re
from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from stacsync import providers
from stacsync.errors import ConfigError
from stacsync.logs import conceal, redact
from stacsync.provider import ProviderKind
from stacsync.settings import CommonProvider, Settings, load

GROUP = "stacsync.providers"
_PLAIN = re.compile(r"[a-z0-9_-]{1,32}")


def names() -> list[str]:
    """Return the names of all installed kinds, sorted, without importing any."""
    return sorted({*_modules(), *_plugins()})


def kinds() -> dict[str, ProviderKind]:
    """Return every installed kind by its name. Raises `ConfigError` when one cannot be used."""
    return {name: kind(name) for name in names()}


def kind(name: str) -> ProviderKind:
    """Return the kind of this name. Raises `ConfigError` when there is none, or when it cannot be used."""
    plugins = _plugins()
    if name in _modules():
        if name in plugins:
            raise ConfigError(
                f"the kind {name!r} is built in, and {_seller(plugins[name])} brings another one", "remove it"
            )
        return _checked(name, import_module(f"{providers.__name__}.{name}"), f"stacsync.providers.{name}")
    if name in plugins:
        return _checked(name, _loaded(name, plugins[name]), _seller(plugins[name]))
    shown = f" {name!r}" if _PLAIN.fullmatch(name) else ""  # anything else may be a secret in the wrong place
    raise ConfigError(f"unknown kind{shown}", _known(name))


def load_settings(path: Path | None = None, env: Mapping[str, str] | None = None) -> Settings:
    """Return the checked configuration for the installed kinds, and have the logs hide its secrets.

    `path` and `env` are what `stacsync.settings.load` takes; `env` defaults to the process's. Raises `ConfigError`.
    """
    settings = load(path, os.environ if env is None else env, lambda name: _model(kind(name)))
    conceal(settings.secrets())
    return settings


def _model(kind: ProviderKind) -> type[CommonProvider]:
    if not issubclass(kind.settings, CommonProvider):
        raise ConfigError(f"the settings of the kind {kind.name!r} do not extend stacsync.settings.CommonProvider")
    return kind.settings


def _known(name: str) -> str:
    close = get_close_matches(name, names(), n=1)
    return f"{f'did you mean {close[0]!r}? ' if close else ''}installed: {', '.join(names())}"


def _modules() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(providers.__path__) if not module.name.startswith("_")]


def _plugins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def _seller(point: EntryPoint) -> str:
    return f"the package {point.dist.name}" if point.dist else point.value


def _loaded(name: str, point: EntryPoint) -> object:
    try:
        return point.load()
    except Exception as error:  # a plugin's import may fail in any way; none is worth a traceback
        raise ConfigError(
            f"the kind {name!r} of {_seller(point)} cannot be imported: {type(error).__name__}: {redact(str(error))}",
            "update or remove it",
        ) from error


def _checked(name: str, found: object, where: str) -> ProviderKind:
    """Return the `ProviderKind` that a module exports as `KIND`, or that an entry point names itself."""
    kind = getattr(found, "KIND", None) if isinstance(found, ModuleType) else found
    if not isinstance(kind, ProviderKind):
        raise ConfigError(f"{where} exports no ProviderKind as KIND")
    if kind.name != name:
        raise ConfigError(f"{where} is registered as {name!r} but calls itself {kind.name!r}")
    return kind
