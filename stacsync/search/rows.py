"""An Item as a row of an index: its members and properties side by side, hrefs that need no Item to be read. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stacsync import layout
from stacsync.search import wkb
from stacsync.search.columns import RESERVED

_ELSEWHERE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|/")
"""How an href begins that does not depend on where it stands."""


@dataclass(frozen=True, slots=True)
class Place:
    """The Collection that rows are of."""

    name: str
    """Its published id."""
    key: str
    """Where its document lies."""
    provider: str
    public_url: str | None

    @property
    def parquet(self) -> str:
        """Where its index lies."""
        return posixpath.join(posixpath.dirname(self.key), "items.parquet")

    def href(self, key: str) -> str:
        """Return how a row names an object: absolute where readers' address is known, else from the index's own folder."""
        return f"{self.public_url.rstrip('/')}/{key}" if self.public_url else layout.href(self.parquet, key)


def row(document: Mapping[str, Any], key: str, place: Place, *, by_role: bool) -> dict[str, Any]:
    """Return the row of an Item (without structural links) that lies at `key`; `by_role`: assets are named by role."""
    properties = document.get("properties") or {}
    assets = {name: _moved(asset, key, place) for name, asset in (document.get("assets") or {}).items()}
    return {
        **{name: value for name, value in properties.items() if name.casefold() not in RESERVED},
        "type": "Feature",
        "stac_version": document.get("stac_version"),
        "stac_extensions": document.get("stac_extensions") or [],
        "id": document["id"],
        "collection": place.name,
        "geometry": wkb.encode(document.get("geometry")),
        "bbox": _box(document.get("bbox")),
        "links": [*_structure(key, place), *(_moved(link, key, place) for link in document.get("links") or [])],
        "assets": named_by_role(assets) if by_role else assets,
    }


def named_by_role(assets: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return assets under their first role (`data`, `data_2`, …, by key), with the key they had as title where there is none."""
    found: dict[str, dict[str, Any]] = {}
    for key in sorted(assets):
        roles = assets[key].get("roles")
        role = str(roles[0]) if isinstance(roles, list) and roles else "asset"
        name, number = role, 1
        while name in found:
            number += 1
            name = f"{role}_{number}"
        found[name] = {**assets[key], "title": assets[key].get("title") or key}
    return found


def _moved(entry: Mapping[str, Any], key: str, place: Place) -> dict[str, Any]:
    href = entry.get("href")
    if not isinstance(href, str) or not href or _ELSEWHERE.match(href):
        return dict(entry)
    folder = "/" if href.endswith("/") else ""
    return {**entry, "href": place.href(layout.resolve(key, href)) + folder}


def _structure(key: str, place: Place) -> list[dict[str, Any]]:
    """Return the links to where an Item stands, without titles: those change more often than Items do."""
    json = "application/json"
    links = [
        ("root", layout.ROOT, json),
        ("parent", place.key, json),
        ("collection", place.key, json),
        *([("self", key, "application/geo+json")] if place.public_url else []),
    ]
    return [{"rel": rel, "href": place.href(target), "type": kind} for rel, target, kind in links]


def _box(bbox: Any) -> dict[str, float] | None:
    if not isinstance(bbox, list) or len(bbox) not in (4, 6):
        return None
    half = len(bbox) // 2
    return {"xmin": bbox[0], "ymin": bbox[1], "xmax": bbox[half], "ymax": bbox[half + 1]}
