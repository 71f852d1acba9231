"""The files of a package as assets: what each is for, and which name belongs to it. Pure."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from stacsync.jobs import AssetRecord, Member, MemberFact, identity
from stacsync.providers.pixxel import repair
from stacsync.providers.pixxel.tasks import Output
from stacsync.providers.pixxel.words import text

PICTURE = re.compile(r"thumb|preview|quicklook|rgb", re.IGNORECASE)
FOOTPRINT = re.compile(r"foot_?print|bounding_?box|bbox|boundary", re.IGNORECASE)
_PICTURES = frozenset({"image/png", "image/jpeg", "image/webp"})
_DOCUMENTS = (".xml", ".hdr", ".json", ".txt", ".md", ".pdf", ".html")
GEOJSON = "application/geo+json"


def is_footprint(path: str) -> bool:
    """Return whether a file's name says that it draws the outline of the others."""
    return bool(FOOTPRINT.search(posixpath.basename(path)))


def is_data(fact: MemberFact) -> bool:
    """Return whether a file is a result, and not a picture or a description of one."""
    return "data" in roles(fact)


def is_raster(fact: MemberFact) -> bool:
    """Return whether a file may tell by itself where it lies."""
    return (fact.media_type or "").startswith("image/tiff")


def roles(fact: MemberFact) -> tuple[str, ...]:
    """Return what a file is for, by its bytes' type and its name."""
    name = posixpath.basename(fact.path)
    kind = (fact.media_type or "").partition(";")[0]
    if kind in _PICTURES and PICTURE.search(name):
        return ("thumbnail",)
    if kind == "image/jpeg":
        return ("overview",)
    if is_footprint(name):
        return ("metadata",)
    if name.lower().endswith(_DOCUMENTS) and kind != GEOJSON:
        return ("metadata",)
    return ("data",)


def asset(
    package: str, source: str, fact: MemberFact, key: str, stated: Mapping[str, Any] | None = None
) -> AssetRecord:
    """Return a file as an asset; `stated` is what a STAC document says of it, `source` the package's identity."""
    told = stated or {}
    named = told.get("roles")
    listed = tuple(role for role in named if text(role)) if isinstance(named, list) else ()
    return AssetRecord(
        key=key,
        source=Member(package=package, path=fact.path),
        filename=fact.path,
        identity=identity(source, fact.path),
        media_type=text(told.get("type")) or fact.media_type,
        title=text(told.get("title")) or posixpath.basename(fact.path),
        description=text(told.get("description")),
        roles=listed or roles(fact),
        size=fact.size,
        extra=repair.asset_fields(told),
    )


def named_by_tasks(facts: Iterable[MemberFact], outputs: Mapping[str, Output]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return an asset key and what is told of it, by path: `<task>-<output>` where a task names it, else the path."""
    listed = list(facts)
    told = {fact.path: outputs.get(posixpath.basename(fact.path)) for fact in listed}
    keys = Counter(_key(output) for output in told.values() if output is not None)
    taken = {fact.path for fact in listed}
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for path, output in told.items():
        unique = output is not None and keys[_key(output)] == 1 and _key(output) not in taken
        found[path] = (_key(output) if output is not None and unique else path, _told(output))
    return found


def beside(document: Mapping[str, Any], path: str, facts: Sequence[MemberFact]) -> dict[str, MemberFact]:
    """Return the files that the assets of a STAC document at `path` mean, by asset key.

    An href is a path beside the document; one that leads elsewhere (a signed address) means the only file of its name.
    """
    by_path = {fact.path: fact for fact in facts}
    names = Counter(posixpath.basename(fact.path) for fact in facts)
    by_name = {name: fact for fact in facts if names[name := posixpath.basename(fact.path)] == 1}
    found: dict[str, MemberFact] = {}
    for key, stated in repair.assets(document).items():
        target = _target(stated.get("href"))
        near = posixpath.normpath(posixpath.join(posixpath.dirname(path), target)) if target else ""
        fact = by_path.get(near) or by_name.get(posixpath.basename(target))
        if fact is not None and fact not in found.values():
            found[key] = fact
    return found


def _target(href: object) -> str:
    try:
        return unquote(urlsplit(href).path) if isinstance(href, str) else ""
    except ValueError:
        return ""


def _key(output: Output) -> str:
    return f"{output.task}-{output.name}"


def _told(output: Output | None) -> dict[str, Any]:
    if output is None:
        return {}
    bands = {"bands": [{"name": band} for band in output.bands]} if output.bands else {}
    return {"title": output.name, "description": output.description, **bands}
