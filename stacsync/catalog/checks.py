"""What a published document must be, one document at a time. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stacsync import layout, stac
from stacsync.catalog.audit_book import Asset
from stacsync.catalog.facts import Finding
from stacsync.catalog.reader import Found, inside
from stacsync.stac.clean import leaks

MOST_LINKS = 1000
REBUILD = "run `stacsync rebuild`"
_STRUCTURAL = ("root", "parent", "collection", "child", "item")
_UP = ("root", "parent", "collection")
_PROBLEMS = 3


def title_of(document: dict[str, Any]) -> str | None:
    """Return the title that links to `document` must have."""
    properties = document.get("properties") if document.get("type") == "Feature" else document
    title = properties.get("title") if isinstance(properties, dict) else None
    return title if isinstance(title, str) else None


def document_findings(found: Found) -> Iterator[Finding]:
    """Yield what is wrong with a document by itself."""
    document = found.document
    for problem in stac.validate(document)[:_PROBLEMS]:
        yield Finding(found.key, f"is not valid STAC: {problem}", REBUILD)
    if document.get("stac_version") != stac.STAC_VERSION:
        yield Finding(found.key, f"is of STAC version {document.get('stac_version')!r}", REBUILD)
    for place in list(leaks(document))[:_PROBLEMS]:
        yield Finding(found.key, f"holds what may be a secret or a personal id at {place}", REBUILD)
    yield from _link_findings(found)


def _link_findings(found: Found) -> Iterator[Finding]:
    links = found.document.get("links")
    links = [link for link in links if isinstance(link, dict)] if isinstance(links, list) else []
    if len(links) > MOST_LINKS:
        yield Finding(found.key, f"has {len(links)} links, more than {MOST_LINKS}", REBUILD)
    for link in links:
        for problem in _link_problems(found.key, link):
            yield Finding(found.key, f"its {link.get('rel')} link to {link.get('href')} {problem}", REBUILD)
    rels = [link.get("rel") for link in links]
    needed = _UP if found.document.get("type") == "Feature" else _UP[:2]
    for rel in needed if found.key != layout.ROOT else _UP[:1]:
        if rels.count(rel) != 1:
            yield Finding(found.key, f"has {rels.count(rel)} {rel} links instead of one", REBUILD)


def _link_problems(key: str, link: dict[str, Any]) -> Iterator[str]:
    rel, href = link.get("rel"), str(link.get("href", ""))
    if rel == "self" and key != layout.ROOT:
        yield "is a self link, which only the root may have"
    if rel not in _STRUCTURAL:
        return
    if inside(key, href) is None:
        yield "leads out of the catalog"
    for name in ("type", "title"):
        if not link.get(name):
            yield f"has no {name}"


def asset_rows(found: Found) -> Iterator[Asset | Finding]:
    """Yield the files in the store that a document names, and what is wrong with how it does."""
    properties = found.document.get("properties")
    job = (properties if isinstance(properties, dict) else found.document).get("stacsync:job_id")
    for name, asset in found.assets().items():
        href = str(asset.get("href", ""))
        key = inside(found.key, href)
        if key is None:
            continue
        size, checksum = asset.get("file:size"), str(asset.get("file:checksum") or "")
        if (size is None) != (not checksum):
            yield Finding(found.key, f"asset {name} has only one of file:size and file:checksum", REBUILD)
        sha256 = checksum[4:] if checksum.startswith("1220") else None
        yield Asset(key.rstrip("/"), size if isinstance(size, int) else None, sha256, found.key, name, job)
