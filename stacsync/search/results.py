"""What a search answers: the published Items themselves, with hrefs that work anywhere."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import orjson

from stacsync import layout
from stacsync.search.engine import Match, find
from stacsync.search.query import Query
from stacsync.storage import Storage

_TOGETHER = 16


def search(storage: Storage, query: Query, *, public_url: str | None) -> dict[str, Any]:
    """Return the newest matching Items as a GeoJSON FeatureCollection.

    They are the published documents, with absolute hrefs (below `public_url`, else the store's own address) and a
    `self` link. Raises `ConfigError` for what cannot be searched for, `StorageError`.
    """
    base = (public_url or storage.url).rstrip("/")
    found = find(storage, query).matches
    with ThreadPoolExecutor(_TOGETHER, thread_name_prefix="read") as pool:
        documents = pool.map(lambda match: _document(storage, match, base), found)
        features = [document for document in documents if document is not None]
    return {"type": "FeatureCollection", "features": features, "numberReturned": len(features)}


def _document(storage: Storage, match: Match, base: str) -> dict[str, Any] | None:
    """Return a published Item; None when it was taken out meanwhile."""
    key = posixpath.join(posixpath.dirname(match.parquet), match.item, f"{match.item}.json")
    try:
        document = orjson.loads(storage.get(key))
    except KeyError:
        return None
    return absolute(document, key, base)


def absolute(document: Mapping[str, Any], key: str, base: str) -> dict[str, Any]:
    """Return the document at `key` with absolute hrefs below `base`, and a `self` link."""

    def moved(entry: Mapping[str, Any]) -> dict[str, Any]:
        href = str(entry.get("href", ""))
        if not href or urlsplit(href).scheme or href.startswith("/"):
            return dict(entry)
        folder = "/" if href.endswith("/") else ""
        return {**entry, "href": f"{base}/{layout.resolve(key, href)}{folder}"}

    own = {"rel": "self", "href": f"{base}/{key}", "type": "application/geo+json"}
    return {
        **document,
        "links": [own, *(moved(link) for link in document["links"])],
        "assets": {name: moved(asset) for name, asset in document["assets"].items()},
    }
