"""The catalog as readers find it after publications."""

from __future__ import annotations

from tests.catalog.bench import Bench, crawl, row


def test_published_items_are_reached_from_the_root(bench: Bench) -> None:
    """A published job's Items are found by following links from the root, and every link is sound."""
    bench.job("hub", "j1", row("a"), row("b", "2025-07-01T00:00:00Z"))
    counts = bench.publish()
    found = crawl(bench.store.objects)
    assert found.problems == []
    assert sorted(found.items) == ["hub/fields/a/a.json", "hub/fields/b/b.json"]
    assert counts.written == 6


def test_a_publication_with_nothing_new_is_silent(bench: Bench) -> None:
    """With nothing new, publishing makes no request and writes nothing to the ledger."""
    bench.job("hub", "j1", row("a"))
    bench.publish()
    before = bench.store.requests
    counts = bench.publish()
    assert (counts.written, counts.deleted, bench.store.requests) == (0, 0, before)
