"""STAC APIs that take the Items too, against a small one that misbehaves as real ones do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any

import pytest
from pydantic import SecretStr
from stacsync.errors import Stopped
from stacsync.targets import PushReport, Shape, Target
from stacsync.testing import context
from tests.catalog.bench import FACTS, Bench, a_bench, row
from tests.kit.stac_api import StacApi, Wrong, serving

TOKEN = "made-up-target-token-7f3a"


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def bench() -> Iterator[Bench]:
    with a_bench() as made:
        yield made


@pytest.fixture
def api() -> Iterator[StacApi]:
    with serving(StacApi(token=TOKEN)) as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


Connect = Callable[..., Target]


@pytest.fixture
def connect(bench: Bench, clock: Clock) -> Iterator[Connect]:
    made: list[Target] = []

    def connect(api: StacApi, public_url: str | None = FACTS.public_url, **more: Any) -> Target:
        token = SecretStr(TOKEN)
        shape = Shape("s3://acme/eo", public_url)
        made.append(Target(api.url, token, ledger=bench.ledger, shape=shape, context=context("t", **more), clock=clock))
        return made[-1]

    yield connect
    for target in made:
        target.close()


@pytest.fixture
def target(api: StacApi, connect: Connect) -> Target:
    return connect(api)


def publish(bench: Bench, *names: str, **more: Any) -> None:
    bench.job("hub", "j1", *(row(name, **more) for name in names))
    bench.publish()


def well(report: PushReport) -> PushReport:
    assert (report.error, report.refused) == (None, {})
    return report


@pytest.mark.parametrize("bulk", [True, False])
@pytest.mark.parametrize("described", [True, False])
def test_what_is_published_is_at_the_target(bench: Bench, connect: Connect, bulk: bool, described: bool) -> None:
    """Collections and Items arrive whether the API takes them in bulk or one by one, and whether it tells or not."""
    with serving(StacApi(bulk=bulk, described=described, token=TOKEN)) as api:
        publish(bench, *(f"i-{number}" for number in range(7)))
        target = connect(api)
        assert well(target.push()).sent == 7
        assert set(api.everything()) == {f"fields/i-{number}" for number in range(7)}
        assert set(api.collections) == {"fields"}
        assert sum("bulk_items" in one for one in api.writes) <= 1


def test_hrefs_are_absolute_and_lead_to_what_is_published(bench: Bench, api: StacApi, target: Target) -> None:
    """An Item at the target names our files by their public address, and the published document as canonical."""
    publish(bench, "a")
    target.push()
    item = api.items["fields"]["a"]
    assert item["assets"]["data"]["href"] == "https://data.example/hub/fields/a/data.tif"
    links = {link["rel"]: link["href"] for link in item["links"]}
    assert links == {"canonical": "https://data.example/hub/fields/a/a.json", "via": "https://example.org/jobs/j1"}
    collection = {link["rel"]: link["href"] for link in api.collections["fields"]["links"]}
    assert collection["canonical"] == "https://data.example/hub/fields/collection.json"
    assert not collection.keys() & {"root", "parent", "self", "item", "child"}


def test_without_a_public_address_hrefs_name_the_store(bench: Bench, api: StacApi, connect: Connect) -> None:
    """Where nobody said what readers see, hrefs begin with the store's own address, no link claims more, `check` tells."""
    publish(bench, "a")
    target = connect(api, public_url=None)
    well(target.push())
    item = api.items["fields"]["a"]
    assert item["assets"]["data"]["href"] == "s3://acme/eo/hub/fields/a/data.tif"
    assert [link["rel"] for link in item["links"]] == ["via"]
    assert any("s3://acme/eo" in line.message and "public_url" in line.message for line in target.check())


def test_nothing_new_asks_nothing(bench: Bench, api: StacApi, target: Target) -> None:
    """A push with nothing pending sends no request at all."""
    publish(bench, "a", "b")
    target.push()
    api.seen.clear()
    assert not target.push()
    assert api.seen == []


def test_only_what_changed_is_sent(bench: Bench, api: StacApi, target: Target) -> None:
    """One Item more and one changed among many: those two are sent, and the Collection that tells of them."""
    publish(bench, *(f"i-{number:02d}" for number in range(30)))
    target.push()
    api.seen.clear()
    rows = [row(f"i-{number:02d}") for number in range(31)]
    bench.job("hub", "j1", *rows[:5], row("i-05", cloudy=True), *rows[6:])
    bench.publish()
    assert well(target.push()).sent == 2
    bulk = [one.body["items"] for one in api.seen if one.path.endswith("/bulk_items")]
    assert [sorted(one) for one in bulk] == [["i-05", "i-30"]]
    assert api.items["fields"]["i-05"]["properties"]["cloudy"] is True


def test_items_that_went_are_deleted_at_the_target(bench: Bench, api: StacApi, target: Target) -> None:
    """An Item that a job no longer has goes from the API too; deleting what is gone already is no error."""
    publish(bench, "a", "b", "c")
    target.push()
    publish(bench, "a")
    del api.items["fields"]["c"]
    assert well(target.push()).removed == 2
    assert set(api.items["fields"]) == {"a"}


def test_a_retired_job_takes_its_collection_along(bench: Bench, api: StacApi, target: Target) -> None:
    """A Collection that lost its last Item goes from the API, once it is empty there."""
    publish(bench, "a")
    bench.job("hub", "j2", row("x", collection="other", job="j2"))
    bench.publish()
    target.push()
    bench.publisher.retire("hub", "j2")
    bench.publish()
    well(target.push())
    assert set(api.collections) == {"fields"}
    assert not target.push()


def test_foreign_items_keep_their_collection(bench: Bench, api: StacApi, target: Target) -> None:
    """A Collection that somebody else put Items into stays, with theirs, when ours go."""
    publish(bench, "a")
    target.push()
    api.items["fields"]["theirs"] = {"id": "theirs"}
    bench.publisher.retire("hub", "j1")
    bench.publish()
    well(target.push())
    assert set(api.everything()) == {"fields/theirs"}


def test_a_collection_that_is_there_already_is_replaced(bench: Bench, api: StacApi, target: Target) -> None:
    """A Collection of that id is brought up to date rather than refused."""
    api.collections["fields"], api.items["fields"] = {"id": "fields", "title": "old"}, {}
    publish(bench, "a")
    well(target.push())
    assert api.collections["fields"]["title"] == "fields"


def test_lost_answers_double_nothing(bench: Bench, api: StacApi, connect: Connect) -> None:
    """Requests whose answers were lost are made again, and what exists is replaced."""
    api.bulk = False
    publish(bench, "a", "b")
    api.fail("POST /collections$", Wrong(deaf=True))
    api.fail("POST .*/items$", Wrong(deaf=True), Wrong(deaf=True))
    assert well(connect(api).push()).sent == 2
    assert set(api.everything()) == {"fields/a", "fields/b"}


def test_short_failures_are_waited_out(bench: Bench, api: StacApi, target: Target) -> None:
    """Server errors, throttling and broken connections are tried again within the push."""
    publish(bench, "a", "b")
    api.fail("POST /collections$", Wrong(500), Wrong(503))
    api.fail("bulk_items", Wrong(429, headers={"Retry-After": "1"}), Wrong(deaf=True))
    assert well(target.push()).sent == 2


def test_a_batch_that_is_too_large_is_halved(bench: Bench, api: StacApi, target: Target) -> None:
    """413 to a bulk request leads to smaller ones; all Items arrive."""
    api.largest = 4_000
    publish(bench, *(f"i-{number:02d}" for number in range(20)))
    assert well(target.push()).sent == 20
    assert len(api.everything()) == 20


def test_a_bulk_endpoint_that_breaks_is_done_without(bench: Bench, api: StacApi, target: Target) -> None:
    """Items arrive one by one when the bulk endpoint fails for whatever reason."""
    publish(bench, "a", "b", "c")
    api.fail("bulk_items", *[Wrong(500)] * 5)
    assert well(target.push()).sent == 3


@pytest.mark.parametrize("bulk", [True, False])
def test_a_refused_item_holds_up_no_other(bench: Bench, connect: Connect, clock: Clock, bulk: bool) -> None:
    """What the API does not take is told with its reason; all else arrives; `run` waits before it asks again."""
    with serving(StacApi(bulk=bulk, token=TOKEN)) as api:
        api.refuses = lambda item: "no geometry" if item["id"] == "b" else None
        publish(bench, "a", "b", "c")
        target = connect(api)
        report = target.push()
        assert (report.sent, report.error) == (2, None)
        assert "fields/b" in report.told("hub")
        assert "no geometry" in report.told("hub")
        state = target.state()
        assert (state.pushed, state.pending) == (2, 1)
        assert [one[:3] for one in state.refused] == [("hub", "fields", "b")]
        api.seen.clear()
        assert not target.push(patient=True).refused
        assert not [one for one in api.writes if "items" in one]
        clock.now += timedelta(minutes=2)
        assert target.push(patient=True).refused
        api.refuses = lambda _: None
        assert well(target.push()).sent == 1
        assert (target.state().pending, target.state().refused) == (0, [])


def test_a_target_that_is_down_is_left_alone_ever_longer(
    bench: Bench, api: StacApi, target: Target, clock: Clock
) -> None:
    """Failures double the wait of `run`; once it works again nothing is missing."""
    publish(bench, "a")
    api.fail(".", *[Wrong(502)] * 100)
    assert "502" in str(target.push(patient=True).error)
    asked = len(api.seen)
    assert not target.push(patient=True)
    assert len(api.seen) == asked
    clock.now += timedelta(minutes=1)
    assert target.push(patient=True).error
    state = target.state()
    assert (state.attempts, state.pending) == (2, 1)
    assert state.next_attempt == clock.now + timedelta(minutes=2)
    api.mend()
    clock.now += timedelta(minutes=2)
    assert well(target.push(patient=True)).sent == 1
    state = target.state()
    assert (state.error, state.attempts, state.pending) == ("", 0, 0)


def test_server_errors_in_a_row_are_the_targets_fault(bench: Bench, api: StacApi, target: Target) -> None:
    """An API that fails for document after document is given up rather than asked a thousand times."""
    api.bulk = False
    publish(bench, *(f"i-{number:02d}" for number in range(20)))
    api.fail("POST .*/items$", *[Wrong(500)] * 100)
    report = target.push()
    assert "500" in str(report.error)
    assert len([one for one in api.writes if one.endswith("/items")]) <= 15


def test_a_refused_token_is_told_and_never_shown(bench: Bench, api: StacApi, target: Target) -> None:
    """401 names the setting to look at, and not the token."""
    api.token = "another"
    publish(bench, "a")
    report = target.push()
    assert "targets.token" in str(report.error)
    lines = list(target.check())
    assert [line.ok for line in lines] == [False]
    assert "targets.token" in lines[0].remedy
    assert TOKEN not in repr((report, lines, target.state(), target))


def test_an_api_that_takes_nothing_is_told(bench: Bench, api: StacApi, target: Target) -> None:
    """Without the Transaction extension both `check` and the push say what is missing."""
    publish(bench, "a")
    assert [line.ok for line in target.check()] == [True]
    api.transaction = False
    assert "Transaction" in str(target.push().error)
    (line,) = target.check()
    assert (line.ok, "Transaction" in line.message) == (False, True)


def test_a_target_that_lost_its_data_gets_it_again(bench: Bench, api: StacApi, target: Target) -> None:
    """A Collection that the API forgot is noticed with the next change; everything of it is sent again."""
    publish(bench, "a", "b")
    target.push()
    api.collections.clear()
    api.items.clear()
    publish(bench, "a", "b", "c")
    target.push()
    well(target.push())
    assert set(api.everything()) == {"fields/a", "fields/b", "fields/c"}


def test_everything_is_sent_again_when_asked(bench: Bench, api: StacApi, target: Target) -> None:
    """After `forget` (what `rebuild` does) an API that was emptied is filled again."""
    publish(bench, "a", "b")
    target.push()
    api.collections.clear()
    api.items.clear()
    target.forget()
    assert well(target.push()).sent == 2


def test_another_public_address_is_told_to_the_target(bench: Bench, api: StacApi, connect: Connect) -> None:
    """When readers see the store elsewhere, every Item is sent with its new hrefs."""
    publish(bench, "a", "b")
    connect(api).push()
    assert well(connect(api, public_url="https://new.example").push()).sent == 2
    assert api.items["fields"]["b"]["assets"]["data"]["href"].startswith("https://new.example/")


def test_two_targets_do_not_mix(bench: Bench, api: StacApi, connect: Connect) -> None:
    """Each API has its own account of what it took."""
    publish(bench, "a")
    with serving(StacApi(token=TOKEN)) as other:
        connect(api).push()
        assert connect(other).state().pending == 1
        well(connect(other).push())
        assert set(other.everything()) == set(api.everything()) == {"fields/a"}


def test_what_is_not_published_yet_is_not_sent_and_not_forgotten(bench: Bench, api: StacApi, target: Target) -> None:
    """A push between commit and publication sends nothing of it; the next one does."""
    publish(bench, "a")
    target.push()
    bench.job("hub", "j1", row("a"), row("b"))
    target.push()
    assert set(api.everything()) == {"fields/a"}
    bench.publish()
    assert well(target.push()).sent == 1
    assert set(api.everything()) == {"fields/a", "fields/b"}


def test_changed_settings_of_the_collection_arrive(bench: Bench, api: StacApi, target: Target) -> None:
    """A change of the Collection's own document alone is sent, and no Item."""
    publish(bench, "a")
    target.push()
    bench.facts = replace(FACTS, license="CC-BY-4.0")
    bench.publish()
    report = well(target.push())
    assert (report.collections, report.sent) == (1, 0)
    assert api.collections["fields"]["license"] == "CC-BY-4.0"


def test_a_push_stops_when_asked(bench: Bench, api: StacApi, connect: Connect) -> None:
    """Stopping ends a push within moments; what was sent until then is remembered."""
    publish(bench, "a")
    stop = Event()
    stop.set()
    with pytest.raises(Stopped):
        connect(api, stop=stop).push()
    assert api.writes == []


def test_pushes_of_one_target_do_not_overlap(bench: Bench, api: StacApi, target: Target) -> None:
    """`run` finds a push under way and leaves it to that one."""
    publish(bench, "a", "b")
    inside, go = Event(), Event()

    def refuses(_: dict[str, Any]) -> None:
        inside.set()
        go.wait(10)

    api.refuses = refuses
    thread = Thread(target=target.push)
    thread.start()
    try:
        assert inside.wait(10)
        assert not target.push(patient=True)
    finally:
        go.set()
        thread.join()
    assert target.state().pending == 0


def test_many_items_are_sent_in_batches(bench: Bench, api: StacApi, target: Target) -> None:
    """A large Collection goes in requests of a few hundred Items, each Item once."""
    rows = [row(f"i-{number:05d}", f"2025-06-01T10:{number % 60:02d}:00Z", asset=None) for number in range(2_000)]
    bench.job("hub", "j1", *rows)
    bench.publish()
    assert well(target.push()).sent == 2_000
    bulk = [one.body["items"] for one in api.seen if one.path.endswith("/bulk_items")]
    assert max(map(len, bulk)) <= 200
    assert sum(map(len, bulk)) == len(api.everything()) == 2_000
