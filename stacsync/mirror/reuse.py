"""Whether an asset is in the store already, and else which key it goes to. Pure.

A ledger row is believed: it was written after its object was verified, and `stacsync verify` is there for those who
delete objects behind our back. A row of another identity means that published documents may still name that object, so
the new bytes go beside it, under a key marked with their identity; the old object goes once nobody names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stacsync import layout
from stacsync.ledger.assets import AssetRow
from stacsync.mirror.order import Transfer


@dataclass(frozen=True, slots=True)
class Choice:
    """What to do with one asset."""

    key: str
    """Where it lies, or shall lie."""
    present: AssetRow | None = None
    """The row of the very same source: nothing to move."""
    earlier: AssetRow | None = None
    """What the wished key holds now: perhaps the same bytes under an older identity."""


def candidates(transfers: Iterable[Transfer]) -> set[str]:
    """Return every key at which one of the assets may lie already."""
    return {
        key for transfer in transfers for key in (transfer.key, layout.versioned(transfer.key, transfer.asset.identity))
    }


def choose(transfer: Transfer, rows: Mapping[str, AssetRow]) -> Choice:
    """Return what to do, from the rows at the `candidates`."""
    beside = layout.versioned(transfer.key, transfer.asset.identity)
    for key in (transfer.key, beside):
        row = rows.get(key)
        if row is not None and row.identity == transfer.asset.identity:
            return Choice(key, present=row)
    earlier = rows.get(transfer.key)
    return Choice(transfer.key) if earlier is None else Choice(beside, earlier=earlier)


def same_source(choice: Choice, provider: str, job: str) -> str | None:
    """Return the ETag to ask with whether the earlier object is still what the source holds; None: do not ask."""
    row = choice.earlier
    if row is None or (row.provider, row.job) != (provider, job) or row.size is None:
        return None
    etag = row.source_etag
    return etag if etag and etag.startswith('"') else None
