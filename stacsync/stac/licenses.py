"""Licenses as STAC 1.1 knows them: an SPDX id, or "other" with a link.

The text of STAC 1.1.0 allows SPDX expressions too, its schema no spaces: `MIT OR Apache-2.0` would be refused as invalid.
"""

from __future__ import annotations

import re

OTHER = "other"
_UNKNOWN = frozenset({"", "proprietary", "various", "unknown", "none", "n/a", "other", "noassertion"})
_EXPRESSION = re.compile(r"^[\w.+-]+$")


def license_of(stated: str | None) -> str:
    """Return the STAC 1.1 license for what a source states: itself where it may be an SPDX id, else "other"."""
    text = (stated or "").strip()
    return OTHER if text.lower() in _UNKNOWN or not _EXPRESSION.match(text) else text


def license_page(license_id: str) -> str | None:
    """Return a page with the text of an SPDX license, or None for "other"."""
    return None if license_id == OTHER else f"https://spdx.org/licenses/{license_id}.html"
