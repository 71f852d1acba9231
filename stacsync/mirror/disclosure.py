"""What of a package's own STAC documents may lie in a public store. Pure.

Files of results are stored byte for byte. A STAC document among them tells of the others, often with signed addresses
and with the names of accounts: it is stored without them.
"""

from __future__ import annotations

import orjson

from stacsync.stac import clean

_MARK = b'"stac_version"'


def disclosed(data: bytes) -> bytes:
    """Return `data` as it is, or a STAC document that holds secrets without them."""
    if _MARK not in data:
        return data
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        return data
    if not isinstance(document, dict) or not any(True for _ in clean.leaks(document)):
        return data
    return orjson.dumps(clean.published(document), option=orjson.OPT_INDENT_2)
