"""The catalog as readers find it after publications."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import orjson
import pytest
from stacsync import layout
from stacsync.catalog import IndexAsset, ProviderFacts, Publisher
from stacsync.catalog.verify import audit
from stacsync.errors import LeaseHeld
from stacsync.ledger import StagedItem
from stacsync.storage.folder import FolderStorage
from tests.catalog.bench import PROVIDERS, Bench, MemoryStore, a_bench, clock, crawl, row


def document(bench: Bench, key: str) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(bench.store.objects[key])
    return found


def listed(bench: Bench, key: str, rel: str) -> list[str]:
    return [layout.resolve(key, one["href"]) for one in document(bench, key)["links"] if one["rel"] == rel]


def sound(bench: Bench) -> None:
    found = crawl(bench.store.objects)
    assert (found.problems, found.stale) == ([], [])


def test_published_items_are_reached_from_the_root(bench: Bench) -> None:
    """A published job's Items are found by following links from the root, newest first, and every link is sound."""
    bench.job("hub", "j1", row("a"), row("b", "2025-07-01T00:00:00Z"), row("c", None), row("d"))
    counts = bench.publish()
    sound(bench)
    assert listed(bench, "hub/fields/collection.json", "item") == [f"hub/fields/{n}/{n}.json" for n in "badc"]
    assert counts.written == 8
    assert document(bench, "hub/catalog.json")["stacsync:kind"] == "sentinelhub"


def test_the_root_names_itself_and_its_providers_by_title(bench: Bench) -> None:
    """The root has an absolute `self`, and lists by title those providers of which something is published."""
    bench.job("hub", "j1", row("a"))
    bench.job("eo", "k1", row("k", provider="eo", collection="k1", job="k1"))
    bench.providers = {**PROVIDERS, "idle": ProviderFacts(kind="up42", title="A")}
    bench.publish()
    root = document(bench, "catalog.json")
    assert [one["href"] for one in root["links"] if one["rel"] == "self"] == ["https://data.example/catalog.json"]
    assert listed(bench, "catalog.json", "child") == ["eo/catalog.json", "hub/catalog.json"]
    assert (root["id"], root["title"], "stac_browser" in root) == ("acme-eo", "ACME products", True)


def test_nothing_published_yet_is_a_catalog_too(bench: Bench) -> None:
    """The first pass without any job publishes an empty, sound catalog."""
    assert bench.publish().written == 2
    assert document(bench, "catalog.json")["links"][0]["rel"] == "self"
    assert orjson.loads(bench.store.objects["collections.json"]) == []


def test_a_publication_with_nothing_new_is_silent(bench: Bench) -> None:
    """With nothing new, publishing makes no request and writes nothing to the ledger."""
    bench.job("hub", "j1", row("a"))
    bench.publish()
    requests = bench.store.requests
    with bench.ledger.read() as conn:
        before = conn.exec_driver_sql("PRAGMA data_version").scalar()
        counts = bench.publish()
        assert conn.exec_driver_sql("PRAGMA data_version").scalar() == before
    assert (counts.written, counts.unchanged, counts.deleted, bench.store.requests) == (0, 0, 0, requests)


def test_a_job_taken_again_unchanged_writes_nothing(bench: Bench) -> None:
    """The same results give the same bytes: nothing is put."""
    for _ in range(2):
        difference = bench.job("hub", "j1", row("a"), row("b"))
        counts = bench.publish()
    assert (difference.unchanged, bool(difference), counts.written) == (2, False, 0)


def test_a_changed_item_replaces_its_document_and_its_old_file_goes(bench: Bench) -> None:
    """An Item whose file changed is replaced whole; the old file is deleted only when nothing names it any more."""
    bench.job("hub", "j1", row("a", asset="old.tif"))
    bench.publish()
    bench.job("hub", "j1", row("a", asset="new.tif"))
    assert "hub/fields/a/old.tif" in bench.store.objects
    bench.publish()
    sound(bench)
    assert "hub/fields/a/old.tif" not in bench.store.objects
    assert bench.ledger.assets.get_many(["hub/fields/a/old.tif"]) == {}


def test_items_that_a_job_no_longer_has_are_deleted(bench: Bench) -> None:
    """Items that left their job leave the catalog with their files; other jobs' Items stay."""
    bench.job("hub", "j1", row("a"), row("b"))
    bench.job("hub", "j2", row("c", job="j2"))
    bench.publish()
    bench.job("hub", "j1", row("b"))
    counts = bench.publish()
    sound(bench)
    assert sorted(key for key in bench.store.objects if "/fields/" in key and key.count("/") == 3) == [
        "hub/fields/b/b.json",
        "hub/fields/b/data.tif",
        "hub/fields/c/c.json",
        "hub/fields/c/data.tif",
    ]
    assert counts.deleted == 1


@pytest.mark.parametrize("delete_assets", [False, True])
def test_a_retired_job_leaves_the_catalog(bench: Bench, delete_assets: bool) -> None:
    """Retiring takes a job's documents out; its files go only when that was asked for."""
    bench.job("hub", "j1", row("a"))
    bench.job("eo", "k1", row("k", provider="eo", collection="k1", job="k1"))
    bench.publish()
    assert bench.ledger.items.jobs() == [("eo", "k1"), ("hub", "j1")]
    bench.publisher.retire("hub", "j1", delete_assets=delete_assets)
    bench.publish()
    sound(bench)
    left = {key for key in bench.store.objects if key.startswith("hub/")}
    assert left == (set() if delete_assets else {"hub/fields/a/data.tif"})
    assert listed(bench, "catalog.json", "child") == ["eo/catalog.json"]


def test_a_file_that_several_items_share_stays_while_one_names_it(bench: Bench) -> None:
    """A file of a package goes only with the last Item that names it."""

    def with_shared(name: str) -> StagedItem:
        where = f"{layout.package_folder('hub', 'j1', 'p')}/shared.tif"
        key = layout.item_key("hub", "fields", name)
        made: dict[str, Any] = {
            "type": "Feature",
            "stac_version": "1.1.0",
            "id": name,
            "geometry": None,
            "links": [],
            "collection": "x",
        }
        properties = {"datetime": "2025-06-01T00:00:00Z"}
        assets = {"s": {"href": layout.href(key, where)}}
        return StagedItem.of({**made, "properties": properties, "assets": assets}, "hub", "fields", "j1", key)

    shared = "hub/packages/j1/p/shared.tif"
    bench.job("hub", "j1", with_shared("a"), with_shared("b"))
    bench.publish()
    bench.job("hub", "j1", with_shared("b"))
    bench.publish()
    assert shared in bench.store.objects
    bench.job("hub", "j1", row("c"))
    bench.publish()
    assert shared not in bench.store.objects


def test_staged_items_are_invisible_until_their_job_is_committed(bench: Bench) -> None:
    """What is staged of an unfinished job is neither written nor linked."""
    bench.publish()
    bench.ledger.items.stage("hub", "j1", [row("a")])
    assert bench.publish().written == 0
    assert sorted(bench.store.objects) == [layout.EDITION, "catalog.json", "collections.json"]


def test_a_new_title_is_repeated_everywhere(bench: Bench) -> None:
    """When a Collection, a provider or the catalog gets another title, all links repeat it."""
    bench.limit = 3
    bench.job("hub", "j1", *[row(f"i{n}") for n in range(8)], title="Fields")
    bench.publish()
    bench.job("hub", "j1", *[row(f"i{n}") for n in range(8)], title="Meadows")
    bench.publish()
    sound(bench)
    bench.providers = {**PROVIDERS, "hub": ProviderFacts(kind="sentinelhub", title="Hub II")}
    bench.publish()
    sound(bench)
    bench.facts = replace(bench.facts, title="Another name")
    bench.publish()
    sound(bench)
    assert document(bench, "hub/fields/i1/i1.json")["links"][0]["title"] == "Another name"


def test_two_providers_may_wish_the_same_collection(bench: Bench) -> None:
    """Ids are unique in the catalog: the later Collection gets its provider's name behind it, and keeps it."""
    bench.job("hub", "j1", row("a", collection="ndvi"))
    bench.publish()
    bench.job("eo", "k1", row("k", provider="eo", collection="ndvi", job="k1"))
    bench.publish()
    bench.job("hub", "j1", row("a", collection="ndvi", title="changed"))
    bench.publish()
    sound(bench)
    assert document(bench, "hub/ndvi/collection.json")["id"] == "ndvi"
    assert document(bench, "eo/ndvi/collection.json")["id"] == "ndvi-eo"
    assert document(bench, "eo/ndvi/k/k.json")["collection"] == "ndvi-eo"


def test_the_list_of_collections_names_files_from_the_root(bench: Bench) -> None:
    """`collections.json` is an array of all Collections by id, without their children, hrefs from the root."""

    class Parquet:
        def update(
            self, provider: str, collection: str, changed_months: frozenset[str], document: Mapping[str, Any]
        ) -> IndexAsset:
            assert "items" not in document.get("assets", {})
            told.append((provider, collection, changed_months))
            return IndexAsset(key=layout.parquet_key(provider, collection), fields={"roles": ["collection-mirror"]})

        def owed(self) -> frozenset[tuple[str, str]]:
            return frozenset()

    told: list[tuple[str, str, frozenset[str]]] = []
    bench.index = Parquet()
    bench.job("hub", "j1", row("a"), row("b", "2025-07-01T00:00:00Z", collection="woods"))
    bench.publish()
    found = orjson.loads(bench.store.objects["collections.json"])
    assert [one["id"] for one in found] == ["fields", "woods"]
    assert [one["assets"]["items"]["href"] for one in found] == ["hub/fields/items.parquet", "hub/woods/items.parquet"]
    assert all(not {"item", "child"} & {link["rel"] for link in one["links"]} for one in found)
    assert sorted(told) == [("hub", "fields", frozenset({"2025-06"})), ("hub", "woods", frozenset({"2025-07"}))]


def test_many_collections_are_listed_by_month(bench: Bench) -> None:
    """A provider with many Collections lists them by month of creation."""
    bench.limit = 3
    for n in range(10):
        name = f"k{n}"
        made = row(f"i{n}", provider="eo", collection=name, job=name)
        bench.job("eo", name, made, at=f"2025-0{n % 2 + 1}-01T00:00:00Z")
    bench.publish()
    sound(bench)
    months = ["eo/by-month/2025-02/catalog.json", "eo/by-month/2025-01/catalog.json"]
    assert listed(bench, "eo/catalog.json", "child") == months
    assert len(crawl(bench.store.objects).items) == 10
    assert document(bench, "eo/k3/collection.json")["links"][1]["href"] == "../catalog.json"


def test_a_writer_that_lost_its_right_writes_nothing(bench: Bench) -> None:
    """When the lease is lost, the publication ends before the next write, and the new holder completes it."""
    bench.job("hub", "j1", row("a"))

    def refuse() -> None:
        raise LeaseHeld("another process writes this catalog")

    bench.guard = refuse
    documents = dict(bench.tree())
    with pytest.raises(LeaseHeld):
        bench.publish()
    assert bench.tree() == documents
    bench.guard = lambda: None
    bench.publish()
    sound(bench)


def test_a_document_that_somebody_else_wrote_is_put_right_by_the_holder_of_the_lease(bench: Bench) -> None:
    """A conditional write that finds another document asks for the right to write once more, and then wins."""
    bench.job("hub", "j1", row("a"))
    bench.publish()
    bench.store.objects["hub/fields/collection.json"] = b"{}"
    del bench.store.objects["catalog.json"]
    asked: list[int] = []
    bench.guard = lambda: asked.append(len(bench.store.writes))
    bench.facts = replace(bench.facts, title="Anew")
    bench.publish()
    sound(bench)
    assert len(asked) > len(set(asked))


def test_a_catalog_in_a_folder_is_sound(bench: Bench, tmp_path: Path) -> None:
    """The real store: published, audited with checksums, adopted by a new ledger; nothing is to be done again."""
    store = FolderStorage(tmp_path / "catalog", clock=clock)
    rows = [row(f"j1-{n}", f"2025-0{n % 3 + 1}-01T00:00:00Z") for n in range(9)]
    bench.job("hub", "j1", *rows)
    for key, data in bench.store.objects.items():
        store.put(key, data, content_type="image/tiff")
    publisher = Publisher(store, bench.ledger, bench.facts, limit=4)
    assert publisher.publish(PROVIDERS).written == 16
    report = audit(store, checksums=True)
    assert (report.findings, report.assets) == ((), 9)
    with a_bench() as fresh:
        again = Publisher(store, fresh.ledger, bench.facts, limit=4)
        adopted = again.adopt()
        assert adopted is not None
        assert (adopted.items, adopted.findings) == (9, ())
        assert again.publish(PROVIDERS).written == 0
        assert again.rebuild(PROVIDERS).written == 16


def test_readers_never_meet_a_broken_link_while_jobs_are_published() -> None:
    """A reader that crawls again and again during publications finds every document that the one it just read names."""
    with a_bench(limit=3) as bench:
        bench.publish()
        stop, trouble, rounds = Event(), list[str](), list[int]()

        def read() -> None:
            while not stop.is_set():
                rounds.append(read_once(bench.store, trouble))

        reader = Thread(target=read)
        reader.start()
        try:
            for step in range(5):
                days = [f"2025-{1 + step % 3:02d}-{day:02d}T00:00:00Z" for day in range(1, 8 - step % 5)]
                bench.job("hub", "j1", *[row(f"j1-{n}", when, asset=f"v{step}.tif") for n, when in enumerate(days)])
                bench.job(
                    "hub", f"k{step}", *[row(f"k{step}-{n}", when, job=f"k{step}") for n, when in enumerate(days)]
                )
                bench.publish()
        finally:
            stop.set()
            reader.join()
    assert trouble == []
    assert len(rounds) > 3
    assert max(rounds) > 20


def read_once(store: MemoryStore, trouble: list[str]) -> int:
    """Crawl once; a link that leads nowhere is a fault if the document that holds it still does so."""
    todo, seen = ["catalog.json"], set[str]()
    while todo:
        key = todo.pop()
        if key in seen or (data := store.objects.get(key)) is None:
            continue
        seen.add(key)
        named = names(key, data)
        for target in named:
            now = store.objects.get(key)
            if target not in store.objects and now is not None and target in names(key, now):
                trouble.append(f"{key} names {target}, which is not there")
        todo += [target for target in named if target.endswith(".json")]
    return len(seen)


def names(key: str, data: bytes) -> set[str]:
    found = orjson.loads(data)
    links = [one for one in found["links"] if one["rel"] in {"root", "parent", "collection", "child", "item"}]
    hrefs = [*links, *found.get("assets", {}).values()]
    return {layout.resolve(key, one["href"]) for one in hrefs}
