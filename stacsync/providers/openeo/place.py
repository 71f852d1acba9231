"""Where a job's records belong: the names that its Collection and Items get. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, count
from typing import Literal

from stacsync.jobs import JobRecord

_UNSAFE = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One job of one configured provider."""

    provider: str
    """The configured name."""
    origin: str
    """Scheme, host and port of the configured address: part of every asset's identity."""
    job: JobRecord
    collection_by: Literal["job", "title"] = "job"
    collection: str | None = None

    @property
    def per_job(self) -> bool:
        """Whether the Collection belongs to this job alone. Jobs without a title share with nobody."""
        return self.collection is None and (self.collection_by == "job" or not slug(self.job.title or ""))

    @property
    def collection_id(self) -> str:
        """The id of the Collection that this job feeds."""
        if self.collection is not None:
            return self.collection
        return f"{self.provider}-{self.job.id if self.per_job else slug(self.job.title or '')}"

    def item_id(self, source_id: str) -> str:
        """Return the id of one of the job's Items: source ids are often plain file names and repeat in every job."""
        return self.job.id if source_id == self.job.id else f"{self.job.id}-{source_id}"

    def rest_id(self, taken: Collection[str]) -> str:
        """Return the id of the Item for what no other Item names: the job's own, as long as that is not `taken`."""
        wished = chain([self.job.id, self.item_id("rest")], (self.item_id(f"rest-{number}") for number in count(2)))
        return next(one for one in wished if one not in taken)


def slug(title: str) -> str:
    """Return a title as lower-case words joined by `-`; a title in another script as a hash, an empty one as nothing."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = _UNSAFE.sub("-", plain).strip("-")[:100].rstrip("-")
    return words or (sha256(title.strip().encode()).hexdigest()[:12] if title.strip() else "")
