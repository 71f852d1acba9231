"""Who moves the bytes of an asset: this process (`here`), or machines of a cluster. The mirror alone remembers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from stacsync.jobs import AssetRecord, Mirrored
from stacsync.ledger.assets import AssetRow
from stacsync.mirror.errand import Errand, Ticker
from stacsync.mirror.reuse import Choice


@dataclass(frozen=True, slots=True)
class Moved:
    """An asset that lies in the store, whole and verified."""

    row: AssetRow
    """What the ledger is to say of it."""
    bytes: int = 0
    """Read from its source."""
    reused: bool = False

    def mirrored(self) -> Mirrored:
        """Return what those who asked for the asset are told."""
        row = self.row
        return Mirrored(
            key=row.key,
            size=row.size,
            sha256=row.sha256,
            identity=row.identity,
            media_type=row.media_type,
            facts=row.facts,
            reused=self.reused,
            moved=self.bytes,
        )


class Hands(Protocol):
    """Moves assets, one per call; called from many threads."""

    def move(self, errand: Errand, asset: AssetRecord, choice: Choice, ticker: Ticker) -> Moved:
        """Make the asset lie at `choice.key`, or find it there.

        Raises `JobUnusable`, `StorageError`, `Unavailable` from signing, `ClusterLost` or `Stopped`.
        """
        ...
