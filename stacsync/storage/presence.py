"""Which objects are there, asked for one by one: the listings of some stores lag behind what was written and deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from stacsync import layout
from stacsync.storage.contract import Storage, StoredObject

_AT_ONCE = 16


def sizes(storage: Storage, keys: Iterable[str], check: Callable[[], None] = lambda: None) -> Mapping[str, int]:
    """Return the sizes in bytes of those objects that are there, by key; `check` may raise `Stopped`.

    Raises `StorageError`.
    """

    def look(key: str) -> StoredObject | None:
        check()
        return storage.head(key)

    wanted = sorted(set(keys))
    if not wanted:
        return {}
    with ThreadPoolExecutor(min(_AT_ONCE, len(wanted)), thread_name_prefix="presence") as pool:
        found = zip(wanted, pool.map(look, wanted), strict=True)
        return {key: stored.size for key, stored in found if stored is not None}


def folders(storage: Storage, keys: Iterable[str]) -> frozenset[str]:
    """Return those folders that are there: something in them is listed, or a Zarr store's metadata is. Raises `StorageError`."""
    wanted = list(keys)
    listed = {key for key in wanted if any(storage.list(key))}
    metadata = sizes(storage, (f"{key}/{name}" for key in wanted if key not in listed for name in layout.ZARR_METADATA))
    return frozenset(listed | {key.rpartition("/")[0] for key in metadata})
