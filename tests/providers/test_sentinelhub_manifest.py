"""Feature manifest and execution database: foreign SQLite files, read as they are."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from stacsync.demo.sentinelhub.files import Outcome, Row, blob, execution, manifest
from stacsync.errors import JobUnusable
from stacsync.providers.sentinelhub.manifest import Manifest

RECORDINGS = Path(__file__).parents[1] / "recordings" / "sentinelhub"
JOB = "a3c1c1de-5f7b-4c59-9a53-0c61c0c9d001"
AREA = (400_000.0, 4_680_000.0, 410_000.0, 4_690_000.0)
Opened = Callable[[bytes, bytes], Manifest]


@pytest.fixture
def opened(tmp_path: Path, request: pytest.FixtureRequest) -> Opened:
    """Open two files of these bytes."""

    def open_both(gpkg: bytes, database: bytes) -> Manifest:
        (tmp_path / "m 1?.gpkg").write_bytes(gpkg)
        (tmp_path / "e%20.sqlite").write_bytes(database)
        found = Manifest(tmp_path / "m 1?.gpkg", tmp_path / "e%20.sqlite")
        request.addfinalizer(found.close)
        return found

    return open_both


def row(identifier: str, output: str = "default", epsg: int = 32632) -> Row:
    return Row(epsg, output, identifier, f"s3://b/{identifier}/{output}.tif", 10, 10, blob(AREA, epsg))


def test_the_recorded_manifest_is_read_whole() -> None:
    """Two tables, blobs of several forms: the two delivered features are told with their files, the others counted."""
    found = Manifest(
        RECORDINGS / f"featureManifest-{JOB}.reconstructed.gpkg", RECORDINGS / f"execution-{JOB}.reconstructed.sqlite"
    )
    assert found.counts() == {"delivered": 2, "no data": 1, "failed": 1}
    features = list(found.delivered())
    found.close()
    assert [(one.identifier, one.code) for one in features] == [
        ("31TGH_9_1", "EPSG:32631"),
        ("32TMN_0_1", "EPSG:32632"),
    ]
    assert [file.output for file in features[1].files] == ["default", "userdata"]
    assert features[1].files[0].path == f"s3://example-results/ndvi/{JOB}/32TMN_0_1/default.tif"
    assert (features[1].files[0].width, features[1].files[0].height) == (1000, 1000)
    assert len(features[1].polygons) == 1


def test_files_of_a_feature_belong_together_wherever_they_stand(opened: Opened) -> None:
    """Rows of one feature may be anywhere in the table; it is told once, with all its files."""
    rows = [row("b"), row("a"), row("b", "mask"), row("c"), row("a", "mask")]
    found = opened(
        manifest(rows), execution([Outcome("a"), Outcome("b"), Outcome("c", "FATAL", "boom", delivered=False)])
    )
    told = {one.identifier: [file.output for file in one.files] for one in found.delivered()}
    assert told == {"a": ["default", "mask"], "b": ["default", "mask"]}
    assert found.counts() == {"delivered": 2, "failed": 1}


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome("a"), "delivered"),
        (Outcome("a", error="No data", delivered=False), "no data"),
        (Outcome("a", error="NO DATA in the time range", delivered=False), "no data"),
        (Outcome("a", "FATAL", "Evalscript error", delivered=False), "failed"),
        (Outcome("a", "PENDING", delivered=False), "pending"),
        (Outcome("a", error="quota", delivered=False), "not delivered"),
        (Outcome("a", "HIBERNATING", delivered=False), "hibernating"),
        (Outcome("other"), "pending"),
    ],
)
def test_every_outcome_has_a_name(opened: Opened, outcome: Outcome, state: str) -> None:
    """Only what is done and delivered is told; everything else is counted under its reason."""
    found = opened(manifest([row("a")]), execution([outcome]))
    assert found.counts() == {state: 1}
    assert [one.identifier for one in found.delivered()] == (["a"] if state == "delivered" else [])


def test_an_execution_database_without_delivered_is_understood(opened: Opened, tmp_path: Path) -> None:
    """An older database says by status and error alone what was delivered."""
    path = tmp_path / "old.sqlite"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE features (name TEXT, status TEXT, error TEXT)")
    db.executemany("INSERT INTO features VALUES (?, ?, ?)", [("a", "DONE", None), ("b", "DONE", "No data")])
    db.commit()
    db.close()
    assert opened(manifest([row("a"), row("b")]), path.read_bytes()).counts() == {"delivered": 1, "no data": 1}


@pytest.mark.parametrize(
    ("gpkg", "database", "words"),
    [
        (b"not a database at all", b"", "cannot be read"),
        (b"", execution([]), "cannot be read"),
        (manifest([]), execution([]), "no feature table"),
        (manifest([row("a")]), b"rubbish" * 100, "cannot be read"),
        (manifest([row("a")]), manifest([]), "no table of features"),
    ],
)
def test_damaged_files_are_refused_with_words(opened: Opened, gpkg: bytes, database: bytes, words: str) -> None:
    """A file that is none of ours makes the job unusable, and says what is wrong."""
    with pytest.raises(JobUnusable, match=words):
        opened(gpkg, database)


def test_an_unreadable_geometry_names_its_feature(opened: Opened) -> None:
    """A feature whose geometry cannot be read is named; no geometry is guessed."""
    broken = Row(32632, "default", "odd-one", "s3://b/k", 1, 1, b"GP\0\1rubbish")
    found = opened(manifest([broken]), execution([Outcome("odd-one")]))
    with pytest.raises(JobUnusable, match="odd-one"):
        list(found.delivered())


def test_an_unknown_reference_system_is_named(opened: Opened) -> None:
    """A table in a system that nobody knows is named."""
    found = opened(manifest([row("a", epsg=999999)]), execution([Outcome("a")]))
    with pytest.raises(JobUnusable, match="feature_999999"):
        list(found.delivered())


def test_hostile_table_names_are_only_names(tmp_path: Path) -> None:
    """A table called like a command is read like any other."""
    path, other = tmp_path / "m.gpkg", tmp_path / "e.sqlite"
    path.write_bytes(manifest([row("a")]))
    other.write_bytes(execution([Outcome("a")]))
    name = 'x"; DROP TABLE features; --'
    db = sqlite3.connect(path)
    db.execute(f'ALTER TABLE feature_32632 RENAME TO "{name.replace(chr(34), chr(34) * 2)}"')
    db.execute("UPDATE gpkg_geometry_columns SET table_name = ?", (name,))
    db.commit()
    db.close()
    found = Manifest(path, other)
    assert [one.identifier for one in found.delivered()] == ["a"]
    found.close()
