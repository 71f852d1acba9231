"""Whatever happened before, the published bytes depend on the final set of jobs alone."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stacsync.errors import StorageError
from stacsync.ledger import StagedItem
from tests.catalog.bench import Bench, Killed, a_bench, crawl, row

LIMIT = 3

Job = tuple[tuple[str, str | None, str], ...]
"""(name, time, collection) of each Item; no Items: the job contributes to a Collection alone."""

times = st.one_of(
    st.none(),
    st.builds("{:04d}-{:02d}-03T00:00:00Z".format, st.sampled_from([1999, 2024, 2025]), st.integers(1, 12)),
    st.just("2025-06-01T00:00:00Z"),
)
jobs = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), times, st.sampled_from(["fields", "woods"])),
    max_size=8,
    unique_by=lambda one: (one[0], one[2]),
).map(tuple)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("job"), st.sampled_from(["j1", "j2", "j3"]), jobs),
        st.tuples(st.just("retire"), st.sampled_from(["j1", "j2", "j3"]), st.just(())),
        st.tuples(st.just("publish"), st.integers(0, 40), st.just(())),
    ),
    min_size=1,
    max_size=10,
)


def rows_of(job: str, items: Job) -> list[StagedItem]:
    return [
        row(f"{job}-{name}", when, provider="hub", collection=collection, job=job, asset=f"{(when or 'x')[:7]}.tif")
        for name, when, collection in items
    ]


def take(bench: Bench, job: str, items: Job) -> None:
    rows = rows_of(job, items)
    bench.job("hub", job, *rows, collections=() if rows else ("fields",), keywords=(job,))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_any_history_ends_in_the_same_bytes(history: list[tuple[str, object, Job]]) -> None:
    """Adding, changing, retiring and publishing in any order ends in the bytes of publishing the final set at once."""
    final: dict[str, Job] = {}
    with a_bench(LIMIT) as lived, a_bench(LIMIT) as fresh:
        for what, which, items in history:
            if what == "publish":
                lived.publish()
                sound(lived)
            elif what == "job":
                take(lived, str(which), items)
                final[str(which)] = items
            else:
                lived.publisher.retire("hub", str(which), delete_assets=True)
                final.pop(str(which), None)
        for job, items in sorted(final.items()):
            take(fresh, job, items)
        lived.publish()
        fresh.publish()
        assert lived.store.objects == fresh.store.objects
        sound(lived)


def sound(bench: Bench) -> None:
    found = crawl(bench.store.objects)
    assert found.problems == []
    assert found.stale == []


def catalog_before(bench: Bench) -> None:
    take(bench, "j1", tuple((name, "2025-06-01T00:00:00Z", "fields") for name in "abcdefgh"))
    take(bench, "j2", (("a", "2024-01-01T00:00:00Z", "woods"),))
    bench.publish()


def change(bench: Bench) -> None:
    take(bench, "j1", tuple((name, "2025-07-01T00:00:00Z", "fields") for name in "abc"))
    take(bench, "j3", tuple((name, "2025-06-02T00:00:00Z", "woods") for name in "abcdef"))
    bench.publisher.retire("hub", "j2", delete_assets=True)


@pytest.mark.parametrize("first", [1, 2, 3, 4])
def test_a_publication_stopped_at_any_write_is_completed_by_the_next(first: int) -> None:
    """Stopped at any write or delete, readers see a sound catalog, and the next publication ends in the same bytes."""
    with a_bench(LIMIT) as undisturbed:
        catalog_before(undisturbed)
        change(undisturbed)
        undisturbed.store.arm()
        undisturbed.publish()
        wanted = undisturbed.store.objects
    steps = undisturbed.store.changes
    assert steps > 30
    for point in range(first, steps + 1, 8):
        how, after_write = ("fail", "kill")[point % 2], bool(point // 2 % 2)
        with a_bench(LIMIT) as bench:
            catalog_before(bench)
            change(bench)
            bench.store.arm(**{f"{how}_at": point}, after_write=after_write)
            with pytest.raises((Killed, StorageError)):
                bench.publish()
            bench.store.arm()
            assert crawl(bench.store.objects).problems == []
            bench.publish()
            assert bench.store.objects == wanted
