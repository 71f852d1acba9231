"""What may be a key, and how attributes travel. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

from stacsync.errors import StorageError
from stacsync.layout import KEY_LIMIT, STATE

ATTRIBUTES_LIMIT = 1500
"""Bytes; S3 takes 2 KB of user metadata, ext4 a little under 4 KB of extended attributes."""


def checked(key: str) -> str:
    """Return `key` if it is one. Raises `StorageError` otherwise: nothing that leaves the root, nothing stores disagree on."""
    if problem := _problem(key):
        raise StorageError(f"{key!r} cannot be the key of an object: {problem}", "names come from stacsync.layout")
    return key


def valid(key: str) -> bool:
    """Return whether `key` can be one of ours."""
    return not _problem(key)


def _problem(key: str) -> str:
    if not key:
        return "it is empty"
    if any(part in {"", ".", ".."} for part in key.split("/")):
        return "it has an empty or dot segment"
    if "\\" in key or not key.isprintable():
        return "it has a backslash or a character that cannot be printed"
    if len(key.encode("utf-8", "surrogatepass")) > KEY_LIMIT:
        return f"it is longer than {KEY_LIMIT} bytes"
    return ""


def folder(prefix: str) -> str:
    """Return `prefix` as a folder with its slash ("" for the root), checked like a key."""
    bare = prefix.removesuffix("/")
    return f"{checked(bare)}/" if bare else ""


def hidden(key: str, prefix: str) -> bool:
    """Return whether a listing of the folder `prefix` leaves `key` out: our own state, unless it is asked for."""
    return key.startswith(f"{STATE}/") and not prefix.startswith(STATE)


def pack(attributes: Mapping[str, str] | None) -> str | None:
    """Return attributes as one line of ASCII JSON, None when there are none. Raises `StorageError` when they are too many."""
    if not attributes:
        return None
    text = json.dumps(dict(attributes), sort_keys=True, separators=(",", ":"))
    if len(text) > ATTRIBUTES_LIMIT:
        raise StorageError(f"attributes of {len(text)} bytes are more than an object can carry ({ATTRIBUTES_LIMIT})")
    return text


def unpack(text: str | bytes | None) -> dict[str, str]:
    """Return the attributes in `text`; none when it is not ours."""
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return {str(name): str(content) for name, content in value.items()} if isinstance(value, dict) else {}
