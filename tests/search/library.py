"""What the search tests work with: a published catalog of given Items, and a scan over it that knows no index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
from stacsync import layout
from stacsync.catalog import CatalogFacts, ProviderFacts, Publisher
from stacsync.jobs import CollectionRecord
from stacsync.ledger import Ledger, StagedItem
from stacsync.search import ParquetIndex, Query
from stacsync.search.results import search
from stacsync.settings.sections import Storage as StorageSettings
from stacsync.stac import records
from stacsync.storage import Storage, open_storage
from tests.catalog.bench import a_bench

PUBLIC = "https://data.example"


def now() -> datetime:
    return datetime(2026, 11, 1, tzinfo=UTC)


def item(name: str, **fields: Any) -> dict[str, Any]:
    """A small valid Item; `fields` replace members of the same name, the rest are properties."""
    west, south, east, north = fields.pop("bbox", (10.0, 50.0, 11.0, 51.0))
    properties: dict[str, Any] = {"datetime": "2025-06-01T10:00:00Z", "title": f"2025-06-01 {name}"}
    properties |= {"stacsync:provider": "hub", "stacsync:kind": "openeo", "stacsync:job_id": "j1"}
    assets = fields.pop("assets", {"data": {"href": "data.tif", "type": "image/tiff", "roles": ["data"]}})
    sides = [[west, 180.0], [-180.0, east]] if west > east else [[west, east]]
    rings = [[[[a, south], [b, south], [b, north], [a, north], [a, south]]] for a, b in sides]
    shape = (
        {"type": "Polygon", "coordinates": rings[0]}
        if len(rings) == 1
        else {"type": "MultiPolygon", "coordinates": rings}
    )
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [],
        "id": name,
        "geometry": shape,
        "bbox": [west, south, east, north],
        "properties": properties | fields,
        "assets": assets,
        "links": [{"rel": "via", "href": "https://example.org/jobs/j1"}],
        "collection": "fields",
    }


@dataclass
class Library:
    """A catalog in a folder, its ledger and its index."""

    root: Path
    ledger: Ledger
    small: int = 5_000
    public_url: str | None = PUBLIC
    jobs: int = 0
    storage: Storage = field(init=False)

    def __post_init__(self) -> None:
        self.storage = open_storage(StorageSettings(url=f"file://{self.root}"))

    @property
    def index(self) -> ParquetIndex:
        return ParquetIndex(self.storage, self.ledger, public_url=self.public_url, guard=lambda: None, small=self.small)

    def publish(self, *, rebuild: bool = False) -> Any:
        facts = CatalogFacts(id="acme-eo", title="ACME", public_url=self.public_url)
        publisher = Publisher(self.storage, self.ledger, facts, index=self.index)
        providers = {"hub": ProviderFacts(kind="openeo", title="The hub")}
        return publisher.rebuild(providers) if rebuild else publisher.publish(providers)

    def take(self, documents: Iterable[Mapping[str, Any]], job: str = "j1", collection: str = "fields") -> None:
        """Publish a job of these Items in place of what it had."""
        rows = [
            StagedItem.of(one, "hub", collection, job, layout.item_key("hub", collection, one["id"]))
            for one in documents
        ]
        self.ledger.items.stage("hub", job, rows)
        record = CollectionRecord(id=collection, job_id=None, title=collection.title())
        with self.ledger.write() as conn:
            said = {collection: (records.to_json(record), "2026-01-01T00:00:00Z")}
            self.ledger.items.commit(conn, "hub", job, said)
        self.publish()

    def parquet(self, collection: str = "fields") -> bytes:
        return self.storage.get(f"hub/{collection}/items.parquet")

    def table(self, collection: str = "fields") -> Any:
        return pq.read_table(self.root / f"hub/{collection}/items.parquet")

    def asset(self, collection: str = "fields") -> dict[str, Any]:
        document = orjson.loads(self.storage.get(f"hub/{collection}/collection.json"))
        found: dict[str, Any] = document["assets"].get("items", {})
        return found

    def found(self, **wanted: Any) -> list[str]:
        """The ids that a search answers, in order."""
        answer = search(self.storage, Query(**{"limit": 10_000, **wanted}), public_url=self.public_url)
        return [one["id"] for one in answer["features"]]

    def documents(self) -> list[dict[str, Any]]:
        """Every published Item, read as a crawler does."""
        keys = [one.key for one in self.storage.list("hub") if one.key.endswith(".json")]
        found = [orjson.loads(self.storage.get(key)) for key in keys]
        return [one for one in found if one["type"] == "Feature"]


@contextmanager
def a_library(root: Path, **options: Any) -> Iterator[Library]:
    with a_bench() as bench:
        yield Library(root, bench.ledger, **options)


def moment(told: Any) -> datetime | None:
    return None if told is None else datetime.fromisoformat(told)


def overlaps(bbox: list[float] | None, wanted: tuple[float, float, float, float]) -> bool:
    """Whether boxes share a point, on a round earth."""
    if bbox is None:
        return False
    if bbox[1] > wanted[3] or bbox[3] < wanted[1]:
        return False

    def sides(west: float, east: float) -> list[tuple[float, float]]:
        return [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]

    return any(a <= d and c <= b for a, b in sides(bbox[0], bbox[2]) for c, d in sides(wanted[0], wanted[2]))


def during(properties: Mapping[str, Any], first: datetime | None, last: datetime | None) -> bool:
    """Whether an Item's instant or period touches an interval."""
    only = moment(properties.get("datetime"))
    start = moment(properties.get("start_datetime")) or only
    end = moment(properties.get("end_datetime")) or only
    if start is None or end is None:
        return first is None and last is None
    return (first is None or end >= first) and (last is None or start <= last)


def newest_first(document: Mapping[str, Any]) -> tuple[float, str]:
    properties = document["properties"]
    when = moment(properties.get("datetime") or properties.get("end_datetime"))
    return (-when.timestamp() if when else float("inf"), document["id"])
