"""An object that arrived: how it is marked, checked, and found again when no ledger tells of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from stacsync.errors import TransferFailed
from stacsync.mirror import sniff
from stacsync.storage import Storage, StoredObject

UNKNOWN_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Arrived:
    """An object that lies in the store, whole and verified."""

    size: int | None
    """Bytes; None for a folder, like `sha256`."""
    sha256: str | None
    media_type: str | None
    validator: str | None
    """What its source calls this version."""


def read_back(storage: Storage, key: str, check: Callable[[], None]) -> str:
    """Return the sha-256 of one of our own objects; `check` raises `Stopped` when there is no time to read on."""
    digest = hashlib.sha256()
    for chunk in storage.stream(key):
        check()
        digest.update(chunk)
    return digest.hexdigest()


def look(storage: Storage, key: str, size: int, name: str) -> str | None:
    """Return the media type of one of our own objects, by its bytes; none is asked for that it does not have."""

    def read(start: int, length: int) -> bytes:
        return storage.get_range(key, start, length) if length and start < size else b""

    return sniff.media_type(read(0, sniff.HEAD), name, read)


def check_stored(stored: StoredObject, size: int) -> None:
    """Compare what the store reports with what was sent. Raises `TransferFailed`."""
    if stored.size != size:
        raise TransferFailed(f"the store holds {stored.size} of {size} bytes after writing")


def recognised(storage: Storage, key: str, identity: str, name: str, check: Callable[[], None]) -> Arrived | None:
    """Return what lies at `key` if its own attributes say that it is the source `identity`, whole; else None.

    Asks the store once, and once more for its first bytes. An object that was put in parts carries no hash: it is read.
    """
    if not storage.capabilities.attributes:
        return None
    stored = storage.head(key)
    if stored is None or stored.attributes.get("identity") != identity:
        return None
    if stored.attributes.get("size", str(stored.size)) != str(stored.size):
        return None
    sha256 = stored.attributes.get("sha256") or read_back(storage, key, check)
    return Arrived(stored.size, sha256, look(storage, key, stored.size, name), None)
