"""`stacsync search` on a bucket: filters, tables, the antimeridian, nothing found, and slips of the one who asks."""

from __future__ import annotations

import csv
import io

import pytest
from tests.kit.workspace import Answer, BucketStore, Workspace
from tests.search.library import Library, a_library, item


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, s3_endpoint: str) -> Workspace:
    """A configuration whose bucket holds a published catalog: Items here and there, two of them on the antimeridian."""
    folder = tmp_path_factory.mktemp("bucket")
    bucket = BucketStore(s3_endpoint)
    with a_library(folder / "catalog", public_url=None) as library:
        _filled(library)
        for path in library.root.rglob("*"):
            if path.is_file():
                key = f"{bucket.prefix}/{path.relative_to(library.root)}"
                bucket.client.put_object(Bucket=bucket.bucket, Key=key, Body=path.read_bytes())
    return Workspace(folder, bucket, providers={}, sections={"catalog": {"id": "acme-eo"}})


def _filled(library: Library) -> None:
    library.take(
        [
            item("alps", bbox=(11.0, 46.0, 12.0, 47.0), gsd=10, instruments=["msi"]),
            item("alps-cloudy", bbox=(11.0, 46.0, 12.0, 47.0), gsd=20, instruments=["msi", "sar"]),
            item("fiji", bbox=(179.0, -18.0, -179.0, -16.0), gsd=10),
            item("east-of-fiji", bbox=(-178.0, -18.0, -177.0, -16.0), gsd=10, datetime="2025-06-02T00:00:00Z"),
        ]
    )


def ids(told: Answer) -> list[str]:
    assert told.code == 0, told.stderr
    return [one["id"] for one in told.json["features"]]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("--bbox=10,45,13,48", "--filter", "gsd < 15"), ["alps"]),
        (("--filter", '{"op": ">", "args": [{"property": "gsd"}, 15]}'), ["alps-cloudy"]),
        (("--bbox=178,-20,-176,-10",), ["east-of-fiji", "fiji"]),
        (("--bbox=179.2,-20,179.5,-10",), ["fiji"]),
        (
            (
                "--datetime",
                "2025-06-02/..",
            ),
            ["east-of-fiji"],
        ),
    ],
)
def test_items_of_a_bucket_are_found(workspace: Workspace, words: tuple[str, ...], names: list[str]) -> None:
    """Boxes (across the antimeridian too), times and CQL2 as text or JSON choose Items, read straight from the bucket."""
    assert ids(workspace.run("search", *words, "--json")) == names


def test_a_table_has_its_head_even_when_nothing_is_found(workspace: Workspace) -> None:
    """`--csv` writes one row an Item with absolute addresses; of nothing, the head alone."""
    told = workspace.run("search", "--filter", "gsd = 20", "--csv")
    (row,) = csv.DictReader(io.StringIO(told.stdout))
    assert (row["id"], row["collection"], row["bbox"]) == ("alps-cloudy", "fields", "11 46 12 47")
    assert row["href"].startswith("s3://")
    assert row["href"].endswith("/hub/fields/alps-cloudy/alps-cloudy.json")
    nothing = workspace.run("search", "--bbox=0,0,1,1", "--csv")
    assert (nothing.code, nothing.stdout) == (0, "id,collection,datetime,bbox,href\n")


@pytest.mark.parametrize(
    ("words", "way_out"),
    [
        (("--bbox=1,2,3",), "W,S,E,N"),
        (("--datetime", "summer"), "2026-01-31/2026-02-28"),
        (("--filter", "cloud < 5"), "gsd"),
        (("--collection", "feilds"), "fields"),
    ],
)
def test_a_slip_is_told_with_the_way_out(workspace: Workspace, words: tuple[str, ...], way_out: str) -> None:
    """What cannot be searched is a usage error that names what would work; no traceback."""
    told = workspace.run("search", *words)
    assert told.code == 2, told.stderr
    assert way_out in told.stderr
    assert "Traceback" not in told.stderr
