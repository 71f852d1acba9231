"""Which edition of the catalog the store holds, and which one this ledger knows.

A publication that writes anything names a new edition first: the name is noted in the ledger as the next one, put into
the store, then noted as the current one. All that an edition holds was committed to the ledger before it got its name. So
a ledger that knows the name in the store knows everything that is published; one that does not was restored from an older
backup, or somebody else published meanwhile, and lists written from it would leave out what came since.
"""

from __future__ import annotations

from uuid import uuid4

import orjson

from stacsync import layout, stac
from stacsync.ledger import Ledger
from stacsync.storage import Storage

_NOTE = "edition"
_CATALOG = ""
"""In the place of a provider's name, which is never empty."""


def published(storage: Storage) -> str | None:
    """Return the edition that the store holds; None when it names none, "" when its name cannot be read."""
    try:
        told = orjson.loads(storage.get(layout.EDITION))
    except KeyError:
        return None
    except orjson.JSONDecodeError:
        return ""
    name = told.get(_NOTE) if isinstance(told, dict) else None
    return name if isinstance(name, str) else ""


def known(ledger: Ledger, there: str | None) -> bool:
    """Whether this ledger knows all of the edition `there`; one whose publication broke off is then noted as current."""
    note = ledger.memory(_CATALOG).get(_NOTE) or {}
    if there not in {note.get("now"), note.get("next", note.get("now"))}:
        return False
    if "next" in note:
        settle(ledger, there)
    return True


def settle(ledger: Ledger, there: str | None) -> None:
    """Note that the ledger knows all of the edition `there`."""
    memory = ledger.memory(_CATALOG)
    if memory.get(_NOTE) != {"now": there}:
        memory.put(_NOTE, {"now": there})


def begin(storage: Storage, ledger: Ledger) -> None:
    """Name a new edition, before anything of it is written. Raises `StorageError`, `LedgerError`."""
    memory = ledger.memory(_CATALOG)
    name = uuid4().hex
    memory.put(_NOTE, {**(memory.get(_NOTE) or {"now": None}), "next": name})
    storage.put(layout.EDITION, orjson.dumps({_NOTE: name}), content_type=stac.JSON_TYPE)
    memory.put(_NOTE, {"now": name})
