"""A Collection's document: what its jobs say, the summary of its Items, its own files, its search index."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Row, select

from stacsync import layout, stac
from stacsync.catalog.facts import CatalogFacts, Indexed
from stacsync.catalog.headings import records_of
from stacsync.catalog.render import Link
from stacsync.jobs import CollectionRecord, Mirrored
from stacsync.ledger import Ledger, aggregates, heads
from stacsync.ledger.heads import Head
from stacsync.ledger.schema import assets


def collection_document(
    ledger: Ledger,
    facts: CatalogFacts,
    head: Head,
    root: Head,
    links: Sequence[Link],
    index: Indexed | None,
    preview: Indexed | None = None,
) -> dict[str, Any]:
    """Return the document of the Collection `head`; `links` are those to its Items or sub-catalogs."""
    with ledger.read() as conn:
        records = records_of(conn, head.provider, head.collection)
        summary = aggregates.whole(conn, head.provider, head.collection)
        provider = heads.get(conn, head.provider, "") or head
        mirrored = _mirrored(conn, head, records)
    place = stac.CollectionPlace(
        provider=head.provider,
        kind=str(provider.facts.get("kind", "unknown")),
        provider_title=provider.title,
        catalog_title=root.title,
        collection=head.name,
        key=head.key,
        license=facts.license,
        license_override=provider.facts.get("license"),
        organisations=facts.organisations,
    )
    made = [{"href": layout.href(head.key, one.key), **one.fields} if one else None for one in (index, preview)]
    return stac.collection_document(records, summary, place, links, mirrored=mirrored, index=made[0], preview=made[1])


def _mirrored(conn: Connection, head: Head, records: Sequence[CollectionRecord]) -> dict[str, Mirrored]:
    """Return what lies in the store of the Collection's own files, by identity."""
    wanted = {asset.identity: record.job_id for record in records for asset in record.assets}
    if not wanted:
        return {}
    folder = f"{posixpath.dirname(head.key)}/assets"
    own = select(assets).where(assets.c.key >= f"{folder}/", assets.c.key < f"{folder}0")
    found = {row.identity: _asset(row) for row in conn.execute(own) if row.identity in wanted}
    for identity in sorted(wanted.keys() - found.keys()):  # a file of a package lies with the package
        shared = select(assets).where(assets.c.provider == head.provider, assets.c.identity == identity)
        row = conn.execute(shared.order_by(assets.c.key).limit(1)).first()
        if row is not None:
            found[identity] = _asset(row)
    return found


def _asset(row: Row[Any]) -> Mirrored:
    return Mirrored(
        key=row.key,
        size=row.size,
        sha256=row.sha256,
        identity=row.identity,
        media_type=row.media_type,
        facts=orjson.loads(row.facts),
    )
