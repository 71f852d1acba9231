"""Collection records as JSON and back, for the ledger's contributions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stacsync.jobs import CollectionRecord


def to_json(record: CollectionRecord) -> dict[str, Any]:
    """Return `record` as JSON, for `from_json`; inline bytes of assets are not kept."""
    return {"id": record.id, "job_id": record.job_id, "title": record.title}


def from_json(body: Mapping[str, Any]) -> CollectionRecord:
    """Return what `to_json` was called on."""
    return CollectionRecord(id=body["id"], job_id=body["job_id"], title=body["title"])
