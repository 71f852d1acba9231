"""Documents as bytes."""

from __future__ import annotations

from typing import Any

import orjson


def dumps(document: dict[str, Any]) -> bytes:
    """Return the published bytes of a document: sorted keys, two spaces, a newline at the end; equal in, equal out."""
    options = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(document, option=options)
