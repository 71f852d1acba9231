"""The notes of an audit, in a temporary database: a catalog of any size is audited with bounded memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import NamedTuple, Self

_TABLES = """
PRAGMA journal_mode=OFF;
PRAGMA synchronous=OFF;
CREATE TABLE listed (key TEXT PRIMARY KEY, size INTEGER) WITHOUT ROWID;
CREATE TABLE documents (key TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE ids (scope TEXT, id TEXT, key TEXT, PRIMARY KEY (scope, id)) WITHOUT ROWID;
CREATE TABLE assets (key TEXT, size INTEGER, sha256 TEXT, document TEXT, name TEXT, job TEXT);
CREATE INDEX assets_by_key ON assets (key);
"""


class Asset(NamedTuple):
    """What a document says of one of its files in the store."""

    key: str
    size: int | None
    """None: a folder."""
    sha256: str | None
    document: str
    name: str
    job: str | None


class AuditBook:
    """What was listed, and what documents name."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="stacsync-verify-")
        self._db = sqlite3.connect(Path(self._folder.name) / "book.db", isolation_level=None)
        self._db.executescript(_TABLES)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()
        self._folder.cleanup()

    def list_objects(self, objects: Iterable[tuple[str, int]]) -> None:
        """Note what the store lists."""
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR REPLACE INTO listed VALUES (?, ?)", objects)
        self._db.execute("COMMIT")

    def is_empty(self) -> bool:
        """Return whether the store lists nothing."""
        return self._db.execute("SELECT 1 FROM listed LIMIT 1").fetchone() is None

    def visit(self, key: str) -> bool:
        """Note a document that a link leads to; return whether it is met for the first time."""
        return self._db.execute("INSERT OR IGNORE INTO documents VALUES (?)", (key,)).rowcount == 1

    def claim(self, scope: str, name: str, key: str) -> str | None:
        """Note an id within a scope; return the key of the document that has it already."""
        if self._db.execute("INSERT OR IGNORE INTO ids VALUES (?, ?, ?)", (scope, name, key)).rowcount:
            return None
        found = self._db.execute("SELECT key FROM ids WHERE scope = ? AND id = ?", (scope, name)).fetchone()
        return None if found[0] == key else str(found[0])

    def name_asset(self, asset: Asset) -> None:
        """Note a file that a document names."""
        self._db.execute("INSERT INTO assets VALUES (?, ?, ?, ?, ?, ?)", asset)

    def asset_count(self) -> int:
        """Return the number of files that documents name."""
        return int(self._db.execute("SELECT count(DISTINCT key) FROM assets").fetchone()[0])

    def missing(self) -> Iterator[Asset]:
        """Yield named files of which the store lists nothing: no object, and nothing below a folder."""
        yield from self._assets(
            "LEFT JOIN listed USING (key) WHERE listed.key IS NULL AND NOT EXISTS "
            "(SELECT 1 FROM listed AS l WHERE l.key > assets.key || '/' AND l.key < assets.key || '0')"
        )

    def resized(self) -> Iterator[tuple[Asset, int]]:
        """Yield named files whose size is not the recorded one, with the size found."""
        query = (
            "SELECT assets.*, listed.size FROM assets JOIN listed USING (key) "
            "WHERE assets.size IS NOT NULL AND assets.size <> listed.size ORDER BY key"
        )
        with closing(self._db.execute(query)) as rows:
            yield from ((Asset(*row[:6]), row[6]) for row in rows)

    def checkable(self) -> Iterator[Asset]:
        """Yield each named file that is there in its recorded size and has a recorded checksum."""
        yield from self._assets("JOIN listed USING (key) WHERE sha256 IS NOT NULL AND assets.size = listed.size")

    def _assets(self, rest: str) -> Iterator[Asset]:
        query = f"SELECT assets.* FROM assets {rest} GROUP BY assets.key ORDER BY assets.key"  # noqa: S608 - fixed text
        with closing(self._db.execute(query)) as rows:
            yield from (Asset(*row) for row in rows)

    def orphans(self) -> Iterator[str]:
        """Yield listed documents that no link and no asset leads to."""
        query = (
            "SELECT key FROM listed WHERE key LIKE '%.json' AND key NOT IN (SELECT key FROM documents) "
            "AND key NOT IN (SELECT key FROM assets) ORDER BY key"
        )
        with closing(self._db.execute(query)) as rows:
            yield from (row[0] for row in rows)
