"""Links of a result document that are worth keeping in a public catalog. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stacsync.jobs import LinkRecord
from stacsync.providers.openeo import links
from stacsync.providers.openeo.assets import text

DROPPED = frozenset(
    {"self", "canonical", "item", "items", "collection", "parent", "root", "child", "next", "prev", "first", "last"}
    | {"monitor", "result", "results", "card4l-document"}
)
"""The back-end's own tree, and boilerplate that says nothing of the data."""


def kept(document: Mapping[str, Any], requested: str) -> tuple[LinkRecord, ...]:
    """Return the links that lead to public, lasting addresses outside the back-end, each once."""
    found: dict[tuple[str, str], LinkRecord] = {}
    for link in links.links_of(document):
        rel, href = link.get("rel"), str(link["href"]).strip()
        if not isinstance(rel, str) or rel in DROPPED or not _lasting(href, requested):
            continue
        record = LinkRecord(rel=rel, href=href, media_type=text(link.get("type")), title=text(link.get("title")))
        found.setdefault((rel, href), record)
    return tuple(found.values())


def unresolved(document: Mapping[str, Any]) -> list[str]:
    """Return what the results were derived from where that is no web address: product ids and paths, each once."""
    hrefs = (str(link["href"]).strip() for link in links.links_of(document, "derived_from"))
    return list(dict.fromkeys(href for href in hrefs if not links.is_web(href)))


def _lasting(href: str, requested: str) -> bool:
    own = links.host_of(href) == links.host_of(requested)
    return links.is_web(href) and not links.is_signed(href) and not own and "@" not in links.host_of(href)
