"""What a search answers, and what it says to those who ask for what there is not."""

from __future__ import annotations

import pytest
from stacsync import stac
from stacsync.errors import ConfigError, StorageError
from stacsync.search import Query
from stacsync.search.results import search
from stacsync.settings.sections import Storage as StorageSettings
from stacsync.storage import open_storage
from tests.kit.workspace import BucketStore
from tests.search.library import PUBLIC, Library, item


def test_results_are_the_published_items_with_hrefs_that_work_anywhere(library: Library) -> None:
    """A result is the Item as published, valid STAC, with absolute hrefs and a `self` link."""
    library.take([item("a", odd={"x": [1, "y"]}, none=None)])
    answer = search(library.storage, Query(), public_url=PUBLIC)
    found = answer["features"][0]
    assert (answer["type"], answer["numberReturned"]) == ("FeatureCollection", 1)
    assert stac.validate(found) == []
    assert found["properties"]["odd"] == {"x": [1, "y"]}
    assert found["assets"]["data"]["href"] == f"{PUBLIC}/hub/fields/a/data.tif"
    assert {link["rel"]: link["href"] for link in found["links"]} == {
        "self": f"{PUBLIC}/hub/fields/a/a.json",
        "root": f"{PUBLIC}/catalog.json",
        "parent": f"{PUBLIC}/hub/fields/collection.json",
        "collection": f"{PUBLIC}/hub/fields/collection.json",
        "via": "https://example.org/jobs/j1",
    }


def test_collections_are_searched_together_and_apart(library: Library) -> None:
    """Without names all Collections are searched, newest first over all; a name that is none is answered with the nearest."""
    library.take([item("old", datetime="2020-01-01T00:00:00Z"), item("new")])
    library.take([item("mid", datetime="2023-01-01T00:00:00Z", height=3)], job="j2", collection="woods")
    assert library.found() == ["new", "mid", "old"]
    assert library.found(limit=2) == ["new", "mid"]
    assert library.found(collections=("woods",)) == ["mid"]
    assert library.found(filter="height > 2") == ["mid"]
    with pytest.raises(ConfigError, match=r"no collection 'wods'.*woods"):
        library.found(collections=("wods",))


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ("gsd <", "is no CQL2"),
        ("clouds < 5", r"no Item has a property 'clouds'.*gsd"),
        ("gsd = 'x'", "never like"),
        ("S_INTERSECTS(geometry, POINT(0 0))", "use --bbox"),
        ("frobnicate(gsd) = 3", "not supported"),
        ("gsd + 1", "no condition"),
        ("datetime > TIMESTAMP('2024-99-01T00:00:00Z')", "time"),
        ('{"op": "nonsense"', "is no CQL2"),
    ],
)
def test_a_filter_that_cannot_work_is_refused(library: Library, told: str, problem: str) -> None:
    """A filter with a slip in it is refused with what is wrong and what there is, instead of an empty answer."""
    library.take([item("a", gsd=10)])
    with pytest.raises(ConfigError, match=problem):
        library.found(filter=told)


@pytest.mark.parametrize(
    ("told", "names"),
    [
        ("A_CONTAINS(instruments, ('msi'))", ["a", "b"]),
        ("A_OVERLAPS(instruments, ('sar', 'x'))", ["b"]),
        ("A_CONTAINEDBY(instruments, ('msi', 'x'))", ["a"]),
        ("A_EQUALS(instruments, ('sar', 'msi'))", ["b"]),
        ("T_AFTER(datetime, DATE('2025-06-01'))", ["b"]),
        ("T_INTERSECTS(datetime, INTERVAL('2025-06-01T00:00:00Z', '..'))", ["a", "b"]),
        ("T_BEFORE(datetime, TIMESTAMP('2025-06-01T10:00:01Z'))", ["a"]),
        ("datetime >= '2025-07-01T00:00:00Z'", ["b"]),
        ("title LIKE '%\\_b'", ["b"]),
        ("\"stacsync:job_id\" = 'j1' AND id IN ('a', 'z')", ["a"]),
        ('{"op": "=", "args": [{"property": "properties.gsd"}, 20]}', ["b"]),
        ("gsd / 2 = 10 OR gsd ^ 2 = 100", ["a", "b"]),
        ("title = '''; DROP TABLE x; --'", []),
    ],
)
def test_filters_do_what_cql2_says(library: Library, told: str, names: list[str]) -> None:
    """Lists, times, text, numbers, CQL2's JSON form: each means what the standard says; values are never taken for SQL."""
    library.take(
        [
            item("a", gsd=10, instruments=["msi"], title="x_a"),
            item("b", gsd=20, instruments=["msi", "sar"], title="x_b", datetime="2025-07-01T00:00:00Z"),
        ]
    )
    assert sorted(library.found(filter=told)) == names


def test_where_nothing_is_published_it_says_so(library: Library) -> None:
    """Searching where there is no catalog names the way out."""
    with pytest.raises(StorageError, match="stacsync sync"):
        library.found()


def test_an_index_that_cannot_be_read_is_told(library: Library) -> None:
    """A damaged index is named, with the way out."""
    library.take([item("a")])
    library.storage.put("hub/fields/items.parquet", b"not parquet at all", content_type="x/y")
    with pytest.raises(StorageError, match=r"items\.parquet.*stacsync rebuild"):
        library.found()


def test_straight_from_the_bucket(library: Library, s3_endpoint: str) -> None:
    """The index of a bucket is read by ranges, with the same answers as on disk."""
    library.take([item(f"i{n}", cloud=n, bbox=(n, 0.0, n + 0.5, 1.0)) for n in range(50)])
    bucket = BucketStore(s3_endpoint)
    for path in library.root.rglob("*"):
        if path.is_file():
            key = f"{bucket.prefix}/{path.relative_to(library.root)}"
            bucket.client.put_object(Bucket=bucket.bucket, Key=key, Body=path.read_bytes())
    store = open_storage(StorageSettings.model_validate(bucket.table()))
    query = Query(bbox=(10, 0, 14.2, 1), filter="cloud > 11")
    found = [one["id"] for one in search(store, query, public_url=None)["features"]]
    store.close()
    assert found == library.found(bbox=(10, 0, 14.2, 1), filter="cloud > 11") == ["i12", "i13", "i14"]
