"""The cost of a change is that of the change, however large the catalog."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from stacsync.ledger import StagedItem
from tests.catalog.bench import Bench, row

MANY = 20_000


def rows(count: int, job: str, *, days: float) -> list[StagedItem]:
    first = datetime(2024, 1, 1, tzinfo=UTC)
    times = [first + timedelta(days=days * n / count) for n in range(count)]
    return [
        row(f"{job}-{n}", when.isoformat().replace("+00:00", "Z"), job=job, asset=None) for n, when in enumerate(times)
    ]


def test_one_more_item_rewrites_a_handful_of_documents(bench: Bench) -> None:
    """In a Collection of 20,000 Items, too many for their months, a further job of one Item writes at most 12 documents."""
    bench.job("hub", "j1", *rows(MANY, "j1", days=400))
    first = bench.publish()
    assert first.written > MANY
    bench.job("hub", "j2", row("one-more", "2024-01-20T00:00:00Z", job="j2", asset=None))
    counts = bench.publish()
    assert counts.written <= 12
    bench.job("hub", "j2", row("one-more", "2024-02-20T00:00:00Z", job="j2", asset=None))
    counts = bench.publish()
    assert counts.written <= 12
    assert sum(data.count(b'"rel": "item"') for data in bench.tree().values()) == MANY + 1
