"""What the service says of a request, without what must never be kept, logged or published. Pure.

A request carries the keys of its buckets (`delivery.s3`, `features.s3`), roles whose names hold account numbers, and the
ids of accounts and users. All of it goes at the door: nothing past this module ever sees it.
"""

from __future__ import annotations

import re
from typing import Any

from stacsync.logs import redact
from stacsync.providers.sentinelhub.locations import without_project

_STORES = frozenset({"s3", "gs", "gcs", "azure", "obs"})
_STORE_FIELDS = frozenset({"url", "region", "bucket"})
_DROPPED = re.compile(
    r"(?i).*(?:access.?key|secret|password|credential|token|rolearn|apikey|api_key|private).*"
    r"|(?:user|account|domain.?account|project|workspace|organi[sz]ation|owner|client)[_-]?id"
)
_ARN = re.compile(r"arn:aws[a-z-]*:[^\s\"']+")
_LARGEST = 2**63
_FREE_TEXT = frozenset({"evalscript"})
"""Programs: taken as they are, because `key=value` in a program is no credential."""


def cleaned(value: Any, name: str = "") -> Any:
    """Return JSON of the service without secrets, roles and the ids of accounts and users.

    What comes back can be written as JSON again: whole numbers beyond 64 bits become text.
    """
    if isinstance(value, dict):
        return {_plain(key): cleaned(inner, key) for key, inner in value.items() if _kept(name, key)}
    if isinstance(value, list):
        return [cleaned(inner, name) for inner in value]
    if isinstance(value, str):
        return _plain(value) if name in _FREE_TEXT else _ARN.sub("***", redact(without_project(_plain(value))))
    if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
        return str(value)
    return value


def _plain(words: str) -> str:
    """Return text that can be written as UTF-8."""
    return words.encode("utf-8", "replace").decode()


def _kept(parent: str, key: str) -> bool:
    if parent.lower() in _STORES:
        return key in _STORE_FIELDS
    return not _DROPPED.fullmatch(key)
