"""Settings from the environment: `STACSYNC_<SECTION>__<KEY>`, laid over what the file says. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PREFIX = "STACSYNC_"
SEPARATOR = "__"

Path = tuple[str | int, ...]


def overrides(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that name settings, without line breaks at the end, as files of secrets leave them.

    Those without a section (`STACSYNC_CONFIG`) and empty ones name none.
    """
    return {
        name: value.rstrip("\r\n")
        for name, value in sorted(env.items())
        if name.startswith(PREFIX) and SEPARATOR in name.removeprefix(PREFIX).strip("_") and value.rstrip("\r\n")
    }


def variable(path: Path) -> str:
    """Return the name of the variable that sets the value at `path`."""
    return PREFIX + SEPARATOR.join(str(part).upper().replace("-", "_") for part in path)


def path_of(name: str) -> Path:
    """Return the path that a variable names; in a provider's name `_` stands for `-`."""
    parts: list[str | int] = [part.lower() for part in name.removeprefix(PREFIX).split(SEPARATOR)]
    if parts[0] == "providers" and len(parts) > 1:
        parts[1] = str(parts[1]).replace("_", "-")
    return tuple(parts)


def overlay(raw: Mapping[str, Any], env: Mapping[str, str]) -> tuple[dict[str, Any], dict[Path, str], list[str]]:
    """Return `raw` with the environment laid over it, which variable set which path, and what could not be placed."""
    merged = _copy(dict(raw))
    origins: dict[Path, str] = {}
    problems = []
    for name, value in overrides(env).items():
        try:
            origins[_place(merged, path_of(name), value)] = name
        except ValueError as error:
            problems.append(f"{name}: {error}")
    return merged, origins, problems


def _place(tree: dict[str, Any], path: Path, value: str) -> Path:
    """Put `value` where `path` says, making the tables on the way; return the path as the tree knows it."""
    node: Any = tree
    real: list[str | int] = []
    for depth, part in enumerate(path):
        if part == "":
            raise ValueError("one of its parts is empty: parts are joined by two underscores")
        last = depth == len(path) - 1
        key = _index(node, part) if isinstance(node, list) else part
        real.append(key)
        if last:
            _put(node, key, value)
        elif isinstance(node, dict) and key not in node:
            node[key] = [] if str(path[depth + 1]).isdigit() and real != ["providers"] else {}
        node = node[key]
        if not last and not isinstance(node, dict | list):
            raise ValueError(f"{'.'.join(str(step) for step in real)} is no table")
    return tuple(real)


def _index(node: list[Any], part: str | int) -> int:
    if not str(part).isdigit() or int(part) > len(node):
        raise ValueError(f"a number from 0 to {len(node)} is expected where {str(part).upper()} stands")
    if int(part) == len(node):
        node.append({})
    return int(part)


def _put(node: Any, part: str | int, value: str) -> None:
    """Set one value; a value and the file it is read from replace each other."""
    if isinstance(node, dict):
        twin = str(part).removesuffix("_file") if str(part).endswith("_file") else f"{part}_file"
        node.pop(twin, None)
    node[part] = value


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, list) else value
