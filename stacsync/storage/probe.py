"""`stacsync check` for the storage: one small object is written, read and deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import uuid4

from stacsync.errors import StorageError
from stacsync.layout import STATE
from stacsync.provider import CheckLine
from stacsync.storage.contract import Storage

FOLDER = f"{STATE}/probe"
_ALTERED = "what comes back is not what was written"


def probe_key() -> str:
    """Return a key that nobody else probes with."""
    return f"{FOLDER}/{uuid4().hex}.json"


def check_lines(storage: Storage) -> Sequence[CheckLine]:
    """Try each right that a pass needs; a line for each, the first that fails ends the list."""
    return list(_lines(storage))


def _lines(storage: Storage) -> Iterator[CheckLine]:
    key, data = probe_key(), b'{"probe": true}\n'
    subject = f"storage {storage.url}"
    step = "write"
    try:
        storage.put(key, data, content_type="application/json")
        yield CheckLine(subject=subject, ok=True, message="an object can be written")
        step = "read"
        same = storage.get(key) == data
        listed = any(found.key == key for found in storage.list(FOLDER))
        told = f"it can be read and {'listed' if listed else 'later listed: listings lag behind'}" if same else _ALTERED
        yield CheckLine(subject=subject, ok=same, message=told, remedy="" if same else "use another store")
        step = "delete"
        storage.delete([key])
        gone = storage.head(key) is None
        yield CheckLine(
            subject=subject, ok=gone, message="it can be deleted" if gone else "it is still there after a delete"
        )
        step = "probe"
        yield CheckLine(subject=subject, ok=True, message=_facts(storage))
    except (StorageError, KeyError) as error:
        told, remedy = (
            (error.message, error.remedy)
            if isinstance(error, StorageError)
            else (f"cannot {step}: it is not there", "")
        )
        yield CheckLine(subject=subject, ok=False, message=told, remedy=remedy)


def _facts(storage: Storage) -> str:
    honours = storage.capabilities
    conditional = (
        "conditional writes are honoured"
        if honours.conditional
        else "conditional writes are not honoured: run one stacsync only"
    )
    return f"{conditional}; attributes are {'kept' if honours.attributes else 'not kept'}"
