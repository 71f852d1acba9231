"""Shell patterns, by which operators choose jobs and files."""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase

from stacsync.settings.values import Text

Globs = tuple[Text, ...]
"""Shell patterns (`*`, `?`, `[a-z]`); matched without regard to case."""


def matches(names: Collection[str], globs: Collection[str]) -> bool:
    """Return whether one of `names` matches one of `globs`, letters in either case."""
    return any(fnmatchcase(name.lower(), glob.lower()) for glob in globs for name in names)


def chosen(names: Collection[str], include: Collection[str], exclude: Collection[str]) -> bool:
    """Return whether what goes by `names` is wanted: it matches one of `include` (empty: all) and none of `exclude`."""
    return (not include or matches(names, include)) and not matches(names, exclude)
