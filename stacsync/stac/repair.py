"""The last look at a document that is made of foreign fields: what STAC's core schema refuses is dropped."""

from __future__ import annotations

from typing import Any

from stacsync.stac.validate import core_errors

_KEPT = frozenset({"type", "id", "stac_version", "geometry", "bbox", "links", "collection", "extent"})
_ROUNDS = 4


def fitted(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document without the optional fields that its core schema refuses: one odd value costs only itself."""
    for _ in range(_ROUNDS):
        paths = {path for error in core_errors(document) if (path := _field(error)) is not None}
        if not paths:
            break
        for path in paths:
            _drop(document, path)
    return document


def _field(error: list[str | int]) -> tuple[str | int, ...] | None:
    """Return the field that an error is about, if it is one that a document can do without; an asset without its href is none."""
    if not error or error[0] in _KEPT:
        return None
    if error[0] == "assets" and (len(error) == 2 or error[2:3] == ["href"]):
        return tuple(error[:2])
    depth = {"properties": 2, "assets": 3, "item_assets": 3, "summaries": 2}.get(str(error[0]), 1)
    if len(error) < depth or (error[0] == "properties" and error[1] == "datetime"):
        return None
    return tuple(error[:depth])


def _drop(document: dict[str, Any], path: tuple[str | int, ...]) -> None:
    holder: Any = document
    for part in path[:-1]:
        holder = holder.get(part, {})
    holder.pop(path[-1], None)
