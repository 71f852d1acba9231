"""Which objects of ours hold which assets, uploads that can be continued, and assets that providers lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Row, delete, select, update

from stacsync.ledger.engine import Database
from stacsync.ledger.schema import assets, gone, uploads
from stacsync.ledger.upsert import upsert

AT_ONCE = 500
"""Keys in one query: below the limit of variables of every SQLite in use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRow:
    """An object of ours that holds an asset, whole and verified."""

    key: str
    provider: str
    job: str
    identity: str
    size: int | None
    sha256: str | None
    media_type: str | None = None
    source_etag: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRow:
    """A multipart upload under way: what is needed to continue it after a restart."""

    key: str
    upload_id: str
    identity: str
    size: int | None
    part_size: int
    source_etag: str | None
    started_at: str


def _chunks(keys: Iterable[str]) -> Iterator[Sequence[str]]:
    ordered = sorted(set(keys))
    for start in range(0, len(ordered), AT_ONCE):
        yield ordered[start : start + AT_ONCE]


def _asset(row: Row[Any]) -> AssetRow:
    return AssetRow(**{**row._asdict(), "facts": orjson.loads(row.facts)})


class Assets:
    """The assets of the ledger."""

    def __init__(self, database: Database) -> None:
        """Work on `database`."""
        self._database = database

    def get_many(self, keys: Iterable[str]) -> dict[str, AssetRow]:
        """Return the rows of those `keys` that are known."""
        found: dict[str, AssetRow] = {}
        with self._database.read() as connection:
            for chunk in _chunks(keys):
                for row in connection.execute(select(assets).where(assets.c.key.in_(chunk))):
                    found[row.key] = _asset(row)
        return found

    def record(self, *rows: AssetRow) -> None:
        """Remember objects of ours, replacing what was known under their keys."""
        values = [
            {
                "key": row.key,
                "provider": row.provider,
                "job": row.job,
                "identity": row.identity,
                "size": row.size,
                "sha256": row.sha256,
                "media_type": row.media_type,
                "source_etag": row.source_etag,
                "facts": orjson.dumps(dict(row.facts), option=orjson.OPT_SORT_KEYS).decode(),
            }
            for row in rows
        ]
        with self._database.write() as connection:
            upsert(connection, assets, values)

    def remember_facts(self, facts: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep what the headers of files say, by key; a key that is not known is passed over."""
        with self._database.write() as connection:
            for key, found in sorted(facts.items()):
                body = orjson.dumps(dict(found), option=orjson.OPT_SORT_KEYS).decode()
                connection.execute(update(assets).where(assets.c.key == key).values(facts=body))

    def of_job(self, provider: str, job: str) -> dict[str, AssetRow]:
        """Return the rows of a job by key."""
        query = select(assets).where(assets.c.provider == provider, assets.c.job == job)
        with self._database.read() as connection:
            return {row.key: _asset(row) for row in connection.execute(query)}

    def of_provider(self, provider: str) -> dict[str, int | None]:
        """Return the size in bytes of every object of a provider, by key; None for a folder."""
        query = select(assets.c.key, assets.c.size).where(assets.c.provider == provider)
        with self._database.read() as connection:
            return {row.key: row.size for row in connection.execute(query)}

    def delete(self, keys: Iterable[str]) -> None:
        """Forget objects of ours."""
        with self._database.write() as connection:
            for chunk in _chunks(keys):
                connection.execute(delete(assets).where(assets.c.key.in_(chunk)))


class Uploads:
    """Multipart uploads that can be continued."""

    def __init__(self, database: Database) -> None:
        """Work on `database`."""
        self._database = database

    def get(self, key: str) -> UploadRow | None:
        """Return the upload under way to `key`."""
        with self._database.read() as connection:
            row = connection.execute(select(uploads).where(uploads.c.key == key)).one_or_none()
        return None if row is None else UploadRow(**row._asdict())

    def put(self, row: UploadRow) -> None:
        """Remember an upload before its first part is sent."""
        values = {name: getattr(row, name) for name in UploadRow.__dataclass_fields__}
        with self._database.write() as connection:
            upsert(connection, uploads, [values])

    def drop(self, key: str) -> None:
        """Forget an upload that was completed or given up."""
        with self._database.write() as connection:
            connection.execute(delete(uploads).where(uploads.c.key == key))

    def all(self) -> list[UploadRow]:
        """Return every upload under way."""
        with self._database.read() as connection:
            return [UploadRow(**row._asdict()) for row in connection.execute(select(uploads).order_by(uploads.c.key))]


class Gone:
    """Assets that their provider declared gone, and in how many passes."""

    def __init__(self, database: Database) -> None:
        """Work on `database`."""
        self._database = database

    def count(self, provider: str, job: str) -> dict[str, int]:
        """Return the number of passes by asset identity."""
        query = select(gone.c.identity, gone.c.passes).where(gone.c.provider == provider, gone.c.job == job)
        with self._database.read() as connection:
            return {row.identity: row.passes for row in connection.execute(query)}

    def add(self, provider: str, job: str, identities: Iterable[str]) -> None:
        """Count one more pass in which these assets were gone."""
        before = self.count(provider, job)
        rows = [
            {"provider": provider, "job": job, "identity": identity, "passes": before.get(identity, 0) + 1}
            for identity in sorted(set(identities))
        ]
        with self._database.write() as connection:
            upsert(connection, gone, rows)

    def clear(self, provider: str, job: str) -> None:
        """Forget the counts of a job (its results changed, or it was published)."""
        with self._database.write() as connection:
            connection.execute(delete(gone).where(gone.c.provider == provider, gone.c.job == job))
