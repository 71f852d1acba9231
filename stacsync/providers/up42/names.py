"""Names for ids and keys out of foreign ones, and what is never repeated of a foreign document. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stacsync.jobs import identity

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_NAME_LIMIT = 100
_PRIVATE = frozenset(
    {
        "accountid",
        "accountids",
        "apikey",
        "createdby",
        "email",
        "ownerid",
        "projectapikey",
        "updatedby",
        "userid",
        "useremail",
        "username",
        "workspaceid",
    }
)
"""Fields that name people and accounts. A workspace counts: the default one has the id of its user."""


def slug(name: str) -> str:
    """Return `name` as letters, digits, dots, dashes and underscores; different names stay different."""
    clean = plain(name)
    if clean == name and len(clean) <= _NAME_LIMIT:
        return clean
    return f"{clean[:_NAME_LIMIT].rstrip('.-') or 'x'}-{identity(name)[:8]}"


def plain(name: str) -> str:
    """Return `name` with every run of other characters as one dash; different names may become equal."""
    return _UNSAFE.sub("-", name).strip(".-")


def is_private(field: str) -> bool:
    """Tell whether a field of this name (with or without an extension's prefix) names an account or a person."""
    return re.sub(r"[^a-z0-9]", "", field.rpartition(":")[2].lower()) in _PRIVATE


def without_private(value: Any) -> Any:
    """Return JSON `value` without the fields that name accounts or people, at any depth."""
    if isinstance(value, Mapping):
        return {key: without_private(inner) for key, inner in value.items() if not is_private(str(key))}
    if isinstance(value, list):
        return [without_private(inner) for inner in value]
    return value


def text(value: Any) -> str | None:
    """Return `value` when it is text with something in it, a number as text, else None."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() or None if isinstance(value, str) else None
