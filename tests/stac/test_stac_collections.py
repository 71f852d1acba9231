"""Collections and Catalogs as they are published."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stacsync import layout, stac
from stacsync.jobs import (
    AssetRecord,
    CollectionRecord,
    Inline,
    LinkRecord,
    Member,
    Mirrored,
    Remote,
    SourceFolder,
    SourceObject,
    identity,
)
from stacsync.stac import records
from stacsync.stac.licenses import license_of
from tests.conftest import Golden
from tests.stac.making import bare, collected, collection_place, item, made, place, recording, square

EARLY, LATE = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC)


def job_collection() -> CollectionRecord:
    source = recording("openeo_assets10_collection")
    return CollectionRecord(
        id="j-1",
        job_id="j-1",
        title=source["title"],
        description=source["description"],
        license=source["license"],
        providers=tuple(source["providers"]),
        summaries=source["summaries"],
        links=tuple(
            LinkRecord(link["rel"], link["href"], link.get("type"), link.get("title")) for link in source["links"]
        ),
        created=EARLY,
        extra={name: value for name, value in source.items() if ":" in name},
    )


def process_asset(job: str) -> tuple[AssetRecord, Mirrored]:
    found = AssetRecord(
        key="process",
        source=Inline(b"{}"),
        filename="process.json",
        identity=identity("made", job),
        media_type="application/json",
        title="Process graph",
        roles=("process",),
    )
    return found, Mirrored(key=f"acme/ndvi/process-{job}.json", size=2, sha256="cd" * 32, identity=found.identity)


def test_a_jobs_collection_is_published_as_its_golden_file_says(golden: Golden) -> None:
    """Title, license, organisations, extent, summaries and item_assets of a recorded openEO job."""
    record = item(recording("openeo_assets10_item"))
    document = made(record)
    where = place(record)
    key = layout.collection_key("acme", "j-1")
    child = stac.link(key, where.key, "item", document["properties"]["title"], stac.ITEM_TYPE)
    graph, stored = process_asset("j-1")
    contribution = CollectionRecord(
        **{**{name: getattr(job_collection(), name) for name in CollectionRecord.__slots__}, "assets": (graph,)}
    )
    index = {
        "href": "items.parquet",
        "type": "application/vnd.apache.parquet",
        "title": "All items",
        "roles": ["collection-mirror"],
        "file:size": 9,
        "file:checksum": "1220" + "ef" * 32,
        "table:row_count": 1,
    }
    found = stac.collection_document(
        [contribution],
        stac.Summary.of([document]),
        collection_place(collection="j-1", key=key, organisations=({"name": "ACME", "roles": ["host"]},)),
        [child],
        mirrored={graph.identity: stored},
        index=index,
    )
    assert stac.validate(found) == []
    golden("collections/openeo_assets10.json", stac.dumps(found))


def test_a_shared_collection_is_the_union_in_whatever_order_jobs_come() -> None:
    """The oldest job has the first word; keywords and organisations are united; bytes do not depend on order."""
    early = CollectionRecord(
        id="ndvi",
        job_id="j-1",
        title="NDVI",
        keywords=("b", "a"),
        license="proprietary",
        providers=({"name": "X", "roles": ["producer"]},),
        created=EARLY,
        extra={"x:one": 1, "x:both": "early"},
    )
    late = CollectionRecord(
        id="ndvi",
        job_id="j-2",
        title="Other",
        description="Second",
        keywords=("c", "a"),
        license="CC-BY-4.0",
        providers=({"name": "X", "roles": ["host"], "url": "https://x.example"}, {"name": ""}),
        created=LATE,
        extra={"x:both": "late"},
    )
    found = collected(early, late)
    assert stac.dumps(found) == stac.dumps(collected(late, early))
    assert (found["title"], found["description"], found["keywords"]) == ("NDVI", "Second", ["a", "b", "c"])
    assert found["providers"] == [{"name": "X", "roles": ["host", "producer"], "url": "https://x.example"}]
    assert (found["x:one"], found["x:both"], found["created"]) == (1, "early", "2025-01-01T00:00:00Z")
    assert found["license"] == "CC-BY-4.0"
    assert [link["href"] for link in found["links"] if link["rel"] == "license"] == [
        "https://spdx.org/licenses/CC-BY-4.0.html"
    ]
    assert "stacsync:job_id" not in found


@pytest.mark.parametrize(
    ("stated", "published"),
    [
        ("CC-BY-4.0", "CC-BY-4.0"),
        ("proprietary", "other"),
        ("various", "other"),
        ("unknown", "other"),
        ("", "other"),
        (None, "other"),
        ("see https://x.example", "other"),
        ("MIT OR Apache-2.0", "other"),
    ],
)
def test_licenses_are_spdx_or_other(stated: str | None, published: str) -> None:
    """STAC 1.1 knows SPDX ids and "other"."""
    assert license_of(stated) == published


def test_an_expression_of_licenses_would_be_no_valid_stac() -> None:
    """The schema of STAC 1.1.0 refuses what its text allows: should it follow some day, expressions can be published."""
    document = collected(CollectionRecord(id="ndvi", job_id="j", license="MIT"))
    assert stac.validate(document) == []
    assert stac.validate({**document, "license": "MIT OR Apache-2.0"})


def test_a_configured_license_overrides_and_a_default_fills_in() -> None:
    """The operator knows better than a service's constant."""
    stated = CollectionRecord(id="ndvi", job_id="j", license="proprietary")
    silent = CollectionRecord(id="ndvi", job_id="j")
    assert collected(stated, license_override="CC0-1.0")["license"] == "CC0-1.0"
    assert collected(stated, license="CC0-1.0")["license"] == "other"
    assert collected(silent, license="CC0-1.0")["license"] == "CC0-1.0"


def test_the_extent_is_that_of_the_items_and_says_when_it_is_not() -> None:
    """A stated extent serves until an Item has one; the whole world only if nothing else is known."""
    summary = stac.Summary.of([made(bare(geometry=square(1, 2, 3, 4)))])
    stated = CollectionRecord(id="ndvi", job_id="j", bbox=(0, 0, 9, 9), interval=(EARLY, None))
    world = CollectionRecord(id="ndvi", job_id="j", bbox=(-180, -90, 180, 90), interval=(None, None))
    found = collected(stated, summary=summary)
    assert found["extent"]["spatial"]["bbox"] == [[1.0, 2.0, 3.0, 4.0]]
    assert found["extent"]["temporal"]["interval"] == [["2025-07-01T08:30:00Z", "2025-07-01T08:30:00Z"]]
    assert "stacsync:extent_source" not in found
    found = collected(stated)
    assert found["extent"]["spatial"]["bbox"] == [[0, 0, 9, 9]]
    assert found["extent"]["temporal"]["interval"] == [["2025-01-01T00:00:00Z", None]]
    assert found["stacsync:extent_source"] == "provider"
    found = collected(world)
    assert found["extent"]["spatial"]["bbox"] == [[-180.0, -90.0, 180.0, 90.0]]
    assert found["stacsync:extent_source"] == "unknown"


def test_an_incomplete_job_makes_its_collection_incomplete() -> None:
    """One incomplete contribution is enough."""
    whole = CollectionRecord(id="ndvi", job_id="j-1", extra={"stacsync:complete": True})
    part = CollectionRecord(id="ndvi", job_id="j-2", extra={"stacsync:complete": False})
    assert collected(whole, part)["stacsync:complete"] is False
    assert "stacsync:complete" not in collected(CollectionRecord(id="ndvi", job_id="j-1"))


def test_process_graphs_accounts_and_unsigned_words_stay_out() -> None:
    """The graph in `providers` is dropped, and so is whatever names an account."""
    record = CollectionRecord(
        id="ndvi",
        job_id="j",
        providers=({"name": "V", "processing:expression": {"format": "openeo", "expression": {}}, "userId": "alice"},),
        extra={"up42-system:account_id": "alice", "openeo:status": "finished"},
        summaries={"platform": ["S2A"], "eo:bands": [{"name": "x"}], "nothing": [], "user_id": ["alice"]},
    )
    text = stac.dumps(collected(record)).decode()
    assert "alice" not in text
    assert "processing:expression" not in text
    assert collected(record)["summaries"] == {"platform": ["S2A"]}


def test_two_jobs_assets_of_one_key_are_both_kept() -> None:
    """The second gets the first digits of its identity; an asset that is not mirrored is left out."""
    (one, first), (two, second), (three, _) = (process_asset(job) for job in ("j-1", "j-2", "j-3"))
    contributions = [
        CollectionRecord(id="ndvi", job_id=job, assets=(graph,), created=moment)
        for job, graph, moment in (("j-1", one, EARLY), ("j-2", two, LATE), ("j-3", three, LATE))
    ]
    stored = {one.identity: first, two.identity: second}
    found = stac.collection_document(contributions, stac.Summary(), collection_place(), (), mirrored=stored)
    assert list(found["assets"]) == ["process", f"process-{two.identity[:8]}"]
    assert found["assets"]["process"]["href"] == "process-j-1.json"
    assert stac.validate(found) == []


SOURCES = [Remote("p"), SourceObject("b", "k"), SourceFolder("b", "p/"), Member("p", "q"), Inline(b"\x00{}")]
WORDS = st.none() | st.text(max_size=5)


@given(
    st.builds(
        CollectionRecord,
        id=st.text(min_size=1, max_size=5),
        job_id=WORDS,
        title=WORDS,
        description=WORDS,
        license=WORDS,
        keywords=st.lists(st.sampled_from("abc")).map(tuple),
        bbox=st.none() | st.just((0.0, 1.0, 2.0, 3.0)),
        interval=st.none() | st.just((EARLY, None)),
        created=st.none() | st.just(LATE),
        assets=st.lists(
            st.builds(
                AssetRecord,
                key=st.text(max_size=3),
                source=st.sampled_from(SOURCES),
                filename=st.text(max_size=3),
                identity=st.text(max_size=3),
                roles=st.just(("data", "x")),
                size=st.none() | st.integers(0),
                extra=st.just({"proj:epsg": 4326}),
            ),
            max_size=2,
        ).map(tuple),
        links=st.just((LinkRecord("via", "https://x.example/"),)),
        extra=st.just({"x:y": [1, {"z": None}]}),
    )
)
def test_a_contribution_survives_the_ledger(record: CollectionRecord) -> None:
    """to_json and from_json are inverses, through JSON text."""
    assert records.from_json(json.loads(json.dumps(records.to_json(record)))) == record


def test_a_contribution_keeps_no_secret() -> None:
    """The ledger holds no account, no token and no process graph of a provider."""
    record = CollectionRecord(
        id="c",
        job_id="j",
        providers=({"name": "V", "processing:expression": {"format": "openeo", "expression": {"secret": "s3cr3t"}}},),
        extra={"userId": "alice", "note": "https://x.example/?X-Amz-Signature=00"},
    )
    text = json.dumps(records.to_json(record))
    assert not any(word in text for word in ("s3cr3t", "alice", "Signature"))


def test_a_published_collection_can_be_adopted_and_published_again_alike() -> None:
    """When the ledger is lost, the document itself is the contribution, and gives the same bytes."""
    graph, stored = process_asset("j-1")
    base = job_collection()
    contribution = CollectionRecord(
        **{**{name: getattr(base, name) for name in CollectionRecord.__slots__}, "assets": (graph,)}
    )
    where = collection_place()

    def publish(record: CollectionRecord, assets: dict[str, Mirrored]) -> dict[str, Any]:
        return stac.collection_document([record], stac.Summary(), where, (), mirrored=assets)

    first = publish(contribution, {graph.identity: stored})
    adopted, assets = records.from_document(first, where.key)
    assert assets[graph.identity].key == stored.key
    assert stac.dumps(publish(adopted, assets)) == stac.dumps(first)


def test_catalogs_are_valid_and_say_what_they_are() -> None:
    """A Catalog has a description even if nobody wrote one."""
    links = [stac.link("catalog.json", "acme/catalog.json", "child", "ACME")]
    found = stac.catalog_document("root", "Root", "", links, {"stac_browser": {"cardViewMode": "list"}})
    assert stac.validate(found) == []
    assert found["description"] == "Root"
    assert found["links"] == [
        {"rel": "child", "href": "acme/catalog.json", "type": "application/json", "title": "ACME"}
    ]
    assert stac.dumps(found).endswith(b"}\n")


def test_a_document_that_leaks_is_refused() -> None:
    """Validation is the last door: a signed address or an account in any field is a finding."""
    signed = stac.catalog_document(
        "a", "A", "", [{"rel": "via", "href": "https://x.example/?sig=1"}], {"account_id": "x"}
    )
    problems = stac.validate(signed)
    assert [problem.split(":")[0] for problem in problems] == ["account_id", "links/0/href"]


@pytest.mark.parametrize("uri", ["https://stac-extensions.github.io/nonsense/v1.0.0/schema.json"])
def test_an_extension_that_cannot_be_checked_is_a_finding(uri: str) -> None:
    """Nothing is named that was not checked."""
    document = {**made(bare()), "stac_extensions": [uri]}
    assert stac.validate(document) == [f"stac_extensions: {uri} is no extension that this version can check"]
