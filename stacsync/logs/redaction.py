"""Taking secrets out of text: signed query strings, tokens, passwords, keys. Pure, but for the list of known secrets.

The text is often a stranger's: every pattern here takes time in proportion to its length, whatever is in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from threading import Lock
from urllib.parse import quote, quote_plus, unquote, urlsplit

HIDDEN = "***"
_SHORTEST = 8
"""Shorter secrets are not looked for by value: hiding them would tear ordinary words."""

_PARAMETERS = (
    r"x-(?:amz|goog|oss|cos|ms)-[a-z0-9-]{1,80}|(?:aws|google)access(?:key)?id|ossaccesskeyid|key-pair-id|policy|signature|sig"
    r"|s[evprtk]|skoid|sktid|skt|ske|sks|skv|expires?|expiry|[a-z_.-]{0,80}token|(?:client|consumer|user)?[_-]?secret"
    r"|[a-z_-]{0,80}(?:api|access|secret|subscription)[_-]?key(?:[_-]?id)?|pass(?:word|wd|phrase)?|pwd|auth(?:orization)?"
    r"|credentials?|code|state|assertion|client_assertion|session(?:id|_id)?|jwt|hmac|hash|key"
)
_FIELDS = (
    r"(?:proxy-)?authorization|(?:set-)?cookie|x-(?:amz|goog)-(?:signature|credential|security-token)"
    r"|[a-z_-]{0,80}(?:access|refresh|id|session|security|bearer|auth)[_-]?token|token|(?:client|aws)?[_-]?secret"
    r"|[a-z_-]{0,80}(?:api|access|secret|private|subscription)[_-]?key(?:[_-]?id)?|pass(?:word|wd|phrase)|pwd|credentials?"
    r"|signature|client_assertion|assertion|device_code"
)
_USERINFO = re.compile(r"(?<=://)[^/\s@\"'<>?#]+@")
_CHUNK = re.compile(r"[^\s\"'<>]+")
_SENSITIVE = re.compile(rf"(?i)(?:^|[&;?#])(?:{_PARAMETERS})=")
_PAIR = re.compile(rf"(?i)(?<![\w-])({_PARAMETERS})=(?!\*\*\*)[^&\s\"'<>,;)\]}}]+")
_HEADER = re.compile(
    r"(?i)(\b(?:proxy-)?authorization[\"']?\s*[:=]\s*[\"']?)(?!\*\*\*)(?:(?:bearer|basic|digest|token|apikey)\s+)?[^\s\"',;}\]]+"
)
_FIELD = re.compile(
    rf"(?i)([\"']?(?<![\w.-])(?:{_FIELDS})[\"']?\s*:\s*)(b?)(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\s\"',;}}\]]+)"
)
_SCHEME = re.compile(r"(?i)\b(bearer|basic)\s+(?!\*\*\*)(?=[^\s\"',;]*[\d/_.=+-])[A-Za-z0-9._~+/=-]{8,}")
_JWT = re.compile(r"(?<![\w-])eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)*")
_AWS_ID = re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{12,}\b")
_XML = re.compile(
    r"(?i)<(AWSAccessKeyId|SignatureProvided|StringToSign(?:Bytes)?|CanonicalRequest(?:Bytes)?|Token|SessionToken)>[^<]*</\1>"
)

_PASSING = 256
"""Secrets of the moment that are looked for at a time: the latest ones."""
_known: set[str] = set()
_passing: dict[str, None] = {}
_longest_first: tuple[str, ...] = ()
_lock = Lock()


def conceal(secrets: Iterable[str]) -> None:
    """Have `redact` hide these exact values from now on, however they are escaped, wherever they turn up in this process."""
    with _lock:
        _known.update(form for secret in secrets for form in _forms(secret))
        _sort()


def conceal_passing(secrets: Iterable[str]) -> None:
    """As `conceal`, for secrets that are replaced every few minutes, such as access tokens: older ones are forgotten."""
    fresh = [form for secret in secrets if secret not in _passing for form in _forms(secret)]
    if not fresh:
        return
    with _lock:
        _passing.update(dict.fromkeys(fresh))
        for old in list(_passing)[:-_PASSING]:
            del _passing[old]
        _sort()


def _forms(secret: str) -> Iterator[str]:
    if len(secret) >= _SHORTEST:
        yield from dict.fromkeys((secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]))


def _sort() -> None:
    global _longest_first  # noqa: PLW0603  # one tuple for the whole process, replaced as a whole: readers need no lock
    _longest_first = tuple(sorted(_known.union(_passing), key=len, reverse=True))


def redact(text: str) -> str:
    """Return `text` without signed query strings, tokens, passwords, keys and user information in URLs.

    What is taken out is replaced by `***`; everything else stays as it was. Applying it twice changes nothing more.
    """
    for secret in _longest_first:
        text = text.replace(secret, HIDDEN)
    text = _XML.sub(rf"<\1>{HIDDEN}</\1>", text)
    text = _USERINFO.sub(f"{HIDDEN}@", text)
    text = _CHUNK.sub(_query, text) if "://" in text else text
    text = _HEADER.sub(rf"\1{HIDDEN}", text)
    text = _FIELD.sub(_field, text)
    text = _PAIR.sub(rf"\1={HIDDEN}", text)
    text = _SCHEME.sub(rf"\1 {HIDDEN}", text)
    text = _JWT.sub(HIDDEN, text)
    return _AWS_ID.sub(HIDDEN, text)


def redact_url(url: str) -> str:
    """Return scheme, host, port and path of `url` alone. Never raises: what cannot be parsed becomes `***`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return HIDDEN
    if not host:
        return redact(f"{parts.scheme}://{parts.path}" if parts.scheme else parts.path)
    shown = f"[{host}]" if ":" in host else host
    return redact(f"{parts.scheme}://{shown}{f':{port}' if port else ''}{parts.path}")


def names_secret(name: str) -> bool:
    """Say whether a field of this name holds something that must not be shown."""
    return _NAME.fullmatch(name) is not None


_NAME = re.compile(rf"(?i){_FIELDS}")


def _query(match: re.Match[str]) -> str:
    """Hide a whole query string when any of its parameters signs or signs in."""
    address, mark, query = match[0].partition("?")
    hidden = mark and "://" in address and _SENSITIVE.search(unquote(query))
    return f"{address}?{HIDDEN}" if hidden else match[0]


def _field(match: re.Match[str]) -> str:
    """Hide the value of a JSON-like field, keeping its quotes."""
    value = match[3]
    quote = value[0] if value[0] in "\"'" else ""
    return f"{match[1]}{match[2]}{quote}{HIDDEN}{quote}"
