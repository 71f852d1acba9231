"""What lies in the store of the catalog's documents: those that are unchanged are not even read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, select, update

from stacsync.ledger import obsolete
from stacsync.ledger.items import Transactions
from stacsync.ledger.obsolete import batches
from stacsync.ledger.schema import documents
from stacsync.ledger.upsert import upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRow:
    """One document in the store."""

    key: str
    kind: str
    """catalog | collection | item | index | list"""
    digest: str
    """SHA-256 (hex) of its bytes; empty: to be written whatever it holds."""
    size: int
    etag: str | None = None


_FIELDS = tuple(DocumentRow.__dataclass_fields__)


class Documents:
    """The documents of the ledger."""

    def __init__(self, database: Transactions) -> None:
        """Work on the ledger, or its database."""
        self._database = database

    def get_many(self, keys: Iterable[str]) -> dict[str, DocumentRow]:
        """Return the rows of those `keys` that are known."""
        with self._database.read() as conn:
            return {
                row.key: DocumentRow(**row._asdict())
                for batch in batches(keys)
                for row in conn.execute(select(documents).where(documents.c.key.in_(batch)))
            }

    def any(self) -> bool:
        """Whether anything was ever published."""
        with self._database.read() as conn:
            return conn.execute(select(documents.c.key).limit(1)).first() is not None

    def digest(self) -> str:
        """Return a name (hex) of what all documents but Items hold; of Items the indexes and lists tell."""
        query = select(documents.c.key, documents.c.digest).where(documents.c.kind != "item")
        found = sha256()
        with self._database.read() as conn:
            for row in sorted(tuple(row) for row in conn.execute(query)):
                found.update("\0".join(row).encode() + b"\n")
        return found.hexdigest()[:32]

    def record(self, conn: Connection, rows: Sequence[DocumentRow]) -> None:
        """Remember documents that were written; they are no longer to be deleted."""
        upsert(conn, documents, [{name: getattr(row, name) for name in _FIELDS} for row in rows])
        obsolete.keep(conn, [row.key for row in rows])

    def below(self, conn: Connection, folder: str) -> list[tuple[str, str]]:
        """Return the (key, kind) of every document in `folder` and below, by key."""
        query = (
            select(documents.c.key, documents.c.kind)
            .where(documents.c.key >= f"{folder}/", documents.c.key < f"{folder}0")  # "0" follows "/"
            .order_by(documents.c.key)
        )
        return [(row.key, row.kind) for row in conn.execute(query)]

    def distrust(self, conn: Connection) -> None:
        """Let every document be written again, whatever the ledger knows of the store."""
        conn.execute(update(documents).values(digest="", etag=None))
