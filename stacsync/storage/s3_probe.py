"""What an S3 service really honours, found out by trying it on an object that is removed again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import S3Store

from stacsync.storage import faults
from stacsync.storage.contract import Capabilities
from stacsync.storage.keys import pack, unpack
from stacsync.storage.probe import probe_key

_STALE = "0" * 32
_ATTRIBUTES = {"probe": "1"}


@dataclass(frozen=True, slots=True)
class Honours:
    """The capabilities, and how this service wants an ETag in a condition."""

    capabilities: Capabilities
    quotes: str = '"'

    def quoted(self, etag: str) -> str:
        """Return an ETag as this service compares it."""
        return f"{self.quotes}{etag.strip(chr(34))}{self.quotes}"


def find_out(store: S3Store) -> Honours:
    """Try conditions and attributes. Raises obstore's errors when not even a plain object can be written."""
    key = probe_key()
    headers = {"Content-Type": "application/json", "stacsync": pack(_ATTRIBUTES) or ""}
    try:
        obstore.put(store, key, b"{}", attributes=headers, use_multipart=False)
        kept = unpack(obstore.get(store, key, options={"head": True}).attributes.get("stacsync")) == _ATTRIBUTES
        quotes = _quotes(store, key) if _refused(store, key, "create") else None
        return Honours(Capabilities(conditional=quotes is not None, attributes=kept), quotes or "")
    finally:
        with suppress(BaseError, OSError):
            obstore.delete(store, key)


def _refused(store: S3Store, key: str, condition: str) -> bool:
    """Return whether a write under a condition that does not hold is refused for that very reason."""
    mode: Any = "create" if condition == "create" else {"e_tag": condition}
    try:
        obstore.put(store, key, b"[]", mode=mode, use_multipart=False)
    except (AlreadyExistsError, PreconditionError):
        return True
    except (BaseError, OSError, NotImplementedError) as error:
        fault = faults.from_obstore(error)
        if fault.unsupported or fault.status == 400:
            return False
        raise
    return False


def _quotes(store: S3Store, key: str) -> str | None:
    """Return the quotes with which the right ETag is accepted and a stale one refused; None when neither way works."""
    for quotes in ('"', ""):
        etag = (obstore.head(store, key)["e_tag"] or "").strip('"')
        if (
            etag
            and not _refused(store, key, f"{quotes}{etag}{quotes}")
            and _refused(store, key, f"{quotes}{_STALE}{quotes}")
        ):
            return quotes
    return None
