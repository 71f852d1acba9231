"""The stac-geoparquet package reads `items.parquet` back into the Items that were published."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.search.library import PUBLIC, Library, item

pytestmark = pytest.mark.real
PYTHON = Path(__file__).parents[2] / ".venvs/readers/bin/python"
READ = """
import json, sys, pyarrow.parquet, stac_geoparquet.arrow
table = pyarrow.parquet.read_table(sys.argv[1])
print(json.dumps(list(stac_geoparquet.arrow.stac_table_to_items(table))))
"""


def told(value: Any) -> Any:
    """A value without what a table cannot tell: absent from null, 10 from 10.0, one spelling of a time from another."""
    if isinstance(value, dict):
        return {name: told(one) for name, one in value.items() if one is not None}
    if isinstance(value, list):
        return [told(one) for one in value]
    if isinstance(value, str) and value[10:11] == "T":
        return datetime.fromisoformat(value).isoformat()
    return value


def test_items_come_back_as_they_were(library: Library) -> None:
    """Geometry, bbox, times, properties, bands and assets are equal; hrefs are absolute, and links lead to the same places."""
    bands = [{"name": "NDVI", "data_type": "float32", "statistics": {"minimum": -0.1, "maximum": 0.9}}]
    data = {"href": "data.tif", "type": "image/tiff", "roles": ["data"], "file:size": 7, "bands": bands}
    picture = {"href": "a.webp", "type": "image/webp", "roles": ["thumbnail"], "proj:shape": [2, 3]}
    period = {"start_datetime": "2025-06-01T00:00:00Z", "end_datetime": "2025-06-30T23:59:59.500000Z"}
    library.take(
        [
            item("plain", gsd=10, instruments=["msi"], created="2025-07-01T00:00:00Z"),
            item("period", datetime=None, **period),
            item("pictured", assets={"data": data, "thumbnail": picture}),
            item("fiji", bbox=(179.0, -18.0, -179.0, -16.0)),
        ]
    )
    file = library.root / "hub/fields/items.parquet"
    done = subprocess.run(
        [str(PYTHON), "-c", READ, str(file)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    found = {one["id"]: told(one) for one in json.loads(done.stdout)}
    published = {one["id"]: told(one) for one in library.documents()}
    assert found.keys() == published.keys()
    for name, one in found.items():
        links = {link["rel"]: link["href"] for link in one.pop("links")}
        published[name].pop("links")
        for asset in published[name]["assets"].values():
            asset["href"] = f"{PUBLIC}/hub/fields/{name}/{asset['href']}"
        assert one == published[name]
        assert links["self"] == f"{PUBLIC}/hub/fields/{name}/{name}.json"
        assert links["collection"] == f"{PUBLIC}/hub/fields/collection.json"
