"""Where pictures hang: in the store, beside their rasters, and in the ledger as assets of their job."""

from __future__ import annotations

from dataclasses import dataclass

from stacsync.ledger import AssetRow, Ledger
from stacsync.raster import Hung
from stacsync.storage import ASSET_CACHE, Storage


@dataclass(frozen=True, slots=True)
class LedgerWall:
    """Keeps pictures in `storage` and remembers them in `ledger`."""

    storage: Storage
    ledger: Ledger

    def find(self, key: str) -> Hung | None:
        """Return what the ledger knows to lie at `key`."""
        row = self.ledger.assets.get_many([key]).get(key)
        if row is None:
            return None
        return Hung(
            key=key,
            identity=row.identity,
            size=row.size or 0,
            sha256=row.sha256 or "",
            media_type=row.media_type or "",
        )

    def hang(self, owner: tuple[str, str], hung: Hung, data: bytes) -> None:
        """Put a picture of (provider, job) into the store, then remember it. Raises `StorageError`, `LedgerError`."""
        self.storage.put(hung.key, data, content_type=hung.media_type, cache_control=ASSET_CACHE)
        provider, job = owner
        row = AssetRow(
            key=hung.key,
            provider=provider,
            job=job,
            identity=hung.identity,
            size=hung.size,
            sha256=hung.sha256,
            media_type=hung.media_type,
        )
        self.ledger.assets.record(row)
