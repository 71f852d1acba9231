"""What the mirror has to be told of earlier passes, and wants remembered for later ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from stacsync.ledger.assets import AssetRow, UploadRow


class Book(Protocol):
    """What is remembered of assets: `stacsync.ledger.Ledger.assets`."""

    def get_many(self, keys: Iterable[str]) -> dict[str, AssetRow]:
        """Return the rows of those keys that are known."""
        ...

    def record(self, *rows: AssetRow) -> None:
        """Remember objects of ours."""
        ...

    def of_job(self, provider: str, job: str) -> dict[str, AssetRow]:
        """Return the rows of a job by key."""
        ...


class Uploads(Protocol):
    """Where uploads under way are remembered: `stacsync.ledger.Ledger.uploads`, or `UploadNotes` in the store itself."""

    def get(self, key: str) -> UploadRow | None:
        """Return the upload under way to `key`."""
        ...

    def put(self, row: UploadRow) -> None:
        """Remember an upload."""
        ...

    def drop(self, key: str) -> None:
        """Forget an upload."""
        ...

    def all(self) -> list[UploadRow]:
        """Return every upload under way."""
        ...


class Notes(Protocol):
    """The part of `stacsync.ledger.Ledger` that the mirror needs."""

    @property
    def assets(self) -> Book:
        """Return what is known of assets."""
        ...

    @property
    def uploads(self) -> Uploads:
        """Return what is known of uploads under way."""
        ...
