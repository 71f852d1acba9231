"""The catalog: publish what the ledger holds, in the safe order; adopt, rebuild, retire; audit what is published."""

from __future__ import annotations

from stacsync.catalog.facts import (
    Adopted,
    Advice,
    CatalogFacts,
    DocumentCounts,
    Finding,
    Guard,
    Index,
    IndexAsset,
    ProviderFacts,
    Report,
    unguarded,
)
from stacsync.catalog.publish import Publisher
from stacsync.catalog.tree import LIST_LIMIT

__all__ = [
    "LIST_LIMIT",
    "Adopted",
    "Advice",
    "CatalogFacts",
    "DocumentCounts",
    "Finding",
    "Guard",
    "Index",
    "IndexAsset",
    "ProviderFacts",
    "Publisher",
    "Report",
    "unguarded",
]
