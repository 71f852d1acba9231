"""When to ask again: which answers pass by themselves, and how long to wait for that."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

RETRIED = frozenset({429, 500, 502, 503, 504})
SHORTEST, LONGEST = 0.05, 120.0
"""Seconds between which every wished pause is clamped."""
BASE, CEILING = 0.5, 30.0
Unit = Literal["seconds", "milliseconds"]


def retry_after(headers: Mapping[str, str], now: datetime, unit: Unit = "seconds") -> float | None:
    """Return the seconds that a `Retry-After` header asks for (RFC 9110 §10.2.3), clamped; None without a usable one.

    `unit` says what a bare number means: one provider counts milliseconds. Numbers may have a fraction.
    """
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    try:
        seconds = float(text) / (1000 if unit == "milliseconds" else 1)
    except ValueError:
        moment = _http_date(text)
        if moment is None:
            return None
        seconds = (moment - now).total_seconds()
    return min(max(seconds, SHORTEST), LONGEST) if seconds == seconds else None  # noqa: PLR0124  # NaN is a float too


def backoff(attempt: int, hint: float | None = None) -> float:
    """Return the seconds to wait after failed attempt number `attempt` (0, 1, …): full jitter, never less than `hint`."""
    jitter = random.uniform(SHORTEST, min(CEILING, BASE * 2**attempt))  # noqa: S311  # spreads load, guards nothing
    return jitter if hint is None else min(LONGEST, hint + jitter * 0.1)


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
