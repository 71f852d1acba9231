"""`stacsync search` and `status`, as a user types them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from stacsync.demo.openeo import OpenEOStandIn
from tests.kit.workspace import FolderStore, Workspace


def test_what_a_pass_published_is_found_by_place_time_and_filter(tmp_path: Path) -> None:
    """After a pass every Item is found, a box and a day narrow it down, and a wrong filter is a usage error."""
    with OpenEOStandIn() as openeo:
        workspace = Workspace(tmp_path, FolderStore(tmp_path / "catalog"), providers={"cdse": openeo.settings()})
        workspace.sync()
        everything = workspace.run("search", "--json").json["features"]
        assert len(everything) > 3
        assert all(
            link["href"].startswith("file://") for one in everything for link in one["links"] if link["rel"] == "self"
        )
        one = everything[0]
        west, south, east, north = one["bbox"]
        when = one["properties"]["datetime"] or one["properties"]["start_datetime"]
        box = f"--bbox={west},{south},{east},{north}"
        found = workspace.run("search", box, "--datetime", when[:10], "--collection", one["collection"], "--csv")
        assert one["id"] in [row["id"] for row in csv.DictReader(io.StringIO(found.stdout))]
        assert workspace.run("search", "--bbox=-170,-80,-169,-79", "--json").json["features"] == []
        wrong = workspace.run("search", "--filter", "no_such_thing = 1")
        assert (wrong.code, "no_such_thing" in wrong.stderr) == (2, True)
        assert workspace.run("status", "--json").json["indexes"] == []
        assert workspace.run("verify", "--json").json["findings"] == []
