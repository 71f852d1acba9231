"""Leaks and nonsense: what must never be published, and what JSON cannot hold.

A signed address, a token, an account or a user must not get into a public document, whatever field a service hides it in.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from stacsync.stac.numbers import no_data
from stacsync.stac.times import normalised

_SECRET_KEY = re.compile(
    r"account|password|passwd|secret|^signature$|credential|apikey|accesskey|authorization|sessiontoken|"
    r"(?:^|access|refresh|bearer|auth|sas|security|id)token$|^(?:owner|user|customer|tenant)(?:id|name|email|mail)$"
    r"|^(?:user|owner|username|email)$|userid|createdby"
)
_SIGNED_PARAMETER = re.compile(
    r"^(?:x-amz-.*|x-goog-.*|x-proxy-.*|awsaccesskeyid|googleaccessid|signature|sig|policy|key-pair-id|expires|"
    r"(?:access_|id_|auth_|sas_|refresh_)?token|jwt|api[-_]?key|key|apikey|auth|authorization|credential|password|secret|"
    r"client_secret|se|sp|skoid|sktid|ske|sks|spr|x-ms-.*|user|user_?id|account|account_?id)$",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>]+")
_PLAIN = re.compile(r"[a-z][a-z0-9+.-]*://[A-Za-z0-9._/:~-]*")
"""An address with no room for credentials but in its path: no query, no fragment, no user, no escapes."""
_SPACELESS = re.compile(r"[^\x00- ]*")
_JWT = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]*")
_BEARER = re.compile(r"\b(?:bearer|basic)\s+[A-Za-z0-9+/=._~-]{16,}", re.IGNORECASE)
_STRING = re.compile(r'"([^"]*)"(:?)')
"""A string of JSON without escapes, and whether it is a key."""
_LONGEST_INTEGER = 2**63
_DEEPEST = 60
"""Levels of lists and objects below which nothing is published: no extension goes a quarter as deep."""
_PLAIN_KINDS = frozenset({str, int, float, bool, type(None)})


def is_signed(address: str) -> bool:
    """Return whether an address carries credentials: a signed query, a token, or a user before the host."""
    if "eyJ" not in address and _PLAIN.fullmatch(address):
        return False
    try:
        parts = urlsplit(address)
        if parts.username is not None or parts.password is not None:
            return True
        query = [
            name for piece in (parts.query, parts.fragment) for name, _ in parse_qsl(piece, keep_blank_values=True)
        ]
    except ValueError:
        return True  # what cannot be read cannot be vouched for
    return any(_SIGNED_PARAMETER.match(name) for name in query) or bool(_JWT.search(unquote(address)))


def public_href(href: object, schemes: frozenset[str] = frozenset({"http", "https"})) -> str | None:
    """Return an absolute `href` that may be published, or None: signed, of another scheme, or no address at all."""
    if not isinstance(href, str) or not _SPACELESS.fullmatch(href.strip()):
        return None
    address = href.strip()
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises when it is no number
    except ValueError:
        return None
    usable = parts.scheme.lower() in schemes and bool(parts.netloc) and not set('<>"{}|\\^`') & set(address)
    return address if usable and not is_signed(address) else None


def holds_secret(text: str) -> bool:
    """Return whether a text holds a token or a signed address."""
    lowered = text.lower()
    if "://" not in lowered and "eyj" not in lowered and "earer" not in lowered and "basic" not in lowered:
        return False
    if _JWT.search(text) or _BEARER.search(text):
        return True
    return any(is_signed(match.group()) for match in _ADDRESS.finditer(text))


@lru_cache(maxsize=4096)
def is_secret_key(key: str) -> bool:
    """Return whether a field of this name tells of an account, a user or a credential."""
    return bool(_SECRET_KEY.search(re.sub(r"[^a-z0-9]", "", key.rpartition(":")[2].lower())))


def published(value: Any, level: int = 0) -> Any:
    """Return foreign JSON without leaks and nonsense: no NaN, no bytes, no secret keys, no signed addresses, no abyss.

    What cannot be published becomes None in a list's place and is left out of an object; nulls of objects stay.
    """
    if type(value) in _PLAIN_KINDS:
        return _scalar(value)
    if level >= _DEEPEST:
        return None
    if isinstance(value, Mapping):
        return _object(value, level + 1)
    if isinstance(value, (list, tuple, set, frozenset)):
        entries = sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value
        return [published(entry, level + 1) for entry in entries]
    return _scalar(value)


def _object(value: Mapping[Any, Any], level: int) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, entry in value.items():
        name = _text(str(key))
        if is_secret_key(name):
            continue
        clean = no_data(entry) if name == "nodata" else published(entry, level)
        if entry is None or clean is not None:
            kept[name] = clean
    return kept


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) < _LONGEST_INTEGER else str(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, (datetime, date)):
        return normalised(value)
    if isinstance(value, str):
        return None if holds_secret(value) else _text(value)
    return None


def _text(value: str) -> str:
    """Return text that is valid Unicode without control characters."""
    if value.isprintable():
        return value
    text = value.encode("utf-8", "replace").decode()
    return "".join(character for character in text if character >= " " or character in "\n\t")


def without_nulls(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields without those that are null: an unknown value is one that is not stated."""
    return {name: value for name, value in fields.items() if value is not None}


def organisation(value: object) -> dict[str, Any] | None:
    """Return a STAC provider object without process graphs and leaks, or None when it names nobody."""
    if not isinstance(value, Mapping):
        return None
    kept = without_nulls(published({key: entry for key, entry in value.items() if key != "processing:expression"}))
    name = value.get("name")
    if not isinstance(name, str) or not name.strip():
        return None
    kept["name"] = _text(name.strip())
    roles = [role for role in kept.pop("roles", None) or () if role in ("producer", "licensor", "processor", "host")]
    if roles:
        kept["roles"] = sorted(set(roles))
    address = public_href(kept.pop("url", None))
    if any(key.startswith("processing:") for key in kept) and not {"producer", "processor"} & set(roles):
        kept["roles"] = sorted({*roles, "processor"})  # the processing extension asks for one of the two
    return {**kept, "url": address} if address else kept


def leaks(document: Any, path: str = "") -> Iterator[str]:
    """Yield where a document holds a token, a signed address, or a field that tells of an account or a user."""
    if not _tight(document):
        yield from _leaks(document, path)


def _tight(document: Any) -> bool:
    """Return whether surely nothing leaks: that is nearly always so, and its text is quicker to search than itself."""
    try:
        text = orjson.dumps(document).decode()
    except (TypeError, ValueError):
        return False
    if "\\" in text:  # something is escaped, so the text is not what readers of the document see
        return False
    return not (
        any(is_secret_key(name) for name, colon in _STRING.findall(text) if colon)
        or _JWT.search(text)
        or _BEARER.search(text)
        or any(map(is_signed, set(_ADDRESS.findall(text))))
    )


def _leaks(document: Any, path: str) -> Iterator[str]:
    if isinstance(document, Mapping):
        for key, entry in document.items():
            if is_secret_key(key):
                yield f"{path}/{key}"
            yield from _leaks(entry, f"{path}/{key}")
    elif isinstance(document, list):
        for index, entry in enumerate(document):
            yield from _leaks(entry, f"{path}/{index}")
    elif isinstance(document, str) and holds_secret(document):
        yield path
