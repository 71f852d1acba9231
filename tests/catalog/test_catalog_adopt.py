"""A lost ledger is made good from what is published."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest
from stacsync.errors import Refused
from stacsync.ledger import StagedItem
from tests.catalog.bench import Bench, a_bench, crawl, row

LIMIT = 4


def jobs(bench: Bench) -> None:
    """Two jobs that feed one Collection, long enough for sub-catalogs of sub-catalogs, and one job with its own."""
    many: list[StagedItem] = [row(f"j1-{n}", f"2025-06-{n + 1:02d}T00:00:00Z", job="j1") for n in range(20)]
    bench.job("hub", "j1", *many, keywords=("one",))
    bench.job(
        "hub", "j2", row("j2-a", "2024-01-01T00:00:00Z", job="j2"), row("j2-b", None, job="j2"), keywords=("two",)
    )
    bench.job("eo", "k1", row("k1-a", provider="eo", collection="k1", job="k1"), title="Own")
    bench.job("eo", "k2", collections=("k2",), title="No Items at all")


def lost(before: Bench, after: Bench) -> Bench:
    after.store = before.store
    return after


def test_a_lost_ledger_is_made_from_the_bucket() -> None:
    """After adoption nothing is to be written, and no asset has to be transferred."""
    with a_bench(LIMIT) as before, a_bench(LIMIT) as after:
        jobs(before)
        before.publish()
        published = dict(before.store.objects)
        lost(before, after)
        adopted = after.publisher.adopt()
        assert adopted is not None
        assert (adopted.items, adopted.assets, adopted.findings) == (23, 23, ())
        assert adopted.documents == len(before.tree())
        assert after.publish().written == 0
        known = after.ledger.assets.get_many(published)
        assert {key for key in published if key.endswith(".tif")} == set(known)


def test_jobs_described_again_after_an_adoption_give_the_same_bytes() -> None:
    """When all jobs were taken once more, the catalog is byte for byte what it was."""
    with a_bench(LIMIT) as before, a_bench(LIMIT) as after:
        jobs(before)
        before.publish()
        published = dict(before.store.objects)
        lost(before, after).publisher.adopt()
        jobs(after)
        counts = after.publish()
        assert after.store.objects == published
        assert (counts.written, counts.deleted) == (0, 0)


def test_changes_after_an_adoption_are_published_as_if_nothing_was_lost() -> None:
    """New Items, removed Items and vanished Collections come out the same with an adopted ledger."""

    def change(bench: Bench) -> None:
        jobs(bench)
        bench.job("hub", "j1", *[row(f"j1-{n}", "2025-07-01T00:00:00Z", job="j1") for n in range(3)], keywords=("one",))
        bench.publisher.retire("eo", "k1", delete_assets=True)
        bench.publish()

    with a_bench(LIMIT) as undisturbed, a_bench(LIMIT) as before, a_bench(LIMIT) as after:
        for bench in (undisturbed, before):
            jobs(bench)
            bench.publish()
        lost(before, after).publisher.adopt()
        change(undisturbed)
        change(after)
        assert after.store.objects == undisturbed.store.objects


def test_a_job_that_is_listed_no_more_stays_published() -> None:
    """What is not taken again after an adoption stays where it is."""
    with a_bench(LIMIT) as before, a_bench(LIMIT) as after:
        jobs(before)
        before.publish()
        items = crawl(before.store.objects).items
        lost(before, after).publisher.adopt()
        after.job("hub", "j3", row("j3-a", job="j3"))
        after.publish()
        found = crawl(after.store.objects)
        assert (found.problems, found.stale) == ([], [])
        assert set(found.items) == {*items, "hub/fields/j3-a/j3-a.json"}


def test_a_ledger_that_knows_something_is_left_alone(bench: Bench) -> None:
    """When the ledger knows all that is published, two requests tell so, and nothing is done."""
    jobs(bench)
    bench.publish()
    before = bench.store.requests
    assert bench.publisher.adopt() is None
    assert bench.store.requests == before + 2


def test_an_empty_store_has_nothing_to_adopt(bench: Bench) -> None:
    """A new ledger at a new place is no loss."""
    assert bench.publisher.adopt() is None


@pytest.mark.parametrize(
    "root",
    [b'{"type": "Catalog", "id": "acme-eo", "links": []}', b"not json", b"[]"],
    ids=["foreign", "damaged", "odd"],
)
def test_a_foreign_catalog_is_refused(bench: Bench, root: bytes) -> None:
    """A catalog that stacsync did not write is never written over; the message names the way out."""
    bench.store.objects["catalog.json"] = root
    with pytest.raises(Refused, match=r"did not write .*storage\.url"):
        bench.publisher.adopt()
    assert bench.store.objects == {"catalog.json": root}


def test_a_catalog_of_another_id_is_refused() -> None:
    """Two configurations that share a place by mistake do not write over each other."""
    with a_bench() as before, a_bench() as after:
        before.publish()
        root = orjson.loads(before.store.objects["catalog.json"])
        lost(before, after).store.objects["catalog.json"] = orjson.dumps({**root, "id": "other"})
        with pytest.raises(Refused, match=r"catalog\.id"):
            after.publisher.adopt()


def truncate(data: bytes) -> bytes:
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    "key",
    [
        "hub/catalog.json",
        "hub/fields/collection.json",
        "hub/fields/j2-a/j2-a.json",
        "hub/fields/by-month/2024-01/catalog.json",
        "eo/k1/collection.json",
        "collections.json",
    ],
)
@pytest.mark.parametrize("damage", [truncate, None], ids=["truncated", "deleted"])
def test_damaged_documents_are_skipped_and_put_right(key: str, damage: Callable[[bytes], bytes] | None) -> None:
    """A damaged or missing document does not stop an adoption; once its jobs are taken again all is as before."""
    with a_bench(LIMIT) as before, a_bench(LIMIT) as after:
        jobs(before)
        before.publish()
        published = dict(before.store.objects)
        lost(before, after)
        if damage:
            after.store.objects[key] = damage(published[key])
        else:
            del after.store.objects[key]
        adopted = after.publisher.adopt()
        assert adopted is not None
        assert key in {finding.key for finding in adopted.findings} or key == "collections.json"
        after.publish()
        jobs(after)
        after.publish()
        assert after.store.objects == published
