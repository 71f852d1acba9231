"""Items and Collections as a STAC API takes them: every href absolute, no link that places them in our catalog. Pure.

An API answers from its own address, where an href that is relative to a file of ours means nothing. And it makes the
structural links itself. What remains of ours is the `canonical` link to the published document.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from stacsync import layout, stac

FORMAT = "1"
"""Raised when documents are made in another way, so that all of them are sent again."""
_STRUCTURAL = frozenset({"root", "self", "parent", "collection", "child", "item", "items", "canonical"})


class Shape:
    """How documents are made for targets, given where the store's objects can be read."""

    def __init__(self, storage_url: str, public_url: str | None) -> None:
        """Make hrefs below `public_url`, or below the store's own address (`s3://…`, `file://…`) without one."""
        self.base = (public_url or storage_url).rstrip("/")
        self.public = public_url is not None

    @property
    def mark(self) -> str:
        """A digest that differs when the same Item would be sent as another document."""
        return layout.digest(f"{FORMAT}|{self.base}|{self.public}", 64)

    def item(self, document: Mapping[str, Any], key: str, collection: str) -> dict[str, Any]:
        """Return the Item that lies at `key` as a member of the Collection `collection`."""
        made = self._absolute(document, key)
        made["links"] = [*self._canonical(key, stac.ITEM_TYPE, _title(document)), *self._links(document, key)]
        return made | {"collection": collection}

    def collection(self, document: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Return the Collection that lies at `key`; its hrefs are relative to the root of the catalog."""
        made = self._absolute(document, layout.ROOT)
        title = str(document.get("title") or document["id"])
        made["links"] = [*self._canonical(key, stac.JSON_TYPE, title), *self._links(document, layout.ROOT)]
        return made

    def href(self, href: str, key: str) -> str:
        """Return an href of the document at `key` as an absolute one."""
        if urlsplit(href).scheme or href.startswith("//"):
            return href
        folder = "/" if href.endswith("/") else ""
        return f"{self.base}/{layout.resolve(key, href.rstrip('/'))}{folder}"

    def _absolute(self, document: Mapping[str, Any], key: str) -> dict[str, Any]:
        made = dict(document)
        if "assets" in made:
            made["assets"] = {name: self._asset(asset, key) for name, asset in made["assets"].items()}
        return made

    def _asset(self, asset: Mapping[str, Any], key: str) -> dict[str, Any]:
        made = {**asset, "href": self.href(str(asset["href"]), key)}
        if isinstance(others := asset.get("alternate"), dict):
            made["alternate"] = {
                name: {**one, "href": self.href(str(one["href"]), key)} for name, one in others.items()
            }
        return made

    def _links(self, document: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
        return [
            {**link, "href": self.href(str(link["href"]), key)}
            for link in document.get("links", ())
            if link.get("rel") not in _STRUCTURAL
        ]

    def _canonical(self, key: str, media_type: str, title: str) -> list[dict[str, str]]:
        if not self.public:
            return []
        return [{"rel": "canonical", "href": f"{self.base}/{key}", "type": media_type, "title": title}]


def _title(document: Mapping[str, Any]) -> str:
    return str(document.get("properties", {}).get("title") or document["id"])
