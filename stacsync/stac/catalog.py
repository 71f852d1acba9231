"""Catalog documents: the root, a provider's, and the sub-catalogs of long lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

STAC_VERSION = "1.1.0"


def catalog_document(
    id: str,  # noqa: A002 - STAC's own word for it
    title: str,
    description: str,
    links: Sequence[Mapping[str, Any]],
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a STAC Catalog with ready-made `links`; `extra` are further top-level fields."""
    return {
        **(extra or {}),
        "type": "Catalog",
        "stac_version": STAC_VERSION,
        "id": id,
        "title": title,
        "description": description or title,
        "links": [dict(entry) for entry in links],
    }
