"""Which indexes are published, as `collections.json` tells; which of them a query can have anything in. Pure but for one read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

import orjson

from stacsync import layout
from stacsync.errors import ConfigError, StorageError
from stacsync.search.query import Query, ranges
from stacsync.storage import Storage

_ROLE = "collection-mirror"
_ROUNDING = 1e-6
"""Degrees by which an extent may be off: it is not made of the very numbers of its Items."""
_ALWAYS = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Published:
    """The index of one Collection."""

    collection: str
    key: str
    size: int | None
    bbox: tuple[float, ...]
    first: datetime
    last: datetime


def published(storage: Storage) -> list[Published]:
    """Return every published index. Raises `StorageError` when nothing is published."""
    try:
        listed = orjson.loads(storage.get(layout.COLLECTIONS))
    except KeyError:
        raise StorageError(
            f"{storage.url} holds no {layout.COLLECTIONS}", "publish a catalog: `stacsync sync`"
        ) from None
    except orjson.JSONDecodeError:
        raise StorageError(f"{layout.COLLECTIONS} in {storage.url} is no JSON", "run `stacsync rebuild`") from None
    return [found for one in listed if (found := _published(one)) is not None]


def _published(collection: dict[str, Any]) -> Published | None:
    for asset in collection.get("assets", {}).values():
        if _ROLE in asset.get("roles", ()):
            extent = collection["extent"]
            first, last = extent["temporal"]["interval"][0]
            return Published(
                collection["id"],
                asset["href"],
                asset.get("file:size"),
                tuple(extent["spatial"]["bbox"][0]),
                datetime.fromisoformat(first) if first else _ALWAYS[0],
                datetime.fromisoformat(last) if last else _ALWAYS[1],
            )
    return None


def chosen(indexes: Iterable[Published], query: Query) -> list[Published]:
    """Return the indexes that can hold what is wanted, newest first. Raises `ConfigError` for unknown Collections."""
    indexes = list(indexes)
    names = {one.collection for one in indexes}
    for wanted in query.collections:
        if wanted not in names:
            near = get_close_matches(wanted, sorted(names), n=3, cutoff=0.5) or sorted(names)[:5]
            raise ConfigError(f"no collection {wanted!r} is published", f"published: {', '.join(near) or 'none'}")
    kept = [
        one for one in indexes if (not query.collections or one.collection in query.collections) and _near(one, query)
    ]
    return sorted(kept, key=lambda one: (-one.last.timestamp() if one.last.year > 1 else 0, one.collection))


def _near(one: Published, query: Query) -> bool:
    first, last = query.interval()
    if (first is not None and one.last < first) or (last is not None and one.first > last):
        return False
    if query.bbox is None:
        return True
    half = len(one.bbox) // 2
    west, south, east, north = one.bbox[0], one.bbox[1], one.bbox[half], one.bbox[half + 1]
    if south > query.bbox[3] + _ROUNDING or north < query.bbox[1] - _ROUNDING:
        return False
    return any(
        a <= d + _ROUNDING and c <= b + _ROUNDING
        for a, b in ranges((west, south, east, north))
        for c, d in ranges(query.bbox)
    )
