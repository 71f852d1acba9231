"""Which edition of the catalog the store holds, and which ones this ledger knows.

A publication that writes anything names a new edition first, by chance: the name is noted in the ledger, then put into the
store. When all is written, the edition is named by what it holds. All that an edition holds was committed to the ledger
before it got its name. So a ledger that knows the name in the store knows everything that is published; one that does not
was restored from an older backup, or somebody else published meanwhile, and lists written from it would leave out what
came since. The same catalog has the same name, however it came about.
"""

from __future__ import annotations

from uuid import uuid4

from stacsync import layout
from stacsync.catalog.facts import Guard
from stacsync.ledger import Ledger
from stacsync.storage import Storage

_NOTE = "editions"
_CATALOG = ""
"""In the place of a provider's name, which is never empty."""


def published(storage: Storage) -> str | None:
    """Return the edition that the store holds; None when it names none."""
    try:
        return storage.get(layout.EDITION).decode("ascii", "replace").strip()
    except KeyError:
        return None


def known(ledger: Ledger, there: str | None) -> bool:
    """Whether this ledger knows all of the edition `there`."""
    return there in _known(ledger)


def settle(ledger: Ledger, there: str | None) -> None:
    """Note that the ledger knows all of the edition `there`, and no other."""
    if _known(ledger) != [there]:
        _note(ledger, [there])


def begin(storage: Storage, ledger: Ledger) -> None:
    """Name a new edition, before anything of it is written. Raises `StorageError`, `LedgerError`."""
    name = uuid4().hex
    _note(ledger, [*_known(ledger), name])
    _put(storage, name)


def end(storage: Storage, ledger: Ledger, guard: Guard) -> None:
    """Name the edition that is written by what it holds, unless it has that name. Raises as `begin` does."""
    found = _known(ledger)
    if len(found) == 1:
        return
    guard()
    name = ledger.documents.digest()
    _note(ledger, [*found, name])
    _put(storage, name)
    _note(ledger, [name])


def _known(ledger: Ledger) -> list[str | None]:
    note = ledger.memory(_CATALOG).get(_NOTE) or {}
    found: list[str | None] = note.get("known", [None])
    return found


def _note(ledger: Ledger, names: list[str | None]) -> None:
    ledger.memory(_CATALOG).put(_NOTE, {"known": names})


def _put(storage: Storage, name: str) -> None:
    storage.put(layout.EDITION, f"{name}\n".encode(), content_type="text/plain")
