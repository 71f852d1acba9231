"""Adopt: make a lost ledger anew from what is published."""

from __future__ import annotations

from stacsync.catalog.facts import Adopted, CatalogFacts
from stacsync.ledger import Ledger
from stacsync.storage import Storage


def adopt(storage: Storage, ledger: Ledger, facts: CatalogFacts) -> Adopted | None:
    """Fill an empty ledger from the catalog in `storage`."""
    return None
