"""Uploads under way, noted in the store itself: whoever can write the store can go on with them, without a ledger."""

from __future__ import annotations

from dataclasses import asdict

import orjson

from stacsync import layout
from stacsync.ledger.assets import UploadRow
from stacsync.storage import Storage


class UploadNotes:
    """`Uploads` as small objects of the store's state folder, one per key. Raises `StorageError`."""

    def __init__(self, storage: Storage) -> None:
        """Keep notes in `storage`."""
        self._storage = storage

    def get(self, key: str) -> UploadRow | None:
        """Return the upload under way to `key`."""
        return self._read(layout.upload_note(key))

    def put(self, row: UploadRow) -> None:
        """Note an upload before its first part is sent."""
        self._storage.put(layout.upload_note(row.key), orjson.dumps(asdict(row)), content_type="application/json")

    def drop(self, key: str) -> None:
        """Forget an upload that was completed or given up."""
        self._storage.delete([layout.upload_note(key)])

    def all(self) -> list[UploadRow]:
        """Return every upload under way."""
        notes = [self._read(note.key) for note in self._storage.list(layout.UPLOAD_NOTES)]
        return [row for row in notes if row is not None]

    def _read(self, note: str) -> UploadRow | None:
        """Return what a note says; one that is gone or says nothing is no upload."""
        try:
            return UploadRow(**orjson.loads(self._storage.get(note)))
        except (KeyError, TypeError, orjson.JSONDecodeError):
            return None
