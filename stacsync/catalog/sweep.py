"""Delete what nothing names any more, once every document that named it was replaced."""

from __future__ import annotations

from stacsync import layout
from stacsync.catalog.write import Writer
from stacsync.ledger import dirty, obsolete

ASSETS = frozenset({"asset", "folder"})


def sweep(writer: Writer) -> None:
    """Delete obsolete objects, parents before children. Nothing happens while any document waits to be written."""
    while True:
        with writer.ledger.read() as conn:
            if not obsolete.any_listed(conn) or dirty.anything_left(conn):
                return
        with writer.ledger.write() as conn:
            batch = obsolete.take(conn)
        writer.guard()
        keys = [key for key, kind in batch if kind != "folder"]
        for key, kind in batch:
            if kind == "folder":
                writer.storage.delete([layout.folder_note(key)])  # first: nobody goes on with what is deleted
                keys += [found.key for found in writer.storage.list(key)]
        writer.storage.delete(keys)
        with writer.ledger.write() as conn:
            obsolete.keep(conn, [key for key, _ in batch])
        writer.deleted += sum(kind not in ASSETS for _, kind in batch)
