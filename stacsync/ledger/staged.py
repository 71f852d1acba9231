"""An Item on its way into the ledger, in the one shape in which Items are kept and compared."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson

from stacsync import layout

STRUCTURAL = frozenset({"root", "self", "parent", "collection", "child", "item"})
"""Link relations that depend on where a document stands: they are made when it is published, and not kept."""
UNDATED = "undated"


def pack(document: Mapping[str, Any]) -> bytes:
    """Return `document` as the ledger keeps it: compressed canonical JSON; equal documents give equal bytes."""
    return _packed(orjson.dumps(document, option=orjson.OPT_SORT_KEYS))


def _packed(text: bytes) -> bytes:
    return zlib.compress(text, 1)  # a tenth larger than by the default, in a third of the time


def unpack(body: bytes) -> dict[str, Any]:
    """Return the document that `pack` was called on."""
    document: dict[str, Any] = orjson.loads(zlib.decompress(body))
    return document


def place_free(document: Mapping[str, Any], collection: str) -> dict[str, Any]:
    """Return an Item without what depends on where it stands: structural links go, `collection` is the wished id."""
    links = [link for link in document.get("links", []) if link.get("rel") not in STRUCTURAL]
    return {**document, "collection": collection, "links": links}


def utc_text(stated: object) -> str:
    """Return an ISO time as UTC text that sorts (`2026-01-31T12:00:00.000000Z`); empty for what is no time."""
    if not isinstance(stated, str):
        return ""
    try:
        moment = datetime.fromisoformat(stated)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return ""
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def sort_time(properties: Mapping[str, Any]) -> str:
    """Return what an Item is sorted by: `datetime`, else `end_datetime`; empty when undated."""
    return utc_text(properties.get("datetime")) or utc_text(properties.get("end_datetime"))


def month_of(sort_at: str | None) -> str:
    """Return the month ("2025-06") that a sort time falls in, or "undated"."""
    return sort_at[:7] if sort_at else UNDATED


def spread_of(name: str) -> str:
    """Return hex digits that spread names evenly: they split a month that is too long for one document."""
    return layout.digest(name, 16)


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedItem:
    """One Item of a job, ready for `Items.stage`. Build it with `StagedItem.of`."""

    provider: str
    collection: str
    """The wished id of its Collection; the published one may differ."""
    item: str
    job: str
    key: str
    title: str
    sort_at: str
    month: str
    spread: str
    west: float | None
    south: float | None
    east: float | None
    north: float | None
    body: bytes
    """The Item without what depends on where it stands, packed."""
    digest: str
    """SHA-256 (hex) of the unpacked body: equal digests mean that the Item did not change."""

    def fields(self) -> dict[str, Any]:
        """Return the columns that this row fills."""
        return {name: getattr(self, name) for name in _FIELDS}

    @classmethod
    def of(cls, document: Mapping[str, Any], provider: str, collection: str, job: str, key: str) -> StagedItem:
        """Return the row of an Item document; its structural links may be there or not, they are made anew."""
        item = str(document["id"])
        kept = orjson.dumps(place_free(document, collection), option=orjson.OPT_SORT_KEYS)
        properties = document.get("properties", {})
        sort_at = sort_time(properties)
        box = [float(side) for side in document.get("bbox") or ()]
        half = len(box) // 2
        west, south, east, north = (box[0], box[1], box[half], box[half + 1]) if half >= 2 else (None,) * 4
        return cls(
            provider=provider,
            collection=collection,
            item=item,
            job=job,
            key=key,
            title=str(properties.get("title") or item),
            sort_at=sort_at,
            month=month_of(sort_at),
            spread=spread_of(item),
            west=west,
            south=south,
            east=east,
            north=north,
            body=_packed(kept),
            digest=sha256(kept).hexdigest(),
        )


_FIELDS = tuple(StagedItem.__dataclass_fields__)
