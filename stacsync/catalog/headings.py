"""Before anything is written: how every Catalog and Collection is called now, and what a new name or title touches.

Items and sub-catalogs repeat the titles of what stands above them. So a title that changed is found here, first, and
everything that repeats it is noted as to be written again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from stacsync import layout, stac
from stacsync.catalog.facts import CatalogFacts, ProviderFacts
from stacsync.jobs import CollectionRecord
from stacsync.ledger import Ledger, contributions, dirty, heads, lists, obsolete
from stacsync.ledger.contributions import Said
from stacsync.ledger.heads import Head
from stacsync.ledger.staged import utc_text

Providers = Mapping[str, ProviderFacts]
UNKNOWN = ProviderFacts(kind="unknown", title="")


def settle(ledger: Ledger, catalog: CatalogFacts, providers: Providers) -> None:
    """Bring all heads up to date with the settings and with what jobs say. Writes nothing when all are."""
    steps: list[Callable[[Connection], None]] = []
    with ledger.read() as conn:
        before = heads.get(conn, *dirty.ROOT)
        root = root_head(catalog)
        if before is None or before.facts != root.facts:
            steps.append(lambda conn: _put_root(conn, before, root))
        for head in heads.providers(conn):
            now = _provider(head.provider, providers.get(head.provider), head)
            if (now.title, now.facts) != (head.title, head.facts):
                steps.append(lambda conn, now=now: _put_provider(conn, now))  # type: ignore[misc] # bound here, not later
        touched = [one for one in dirty.lists(conn) if one[1]]
    if not steps and not touched:
        return
    with ledger.write() as conn:
        for step in steps:
            step(conn)
        for provider, collection in touched:
            _settle_collection(conn, ledger, provider, collection, providers)


def records_of(conn: Connection, provider: str, collection: str) -> list[CollectionRecord]:
    """Return what the jobs say of a Collection; at least its name."""
    said = contributions.of_collection(conn, provider, collection)
    return [_record(one) for one in said] or [CollectionRecord(id=collection, job_id=None)]


def _record(said: Said) -> CollectionRecord:
    """Return the record with its time of creation, so that the published document tells what it is sorted by."""
    record = stac.records.from_json(said.body)
    if record.created is not None or not said.sort_at:
        return record
    return replace(record, created=datetime.fromisoformat(said.sort_at))


def root_head(catalog: CatalogFacts) -> Head:
    """Return the head of the root that these settings give."""
    facts: dict[str, Any] = {**asdict(catalog), "organisations": [dict(one) for one in catalog.organisations]}
    return Head(provider="", collection="", name=catalog.id, key=layout.ROOT, title=catalog.title, facts=facts)


def _provider(name: str, facts: ProviderFacts | None, before: Head | None) -> Head:
    if facts is None and before is not None:
        return before
    facts = facts or UNKNOWN
    title = facts.title or name
    head = before or Head(provider=name, collection="", name=name, key=layout.provider_key(name), title=title)
    return replace(head, title=title, facts={"kind": facts.kind, "license": facts.license})


def _put_root(conn: Connection, before: Head | None, root: Head) -> None:
    heads.put(conn, root)
    dirty.mark(conn, *dirty.ROOT)
    if before is None:
        return
    renamed = before.title != root.title
    for provider in heads.providers(conn):
        if renamed:
            dirty.mark_whole(conn, provider.provider, "")
        for head in heads.collections(conn, provider.provider):
            _mark_collection(conn, head, renamed=renamed)


def _put_provider(conn: Connection, head: Head) -> None:
    heads.put(conn, head)
    dirty.mark(conn, *dirty.ROOT)
    dirty.mark_whole(conn, head.provider, "")
    for collection in heads.collections(conn, head.provider):
        dirty.mark(conn, head.provider, collection.collection)


def _mark_collection(conn: Connection, head: Head, *, renamed: bool) -> None:
    if renamed:
        dirty.mark_items(conn, head.provider, head.collection)
        dirty.mark_whole(conn, head.provider, head.collection)
    dirty.mark(conn, head.provider, head.collection)


def _settle_collection(conn: Connection, ledger: Ledger, provider: str, collection: str, providers: Providers) -> None:
    before = heads.get(conn, provider, collection)
    said = contributions.of_collection(conn, provider, collection)
    if not said and not lists.months(conn, provider, collection):
        _drop(conn, ledger, provider, collection, before)
        return
    records = records_of(conn, provider, collection)
    title = stac.collection_title(records)
    sort_at = min((utc_text(one.created.isoformat()) for one in records if one.created), default="")
    if before is None:
        head = Head(
            provider=provider,
            collection=collection,
            name=heads.free_name(conn, provider, collection),
            key=layout.collection_key(provider, collection),
            title=title,
            sort_at=sort_at,
        )
        _ensure_provider(conn, provider, providers)
    else:
        head = replace(before, title=title, sort_at=sort_at)
    if head == before:
        return
    heads.put(conn, head)
    if before is not None and before.title != title:
        _mark_collection(conn, head, renamed=True)
    branches: Sequence[Head] = [head] if before is None else [before, head]
    dirty.mark(conn, provider, "", [(one.month, one.spread) for one in branches])


def _ensure_provider(conn: Connection, name: str, providers: Providers) -> None:
    if heads.get(conn, name, "") is None:
        heads.put(conn, _provider(name, providers.get(name), None))
        dirty.mark(conn, *dirty.ROOT)


def _drop(conn: Connection, ledger: Ledger, provider: str, collection: str, before: Head | None) -> None:
    """Take a Collection out that no job feeds any more."""
    folder = layout.collection_folder(provider, collection)
    for key, kind in ledger.documents.below(conn, folder):
        obsolete.add_documents(conn, kind, [key])
    obsolete.add_assets(conn, [layout.index_state(provider, collection)])
    dirty.cross_out(conn, provider, collection, dirty.notes(conn, provider, collection))
    if before is not None:
        heads.drop(conn, before)
        dirty.mark(conn, provider, "", [(before.month, before.spread)])
        dirty.mark(conn, *dirty.ROOT)
