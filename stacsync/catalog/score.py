"""The publication score: how well a catalog reads for people and tools, beyond being sound. Advice, never a finding.

Each check weighs how much readers miss what it looks for; the score is the weighted share of documents that pass, of those
to which the check applies. Memory holds a few examples per check, however large the catalog.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from stacsync.catalog.facts import Advice
from stacsync.stac.bounds import is_world

EXAMPLES = 3
MOST_LINKS = 900
_RASTERS = ("image/tiff", "image/jp2", "image/vnd.stac.geotiff")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_EVERY = frozenset({"Catalog", "Collection", "Feature"})
_ITEM = frozenset({"Feature"})
_COLLECTION = frozenset({"Collection"})
_WITH_ASSETS = frozenset({"Collection", "Feature"})
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Check:
    kinds: frozenset[str]
    weight: int
    problem: str
    remedy: str
    lacks: Callable[[Document], bool | None]
    """Whether a document lacks what is looked for; None: it need not have it."""


def _links(document: Document) -> list[Document]:
    links = document.get("links")
    return [link for link in links if isinstance(link, Mapping)] if isinstance(links, list) else []


def _assets(document: Document) -> list[Document]:
    assets = document.get("assets")
    return [asset for asset in assets.values() if isinstance(asset, Mapping)] if isinstance(assets, Mapping) else []


def _is(asset: Document, *types: str) -> bool:
    return str(asset.get("type") or "").startswith(types)


def _pictured(document: Document) -> bool:
    return any("thumbnail" in (asset.get("roles") or ()) for asset in _assets(document))


def _untitled(document: Document) -> bool:
    return any(not link.get("title") for link in _links(document))


def _no_thumbnail(document: Document) -> bool | None:
    return not _pictured(document) if any(_is(asset, *_RASTERS) for asset in _assets(document)) else None


def _no_preview(document: Document) -> bool | None:
    return None if _world(document) else not _pictured(document)


def _any_asset_without(name: str) -> Callable[[Document], bool | None]:
    def lacks(document: Document) -> bool | None:
        assets = _assets(document)
        return any(not asset.get(name) for asset in assets) if assets else None

    return lacks


def _unmeasured(document: Document) -> bool | None:
    own = [asset for asset in _assets(document) if "stacsync:source" in asset]
    single = [asset for asset in own if not str(asset.get("href", "")).endswith((".zarr", "/"))]
    return any("file:checksum" not in asset or "file:size" not in asset for asset in single) if single else None


def _black(document: Document) -> bool | None:
    """Whether a browser would draw a float raster black."""
    floats = [asset for asset in _assets(document) if _is(asset, "image/tiff") and _floating(asset)]
    return any(not _bands(asset) for asset in floats) if floats else None


def _floating(asset: Document) -> bool:
    bands = [band for band in asset.get("bands") or () if isinstance(band, Mapping)]
    kinds = {str(one.get("data_type", "")) for one in (asset, *bands)}
    return len(bands) <= 1 and any(kind.startswith("float") for kind in kinds)


def _bands(asset: Document) -> bool:
    bands = [band for band in asset.get("bands") or () if isinstance(band, Mapping)]
    return any("statistics" in one for one in (asset, *bands))


def _world(document: Document) -> bool:
    try:
        return is_world(document["extent"]["spatial"]["bbox"][0])
    except (KeyError, IndexError, TypeError):
        return True


def _timeless(document: Document) -> bool:
    try:
        return bool(document["extent"]["temporal"]["interval"][0] == [None, None])
    except (KeyError, IndexError, TypeError):
        return True


def _unlicensed(document: Document) -> bool:
    return not any(link.get("rel") == "license" for link in _links(document))


def _undescribed(document: Document) -> bool:
    return str(document.get("description") or "").strip() in {"", str(document.get("title") or "").strip()}


def _undated_title(document: Document) -> bool | None:
    properties = document.get("properties")
    properties = properties if isinstance(properties, Mapping) else {}
    return not _DAY.match(str(properties.get("title") or ""))


def _odd_sources(document: Document) -> bool | None:
    hrefs = [str(link.get("href") or "") for link in _links(document) if link.get("rel") == "derived_from"]
    return any(not _followable(href) for href in hrefs) if hrefs else None


def _followable(href: str) -> bool:
    parts = urlsplit(href)
    return bool(parts.scheme in {"http", "https"} and parts.netloc) or (not parts.scheme and bool(parts.path))


_FORCE = "run `stacsync sync --force`"
_EXTRA = "pip install 'stacsync[raster]', keep raster.pictures = true, then run `stacsync sync --force`"
_SOURCE = "the provider states none"
CHECKS: tuple[_Check, ...] = (
    _Check(_EVERY, 5, "links without a title", "run `stacsync rebuild`", _untitled),
    _Check(
        _EVERY, 5, f"more than {MOST_LINKS} links", "run `stacsync rebuild`", lambda one: len(_links(one)) > MOST_LINKS
    ),
    _Check(_ITEM, 10, "no thumbnail", f"{_EXTRA}; very large rasters without overviews get none", _no_thumbnail),
    _Check(_ITEM, 10, "a float raster without statistics, which browsers draw black", _EXTRA, _black),
    _Check(
        _ITEM,
        3,
        "a title that does not begin with a date",
        f"{_FORCE}; Items of an unknown time have none",
        _undated_title,
    ),
    _Check(
        _ITEM, 3, "a derived_from link that nobody can follow", f"{_FORCE}; tell the provider if it stays", _odd_sources
    ),
    _Check(_WITH_ASSETS, 4, "assets without roles", _FORCE, _any_asset_without("roles")),
    _Check(
        _WITH_ASSETS,
        6,
        "assets without a media type",
        f"{_FORCE}; {_SOURCE} and the bytes do not tell",
        _any_asset_without("type"),
    ),
    _Check(_WITH_ASSETS, 4, "assets without a title", _FORCE, _any_asset_without("title")),
    _Check(_WITH_ASSETS, 6, "mirrored files without size or checksum", _FORCE, _unmeasured),
    _Check(
        _COLLECTION,
        5,
        "no organisations",
        "name yours under [[catalog.providers]]",
        lambda one: not one.get("providers"),
    ),
    _Check(
        _COLLECTION,
        2,
        "no keywords",
        f"{_SOURCE}; name them where the job is defined",
        lambda one: not one.get("keywords"),
    ),
    _Check(
        _COLLECTION,
        5,
        "no license link",
        "set catalog.license, or the provider's license, to an SPDX identifier such as CC-BY-4.0",
        _unlicensed,
    ),
    _Check(
        _COLLECTION, 3, "no description of its own", f"{_SOURCE}; describe the job where it is defined", _undescribed
    ),
    _Check(_COLLECTION, 5, "no picture", _EXTRA, _no_preview),
    _Check(_COLLECTION, 6, "the whole world as its extent", f"{_SOURCE}, and no Item knows where it lies", _world),
    _Check(_COLLECTION, 6, "no time at all", f"{_SOURCE}, and no Item knows its time", _timeless),
)


@dataclass(slots=True)
class Score:
    """Counts what documents lack."""

    asked: dict[int, int] = field(default_factory=dict)
    lacking: dict[int, int] = field(default_factory=dict)
    examples: dict[int, list[str]] = field(default_factory=dict)

    def add(self, key: str, document: Document) -> None:
        """Look at one document."""
        for number, check in enumerate(CHECKS):
            if document.get("type") not in check.kinds:
                continue
            lacks = check.lacks(document)
            if lacks is None:
                continue
            self.asked[number] = self.asked.get(number, 0) + 1
            if lacks:
                self.lacking[number] = self.lacking.get(number, 0) + 1
                examples = self.examples.setdefault(number, [])
                if len(examples) < EXAMPLES:
                    examples.append(key)

    def value(self) -> int:
        """Return the score: 100 when nothing is lacking, 0 when everything is, and where there is no document at all."""
        weights = sum(CHECKS[number].weight for number in self.asked)
        lost = sum(
            CHECKS[number].weight * missing / self.asked[number] for number, missing in self.lacking.items() if missing
        )
        return int(100 * (1 - lost / weights)) if weights else 0

    def advice(self) -> Iterator[Advice]:
        """Yield what to do, what readers miss most first."""
        order = sorted(
            self.lacking, key=lambda number: -CHECKS[number].weight * self.lacking[number] / self.asked[number]
        )
        for number in order:
            check = CHECKS[number]
            yield Advice(
                check.problem, check.remedy, self.lacking[number], self.asked[number], tuple(self.examples[number])
            )
