"""Links: the structural ones inside the catalog, and those that lead outside."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stacsync import layout
from stacsync.jobs import LinkRecord
from stacsync.stac.clean import holds_secret, public_href

JSON_TYPE = "application/json"
ITEM_TYPE = "application/geo+json"
STRUCTURAL = frozenset(
    {"self", "root", "parent", "collection", "child", "item", "items", "canonical", "monitor", "data"}
)
"""Relations that place a document in somebody's catalog or API: ours are our own."""
_TYPES = {"derived_from": ITEM_TYPE, "via": JSON_TYPE, "license": "text/html", "about": "text/html"}
_TITLES = {
    "derived_from": "Derived from",
    "via": "Source metadata",
    "license": "License",
    "about": "About",
    "cite-as": "Citation",
    "describedby": "Description",
}


def link(from_key: str, to_key: str, rel: str, title: str, media_type: str = JSON_TYPE) -> dict[str, str]:
    """Return the link by which the document at `from_key` names the document at `to_key`: relative, typed, titled."""
    return {"rel": rel, "href": layout.href(from_key, to_key), "type": media_type, "title": title}


def outside(links: Iterable[LinkRecord]) -> list[dict[str, Any]]:
    """Return the links that lead outside and may be published, each once, sorted by relation and address.

    Dropped are structural relations, addresses that are not http(s), and signed ones.
    """
    kept: dict[tuple[str, str], dict[str, Any]] = {}
    for record in links:
        href = public_href(record.href)
        if href is None or not record.rel or record.rel in STRUCTURAL:
            continue
        kept.setdefault((record.rel, href), _outside(record, href))
    return [kept[key] for key in sorted(kept)]


def _outside(record: LinkRecord, href: str) -> dict[str, Any]:
    title = record.title if record.title and not holds_secret(record.title) else None
    last = href.rstrip("/").rpartition("/")[2].partition("?")[0]
    word = _TITLES.get(record.rel, record.rel.rpartition("/")[2].replace("-", " ").replace("_", " ").capitalize())
    media_type = record.media_type or _TYPES.get(record.rel, "text/html")
    return {"rel": record.rel, "href": href, "type": media_type, "title": title or f"{word}: {last}"}
