"""One pass of one provider: list → plan → describe → mirror → convert → stage → publish → remember."""

from __future__ import annotations

from stacsync.sync.delivery import Filter
from stacsync.sync.onepass import Pass
from stacsync.sync.report import DocumentCounts, PassReport, Trouble, to_json
from stacsync.sync.taking import Site, Taken, Taker

__all__ = ["DocumentCounts", "Filter", "Pass", "PassReport", "Site", "Taken", "Taker", "Trouble", "to_json"]
