"""How an Item is shown: its thumbnail, and the renders of its rasters, from what the files themselves said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stacsync import layout

Facts = Mapping[str, Mapping[str, Any]]
"""Facts of mirrored files by asset key."""
_ROLE = "thumbnail"


def with_thumbnail(assets: Mapping[str, Any], facts: Facts, document_key: str) -> dict[str, Any]:
    """Return assets with a picture that was made of one of them, unless one of them is a thumbnail already."""
    found = dict(assets)
    picture = next((facts[key]["picture"] for key in assets if "picture" in facts.get(key, {})), None)
    if picture is None or any(_ROLE in asset.get("roles", ()) for asset in assets.values()):
        return found
    name = next(name for name in (_ROLE, "picture", "stacsync-thumbnail") if name not in found)
    fields = {field: value for field, value in picture.items() if field != "key"}
    href = layout.href(document_key, str(picture["key"]))
    return {**found, name: {**fields, "href": href, "title": "Thumbnail", "roles": [_ROLE]}}


def with_renders(properties: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
    """Return properties with a render of each raster that needs one; those that the provider states stay alone."""
    found = {key: {"assets": [key], **known["render"]} for key, known in sorted(facts.items()) if "render" in known}
    if not found or "renders" in properties:
        return dict(properties)
    return {**properties, "renders": found}
