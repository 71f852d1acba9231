"""Every snippet of docs/search.md runs, on what was published."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.search.library import Library, item

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/search.md").read_text()
VENVS = ROOT / ".venvs"
EXTENSIONS = VENVS / "duckdb-extensions"
HIT = {"bbox": (11.0, 48.0, 11.5, 48.5), "datetime": "2025-07-01T00:00:00Z", "eo:cloud_cover": 5}


def snippet(name: str) -> str:
    """The Python of the section `With <name>…`."""
    found = re.search(rf"## With {name}.*?```python\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found.group(1)


@pytest.fixture
def catalog(library: Library) -> Path:
    others = {"far": {**HIT, "bbox": (-60.0, -10.0, -59.0, -9.0)}, "early": {**HIT, "datetime": "2021-07-01T00:00:00Z"}}
    library.take([item("hit", **HIT), *(item(name, **fields) for name, fields in others.items())])
    library.take([item("wood", odd=[1])], job="j2", collection="woods")
    return library.root


def run(python: str | Path, code: str, catalog: Path) -> str:
    code = code.replace("https://data.acme.example", str(catalog)).replace(
        "DuckdbClient()", f"DuckdbClient(extension_directory={str(EXTENSIONS)!r}, install_extensions=False)"
    )
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_duckdb(catalog: Path) -> None:
    """DuckDB finds the Item by place, time and property, and gives the address of its file."""
    told = run(sys.executable, snippet("DuckDB"), catalog)
    assert "'hit'" in told
    assert "https://data.example/hub/fields/hit/data.tif" in told
    assert "'far'" not in told
    assert "'early'" not in told


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "missing"), [("geopandas", ["far"]), ("rustac", ["far", "early"]), ("stac-geoparquet", [])]
)
def test_readers(catalog: Path, name: str, missing: list[str]) -> None:
    """geopandas, rustac and stac-geoparquet read the file as it is."""
    told = run(VENVS / "readers/bin/python", snippet(name), catalog)
    assert [one for one in ("hit", "far", "early") if one not in told] == missing


@pytest.fixture
def server(catalog: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = (
        "import rustac, uvicorn; from stac_fastapi.geoparquet.api import create; "
        f"client = rustac.DuckdbClient(extension_directory={str(EXTENSIONS)!r}, install_extensions=False); "
        f"uvicorn.run(create(duckdb_client=client).app, host='127.0.0.1', port={port}, log_level='warning')"
    )
    environment = {**os.environ, "STAC_FASTAPI_COLLECTIONS_HREF": str(catalog / "collections.json")}
    python = VENVS / "geoparquet-api/bin/python"
    with subprocess.Popen([str(python), "-c", code], env=environment) as running:
        try:
            url = f"http://127.0.0.1:{port}"
            for _ in range(300):
                try:
                    urllib.request.urlopen(url, timeout=5).close()
                    break
                except (urllib.error.URLError, ConnectionError):
                    assert running.poll() is None
                    time.sleep(0.2)
            yield url
        finally:
            running.terminate()
            running.wait(20)


@pytest.mark.real
def test_pystac_client_through_an_api(catalog: Path, server: str) -> None:
    """stac-fastapi-geoparquet serves all Collections of `collections.json`; pystac-client finds the Item through it."""
    code = snippet("pystac-client").replace("http://127.0.0.1:8081", server)
    code += "print(sorted(one.id for one in client.get_collections()))\n"
    told = run(VENVS / "readers/bin/python", code, catalog)
    assert told.splitlines() == ["['hit']", "['fields', 'woods']"]
