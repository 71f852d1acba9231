"""What people read: titles of Items, assets and Collections."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from stacsync.jobs import AssetRecord, CollectionRecord, ItemRecord
from stacsync.stac.clean import holds_secret
from stacsync.stac.times import When

_SPACE = re.compile(r"\s+")
_LONGEST = 200


def plain(text: str | None) -> str:
    """Return text on one line, at most 200 characters; empty when there is none, or when it holds a secret."""
    line = _SPACE.sub(" ", text or "").strip()
    if holds_secret(line):
        return ""
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1].rstrip() + "…"


def item_title(record: ItemRecord, when: When) -> str:
    """Return an Item's title: its ISO date (or both of a period) first, so that lists sort by it."""
    title = plain(record.title) or plain(str(record.properties.get("title") or "")) or record.id
    label = when.label()
    return title if not label or title.startswith(label) else f"{label} {title}"


def asset_title(asset: AssetRecord) -> str:
    """Return an asset's title: as stated, else its file name."""
    return plain(asset.title) or posixpath.basename(asset.filename.rstrip("/")) or asset.key


def ordered(contributions: Sequence[CollectionRecord]) -> list[CollectionRecord]:
    """Return contributions in the order in which the first word wins: oldest first, undated last, then by job and id."""
    return sorted(
        contributions,
        key=lambda record: (
            record.created is None,
            record.created.timestamp() if record.created is not None else 0.0,
            record.job_id or "",
            record.id,
            record.title or "",
            record.description or "",
        ),
    )


def collection_title(contributions: Sequence[CollectionRecord]) -> str:
    """Return the title of the Collection that these feed; Items and parents repeat it on their links."""
    records = ordered(contributions)
    return next((title for record in records if (title := plain(record.title))), records[0].id)
