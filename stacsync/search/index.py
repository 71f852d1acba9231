"""Keep `items.parquet` beside each Collection, right before the Collection's document is written.

A failure is remembered and logged and stops nothing: the index stays as it was, and the next publication tries again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stacsync import layout
from stacsync.errors import LeaseHeld, LedgerError, StacsyncError, Stopped
from stacsync.ledger import Ledger, heads
from stacsync.logs import get_logger, redact
from stacsync.search import owed
from stacsync.storage import Storage

if TYPE_CHECKING:
    from stacsync.search.update import Built

SMALL = 5_000
"""Items up to which an index is made anew with every change."""
MEDIA_TYPE = "application/vnd.apache.parquet"
ROLE = "collection-mirror"
_LOG = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Mirror:
    """The index of a Collection as it lies in the store."""

    key: str
    fields: Mapping[str, Any]
    """The asset's STAC fields but `href`."""


class ParquetIndex:
    """The search index of every Collection, made from the ledger."""

    def __init__(
        self,
        storage: Storage,
        ledger: Ledger,
        *,
        public_url: str | None,
        guard: Callable[[], None],
        small: int = SMALL,
    ) -> None:
        """Write to `storage` as long as `guard` does not raise; hrefs are absolute with `public_url`.

        An index of up to `small` Items is made anew with every change, a larger one is merged with what changed.
        """
        self._storage = storage
        self._ledger = ledger
        self._public_url = public_url
        self._guard = guard
        self._small = small

    def owed(self) -> frozenset[tuple[str, str]]:
        """Return the (provider, collection) whose index is not up to date and is to be tried again."""
        return frozenset((one.provider, one.collection) for one in owed.failures(self._ledger))

    def update(
        self, provider: str, collection: str, changed_months: frozenset[str], document: Mapping[str, Any]
    ) -> Mirror | None:
        """Bring the index of a Collection up to date; `document` is the Collection, without children and index.

        Returns the asset, that of the index as it was when it could not be updated, None when there is none. Raises
        only what ends the publication too: `LeaseHeld`, `LedgerError`, `Stopped`.
        """
        late = owed.failed(self._ledger, provider, collection)
        try:
            built = self._run(provider, collection, None if late else changed_months, document)
        except (LeaseHeld, LedgerError, Stopped):
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with an index, the catalog is published
            told = str(error) if isinstance(error, StacsyncError) else f"{type(error).__name__}: {error}"
            reason = redact(f"the search index of {collection} could not be written: {told}"[:300])
            owed.remember(self._ledger, provider, collection, reason)
            _LOG.warning("index.failed", provider=provider, collection=collection, error=reason)
            return self._before(provider, collection)
        if late:
            owed.forget(self._ledger, provider, collection)
        if built is None:
            return None
        return _mirror(layout.parquet_key(provider, collection), built.sha256, built.size, built.rows)

    def _run(
        self, provider: str, collection: str, months: frozenset[str] | None, document: Mapping[str, Any]
    ) -> Built | None:
        from stacsync.search.rows import Place  # noqa: PLC0415 - Arrow is for those who have something to index
        from stacsync.search.update import Update  # noqa: PLC0415 - the same

        with self._ledger.read() as conn:
            head = heads.get(conn, provider, collection)
        if head is None:
            return None
        place = Place(name=head.name, key=head.key, provider=provider, public_url=self._public_url)
        update = Update(self._storage, self._ledger, self._guard, place, collection, document, small=self._small)
        return update.run(months)

    def _before(self, provider: str, collection: str) -> Mirror | None:
        """Return the index that lies in the store, out of date as it is."""
        key = layout.parquet_key(provider, collection)
        row = self._ledger.documents.get_many([key]).get(key)
        return _mirror(key, row.digest, row.size, None) if row is not None and row.digest else None


def _mirror(key: str, sha256: str, size: int, count: int | None) -> Mirror:
    """Return the asset of an index; `count` None: its rows are not known, as it is out of date."""
    rows = {} if count is None else {"table:row_count": count}
    fields = {
        "type": MEDIA_TYPE,
        "title": "All Items as one table",
        "description": "stac-geoparquet, ordered by quarter and place: one row for each Item, for search by place, time and property",
        "roles": [ROLE],
        "file:size": size,
        "file:checksum": f"1220{sha256}",
        **rows,
    }
    return Mirror(key, fields)
