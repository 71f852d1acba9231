"""Links: the structural ones inside the catalog, and those that lead outside."""

from __future__ import annotations

from stacsync import layout

JSON_TYPE = "application/json"
ITEM_TYPE = "application/geo+json"


def link(from_key: str, to_key: str, rel: str, title: str, media_type: str = JSON_TYPE) -> dict[str, str]:
    """Return the link by which the document at `from_key` names the document at `to_key`: relative, typed, titled."""
    return {"rel": rel, "href": layout.href(from_key, to_key), "type": media_type, "title": title}
