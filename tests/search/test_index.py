"""`items.parquet` beside each Collection: what it holds, when it changes, and what it makes of odd Items."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from stacsync import stac
from stacsync.errors import ConfigError, StorageError
from stacsync.search import failures
from stacsync.search.update import Update
from tests.search.library import PUBLIC, Library, a_library, item, newest_first


def many(count: int, job: str = "j1") -> list[dict[str, Any]]:
    return [
        item(
            f"{job}-{n:04d}",
            datetime=f"2024-{n * 5 % 12 + 1:02d}-{n % 28 + 1:02d}T00:00:00Z",
            bbox=(n * 37 % 350 - 180.0, n * 17 % 170 - 90.0, n * 37 % 350 - 179.0, n * 17 % 170 - 89.0),
            cloud=n % 100,
        )
        for n in range(count)
    ]


def test_it_is_stac_geoparquet(library: Library) -> None:
    """The file says that it is stac-geoparquet 1.1 and GeoParquet, of which Collection, and where geometry and bbox are."""
    library.take(many(30))
    meta = {
        name: orjson.loads(value) for name, value in library.table().schema.metadata.items() if name != b"ARROW:schema"
    }
    assert meta[b"stac-geoparquet"]["version"] == "1.1.0"
    assert stac.validate(meta[b"stac-geoparquet"]["collections"]["fields"]) == []
    assert meta[b"geo"]["columns"]["geometry"]["encoding"] == "WKB"
    table = library.table()
    assert str(table.schema.field("datetime").type) == "timestamp[us, tz=UTC]"
    assert table.column("bbox")[0].as_py().keys() == {"xmin", "ymin", "xmax", "ymax"}


def test_the_collection_tells_of_it(library: Library) -> None:
    """The Collection has an asset with the role, type, size, checksum and number of rows of the file, and stays valid."""
    library.take(many(30))
    asset, data = library.asset(), library.parquet()
    assert (asset["href"], asset["roles"], asset["type"]) == (
        "items.parquet",
        ["collection-mirror"],
        "application/vnd.apache.parquet",
    )
    assert (asset["file:size"], asset["table:row_count"]) == (len(data), 30)
    assert asset["file:checksum"].startswith("1220")
    assert stac.validate(orjson.loads(library.storage.get("hub/fields/collection.json"))) == []


def test_hrefs_are_absolute_where_readers_address_is_known(tmp_path: Path) -> None:
    """Rows name files by their public address; without one, from the folder that the index lies in."""
    hrefs = []
    for public_url in (PUBLIC, None):
        with a_library(tmp_path / str(public_url)[:4], public_url=public_url) as library:
            library.take([item("a")])
            row = library.table().to_pylist()[0]
            hrefs.append((row["assets"]["data"]["href"], [link["href"] for link in row["links"]]))
    whole, bare = hrefs
    assert whole[0] == f"{PUBLIC}/hub/fields/a/data.tif"
    assert f"{PUBLIC}/hub/fields/a/a.json" in whole[1]
    assert bare[0] == "a/data.tif"
    assert bare[1] == ["../../catalog.json", "collection.json", "collection.json", "https://example.org/jobs/j1"]


def test_rows_lie_by_quarter_then_place(library: Library) -> None:
    """Rows of a quarter lie together, in row groups that hold thousands."""
    library.take(many(200))
    quarters = [(one.month - 1) // 3 for one in library.table().column("datetime").to_pylist()]
    assert quarters == sorted(quarters)
    assert pq.ParquetFile(library.root / "hub/fields/items.parquet").metadata.row_group(0).num_rows == 200


@pytest.mark.parametrize("small", [1, 5_000])
def test_the_same_items_give_the_same_bytes(tmp_path: Path, small: int) -> None:
    """However the Items came, at once or job by job, the file is the same, and a rebuild changes nothing."""
    ways = []
    for number, sizes in enumerate([[60], [20, 1, 39], [59, 1]]):
        with a_library(tmp_path / str(number), small=small) as library:
            documents, start = many(60), 0
            for job, size in enumerate(sizes):
                library.take(documents[start : start + size], job=f"j{job}")
                start += size
            ways.append(library.parquet())
            library.publish(rebuild=True)
            assert library.parquet() == ways[-1]
    assert ways[0] == ways[1] == ways[2]


def test_a_large_index_is_merged_with_what_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the size that is made anew, Items that came, changed or went are merged in: the others are not read again."""
    with a_library(tmp_path, small=10) as library:
        library.take(many(50))
        read: list[str] = []
        monkeypatch.setattr(Update, "_anew", lambda *_, **__: read.append("anew"))
        library.take([item("new", cloud=7)], job="j2")
        changed = item("new", cloud=8, datetime="2023-01-01T00:00:00Z", fresh="column")
        library.take([changed], job="j2")
        assert (read, failures(library.ledger)) == ([], [])
        assert library.found(filter="fresh = 'column' AND cloud = 8") == ["new"]
        library.take(many(49))
        assert library.table().num_rows == 50
        assert library.found() == [one["id"] for one in sorted(library.documents(), key=newest_first)]


def test_a_lost_or_foreign_state_only_costs_time(tmp_path: Path) -> None:
    """Without what is remembered of it, or with another file in its place, an index is made anew and right."""
    with a_library(tmp_path, small=10) as library:
        library.take(many(20))
        library.storage.delete(["hub/fields/items.parquet"])
        library.take([item("a")], job="j2")
        assert len(library.found()) == 21
        library.storage.put(".stacsync/index/hub/fields.parquet", b"nonsense", content_type="x/y")
        library.take([item("b")], job="j3")
        assert len(library.found()) == 22


def test_an_unchanged_collection_costs_nothing(library: Library) -> None:
    """With nothing new the file is not even written; another Collection's change leaves it alone."""
    library.take(many(5))
    before = (library.root / "hub/fields/items.parquet").stat().st_mtime_ns
    library.publish()
    library.take([item("w")], job="j2", collection="woods")
    assert (library.root / "hub/fields/items.parquet").stat().st_mtime_ns == before


def test_a_retired_collection_takes_its_index_along(tmp_path: Path) -> None:
    """When the last Item goes, so do the index, its asset and what was remembered."""
    with a_library(tmp_path, small=1) as library:
        library.take(many(5))
        with library.ledger.write() as conn:
            library.ledger.items.retire(conn, "hub", "j1")
        library.publish()
        assert list(tmp_path.rglob("*.parquet")) == []
        assert library.found() == []


ODD: dict[str, list[dict[str, Any]]] = {
    "an asset key of its own each": [
        item(f"i{n}", assets={f"tile_{n}.tif": {"href": f"t{n}.tif", "roles": ["data"], "file:size": n}})
        for n in range(120)
    ],
    "a property of its own each": [item(f"i{n}", **{f"own_{n}": n}) for n in range(300)],
    "a number here, a word there": [item(f"i{n}", gsd=10 if n % 3 else "ten") for n in range(9)],
    "whole and other numbers": [item(f"i{n}", gsd=n / 2 if n % 2 else n) for n in range(9)],
    "an object here, a list there": [
        item(f"i{n}", thing=[{"a": n}, {}, [n], {"b": {"c": [n]}}][n % 4]) for n in range(9)
    ],
    "names that differ in case": [item("a", Gsd=1, gsd=2), item("b", gSD=3)],
    "names of columns": [item("a", geometry="x", assets_="y", bbox_=1, collection="z", type="t", links=[1])],
    "nothing in it": [item("a", assets={}, empty={}, none=None, hollow=[])],
    "very large numbers": [item("a", big=2**64 - 1, small=-(2**63), wide=1.7e308)],
    "times that are none": [item("a", created="yesterday", updated=12, published="0001-01-01T00:00:00+14:00")],
    "deep": [item("a", deep=orjson.loads("[" * 60 + "]" * 60), nest=orjson.loads('{"a":' * 60 + "1" + "}" * 60))],
    "empty names": [item("a", **{"": 1, " ": 2, "a.b": 3, 'q"uote': 4, "ümlaut": 5})],
}


@pytest.mark.parametrize("documents", ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("small", [1, 5_000])
def test_odd_items_neither_stop_the_index_nor_bloat_it(
    tmp_path: Path, documents: list[dict[str, Any]], small: int
) -> None:
    """Whatever Items hold, each has its row, columns stay few, and search gives back the Items as they were published."""
    with a_library(tmp_path, small=small) as library:
        library.take([item("plain")], job="j0")
        library.take(documents)
        assert failures(library.ledger) == []
        table = library.table()
        assert table.num_rows == len(documents) + 1
        assert pq.ParquetFile(library.root / "hub/fields/items.parquet").metadata.num_columns < 1_000
        assert sorted(library.found()) == sorted(one["id"] for one in library.documents())
        assert library.asset()["table:row_count"] == len(documents) + 1


def test_assets_of_items_with_keys_of_their_own_are_named_by_role(library: Library) -> None:
    """More different asset keys than get a column: rows name assets by role and keep the key as title."""
    library.take(ODD["an asset key of its own each"])
    row = library.table().to_pylist()[0]
    assert list(row["assets"]) == ["data"]
    assert row["assets"]["data"]["title"].startswith("tile_")


def test_what_most_items_say_decides_a_column(library: Library) -> None:
    """Of a number and a word under one name the commoner is searched; the other Item is found by all else."""
    library.take(ODD["a number here, a word there"])
    assert len(library.found(filter="gsd = 10")) == 6
    assert len(library.found(filter="gsd IS NULL")) == 3
    with pytest.raises(ConfigError, match="gsd"):
        library.found(filter="gsd = 'ten'")


def test_a_failure_stops_nothing_and_is_made_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that cannot be written leaves the old one in place, is told of, and is tried again at the next publication."""

    def broken(*_: Any, **__: Any) -> None:
        raise StorageError("no room for an index")

    with a_library(tmp_path) as library:
        library.take([item("a")])
        old = library.asset()
        with monkeypatch.context() as patch:
            patch.setattr(Update, "run", broken)
            library.take([item("b")], job="j2")
            library.publish()
        assert len(library.documents()) == 2
        assert library.asset()["file:checksum"] == old["file:checksum"]
        assert [(one.collection, one.attempts) for one in failures(library.ledger)] == [("fields", 2)]
        assert "no room" in failures(library.ledger)[0].error
        library.publish()
        assert (failures(library.ledger), library.asset()["table:row_count"]) == ([], 2)
        assert sorted(library.found()) == ["a", "b"]
