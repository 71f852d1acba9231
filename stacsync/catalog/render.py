"""Documents from what the ledger knows. Pure: the same rows, the same bytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import orjson

from stacsync import layout, stac
from stacsync.catalog.facts import CatalogFacts
from stacsync.catalog.tree import branch_title, newest_first, path
from stacsync.catalog.write import Draft
from stacsync.ledger.heads import Head
from stacsync.ledger.items import LiveItem
from stacsync.ledger.lists import Entry

LAYOUT = "stacsync:layout"
"""Marks a root of ours, and says by which rules its documents lie."""
LAYOUT_VERSION = "1"
MIRROR, PARQUET = "collection-mirror", "application/vnd.apache.parquet"
"""Role and media type of a search index."""
_BROWSER = {
    "cardViewMode": "cards",
    "cardViewSort": None,
    "defaultThumbnailSize": [192, 256],
    "showThumbnailsAsAssets": True,
}
"""How STAC Browser shows the catalog: Items as they are listed, newest first."""
Link = dict[str, str]


def item(live: LiveItem, head: Head, root: Head) -> Draft:
    """Return an Item where it stands: below its Collection, whichever sub-catalog lists it too."""
    links = [
        stac.link(live.key, root.key, "root", root.title),
        stac.link(live.key, head.key, "parent", head.title),
        stac.link(live.key, head.key, "collection", head.title),
        *live.document["links"],
    ]
    return Draft.of(live.key, "item", {**live.document, "collection": head.name, "links": links})


def children(from_key: str, entries: Iterable[Entry], head: Head) -> list[Link]:
    """Return the links by which the document at `from_key` lists Items of a Collection, or Collections of a provider."""
    rel, kind = ("item", stac.ITEM_TYPE) if head.collection else ("child", stac.JSON_TYPE)
    return [stac.link(from_key, entry.key, rel, entry.title, kind) for entry in newest_first(entries)]


def branches(from_key: str, head: Head, paths: Iterable[tuple[str, str]]) -> list[Link]:
    """Return the links to sub-catalogs, named by (group, digits), in the order given."""
    return [
        stac.link(from_key, layout.branch_key(head.key, path(name, digits)), "child", branch_title(name, digits))
        for name, digits in paths
    ]


def branch(
    head: Head, root: Head, name: str, digits: str, above: tuple[str, str] | None, links: Sequence[Link]
) -> Draft:
    """Return a sub-catalog of a long list; `above` names the sub-catalog over it, None the top document."""
    key = layout.branch_key(head.key, path(name, digits))
    parent = head.key if above is None else layout.branch_key(head.key, path(*above))
    title = branch_title(name, digits)
    document = stac.catalog_document(
        id="-".join([head.name, name, *([digits] if digits else [])]),
        title=title,
        description=f"{title}: a part of {head.title}",
        links=[
            stac.link(key, root.key, "root", root.title),
            stac.link(key, parent, "parent", head.title if above is None else branch_title(*above)),
            *links,
        ],
    )
    return Draft.of(key, "catalog", document)


def provider(head: Head, root: Head, links: Sequence[Link]) -> Draft:
    """Return the Catalog of a provider."""
    document = stac.catalog_document(
        id=head.name,
        title=head.title,
        description=f"Results of finished jobs at {head.title}",
        links=[
            stac.link(head.key, root.key, "root", root.title),
            stac.link(head.key, root.key, "parent", root.title),
            *links,
        ],
        extra={"stacsync:provider": head.provider, "stacsync:kind": head.facts.get("kind", "unknown")},
    )
    return Draft.of(head.key, "catalog", document)


def top(facts: CatalogFacts, providers: Sequence[Head]) -> Draft:
    """Return the root."""
    own = []
    if facts.public_url:
        href = f"{facts.public_url.rstrip('/')}/{layout.ROOT}"
        own.append({"rel": "self", "href": href, "type": stac.JSON_TYPE, "title": facts.title})
    document = stac.catalog_document(
        id=facts.id,
        title=facts.title,
        description=facts.description,
        links=[
            *own,
            stac.link(layout.ROOT, layout.ROOT, "root", facts.title),
            *(stac.link(layout.ROOT, head.key, "child", head.title) for head in providers),
        ],
        extra={LAYOUT: LAYOUT_VERSION, "stac_browser": _BROWSER},
    )
    return Draft.of(layout.ROOT, "catalog", document)


def listing(document: Mapping[str, Any], key: str) -> bytes:
    """Return a Collection's entry in the list of all Collections, packed: hrefs from the root, its children left out."""

    def from_root(entry: Mapping[str, Any]) -> dict[str, Any]:
        href = str(entry["href"])
        return dict(entry) if urlsplit(href).scheme else {**entry, "href": layout.resolve(key, href)}

    body = {
        **document,
        "links": [from_root(link) for link in document["links"] if link["rel"] not in {"child", "item"}],
    }
    body["assets"] = {name: from_root(asset) for name, asset in _one_table(document.get("assets", {})).items()}
    return zlib.compress(orjson.dumps(body, option=orjson.OPT_SORT_KEYS), 6)


def _one_table(assets: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return assets with no other Parquet file than the search index: servers take any for the index, and one alone."""
    if not any(MIRROR in asset.get("roles", ()) for asset in assets.values()):
        return assets
    return {
        name: asset
        for name, asset in assets.items()
        if MIRROR in asset.get("roles", ()) or asset.get("type") != PARQUET
    }


def all_collections(entries: Iterable[bytes]) -> Iterable[bytes]:
    """Yield the list of all Collections piece by piece: a JSON array, one Collection a line."""
    before = b"[\n"
    for entry in entries:
        yield before + zlib.decompress(entry)
        before = b",\n"
    yield b"[]\n" if before == b"[\n" else b"\n]\n"
