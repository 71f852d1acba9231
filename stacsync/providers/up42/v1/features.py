"""`data.json` in every shape that blocks write it -> features with a name, a path and a footprint. Pure.

A block writes one feature per output file, or one per scene; it may give an id, hide it in the properties, give the same
id to each band's file, or none at all. Features that share name and geometry are one scene with several files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import orjson

from stacsync.errors import JobUnusable
from stacsync.http.response import shallow
from stacsync.jobs import JSON, BBox, identity
from stacsync.providers.up42.names import slug, text
from stacsync.providers.up42.v1.footprint import bounds, geometry

PATH_KEYS = ("up42.data_path", "up42.data.aoiclipped", "up42.data.scene.netcdf")
"""Where a feature names its file: today's key, then the older ones that name a capability."""
NO_PATH = "feature that names no file"
UNSAFE_PATH = "feature whose path leads out of the results"
NO_FEATURE = "entry that is no feature"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One thing that was seen: one item to be, with one path or more into the results."""

    name: str
    """Unique within its `data.json` and safe in an id."""
    ids: frozenset[str]
    """Everything that a quicklook may call it."""
    geometry: JSON | None
    bbox: BBox | None
    paths: tuple[str, ...]
    """Clean relative paths of files or folders, each once."""
    properties: JSON
    """The first feature's, together with what it says beside them."""
    per_path: Mapping[str, JSON] = field(default_factory=dict)
    """The properties of the feature that named a path."""


def parse(data: bytes) -> Any:
    """Return the JSON in `data`. Raises `JobUnusable` when it is none."""
    with suppress(orjson.JSONDecodeError):
        document = orjson.loads(data)
        if shallow(document):
            return document
    raise JobUnusable("data.json holds no valid JSON", "look at the job's archive at UP42")


def scenes(document: Any, left_out: Counter[str]) -> tuple[Scene, ...]:
    """Return the scenes of a `data.json`; what cannot become one is counted by reason in `left_out`.

    An empty answer means that the document holds no feature with a usable path. Raises `JobUnusable` when the document is
    no FeatureCollection at all.
    """
    groups: dict[str, list[tuple[JSON, str]]] = {}
    for feature in _features(document, left_out):
        path = _path(feature)
        if path is None:
            left_out[NO_PATH] += 1
        elif (clean := clean_path(path)) is None:
            left_out[UNSAFE_PATH] += 1
        else:
            groups.setdefault(_group(feature, clean), []).append((feature, clean))
    taken: set[str] = set()
    return tuple(_scene(members, taken) for members in groups.values())


def clean_path(path: str) -> str | None:
    """Return `path` without empty and `.` segments, None when it is absolute, leads upwards or names nothing."""
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if path.startswith("/") or "\\" in path or "\0" in path or ".." in parts or not parts:
        return None
    return None if parts[0].startswith("~") or ":" in parts[0] else "/".join(parts)


def _features(document: Any, left_out: Counter[str]) -> Iterator[JSON]:
    if not isinstance(document, dict) or not isinstance(document.get("features"), list):
        raise JobUnusable("data.json is no FeatureCollection", "look at the job's archive at UP42")
    for entry in _flat(document["features"]):
        if isinstance(entry, dict):
            yield entry
        else:
            left_out[NO_FEATURE] += 1


def _flat(entries: Sequence[Any]) -> Iterator[Any]:
    """Yield entries, those of lists inside the list too: some blocks nest them."""
    for entry in entries:
        if isinstance(entry, list):
            yield from entry
        else:
            yield entry


def _properties(feature: JSON) -> JSON:
    given = feature.get("properties")
    return given if isinstance(given, dict) else {}


def _path(feature: JSON) -> str | None:
    properties = _properties(feature)
    return next((found for key in PATH_KEYS if (found := text(properties.get(key)))), None)


def _ids(feature: JSON) -> list[str]:
    properties = _properties(feature)
    given = (feature.get("id"), properties.get("id"), properties.get("uid"))
    return [found for value in given if (found := text(value))]


def _name(feature: JSON, path: str) -> str:
    """Return what to call a feature: its id wherever it is, else its file's name, else a hash of all of it."""
    named = next(iter(_ids(feature)), None) or PurePosixPath(path).stem
    return named if slug(named).strip("-._") else identity(orjson.dumps(feature, option=orjson.OPT_SORT_KEYS))[:12]


def _group(feature: JSON, path: str) -> str:
    shape = orjson.dumps(feature.get("geometry"), option=orjson.OPT_SORT_KEYS).decode()
    return f"{_name(feature, path)}\x1f{shape}"


def _scene(members: list[tuple[JSON, str]], taken: set[str]) -> Scene:
    first, path = members[0]
    shape = geometry(first.get("geometry"))
    named: dict[str, JSON] = {}
    for feature, member_path in members:
        named.setdefault(member_path, _described(feature))
    return Scene(
        name=_unique(slug(_name(first, path)), taken),
        ids=frozenset(one for feature, _ in members for one in _ids(feature)),
        geometry=shape,
        bbox=bounds(shape) if shape else None,
        paths=tuple(named),
        properties=_described(first),
        per_path=named,
    )


def _described(feature: JSON) -> JSON:
    """Return a feature's properties without its paths, and with what some blocks write beside them."""
    beside = {key: feature[key] for key in ("filename",) if key in feature}
    return {key: value for key, value in {**beside, **_properties(feature)}.items() if key not in PATH_KEYS}


def _unique(name: str, taken: set[str]) -> str:
    candidate, number = name, 1
    while candidate.lower() in taken:
        number += 1
        candidate = f"{name}-{number}"
    taken.add(candidate.lower())
    return candidate
