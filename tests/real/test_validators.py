"""Other people's validators agree: every document that is published is valid, by the schemas as they are published."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.kit.workspace import FolderStore, crawl

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]
HERE = Path(__file__).parent / "validators"
ROOT = Path(__file__).parents[2]
VENVS = ROOT / ".venvs"
SCHEMAS = VENVS / "stac-schemas" / "map.json"
TOOLS = ("pystac", "stac_valid", "stac-check", "stac-node-validator")
UNPUBLISHED = "https://stac-extensions.github.io/ml-model/v1.0.0/schema.json"
"""The one extension that is written here and whose schema no package carries."""


def judged(tool: str, paths: Sequence[Path]) -> dict[str, list[str]]:
    """What a tool finds wrong with each document."""
    if tool == "stac-node-validator":
        return by_node(paths)
    command = [str(VENVS / "validators/bin/python"), str(HERE / "judge.py"), tool, str(SCHEMAS)]
    done = subprocess.run(
        command, input="\n".join(map(str, paths)), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def by_node(paths: Sequence[Path]) -> dict[str, list[str]]:
    """All at once; when some are wrong, again one by one."""
    config = {"schemaMap": json.loads(SCHEMAS.read_text()), "files": [str(path) for path in paths]}
    script = VENVS / "stac-node-validator/node_modules/stac-node-validator/bin/cli.js"
    command = ["node", str(script), "--config", "/dev/stdin"]
    done = subprocess.run(command, input=json.dumps(config), capture_output=True, text=True, timeout=300, check=False)
    if done.returncode == 0 and f"Passed: {len(paths)}\n" in done.stdout:
        return {str(path): [] for path in paths}
    if len(paths) == 1:
        return {str(paths[0]): [done.stdout + done.stderr]}
    return {key: wrong for path in paths for key, wrong in by_node([path]).items()}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> FolderStore:
    """The catalog of the demonstration: jobs of all four kinds."""
    folder = tmp_path_factory.mktemp("validators") / "demo"
    command = [sys.executable, "-m", "stacsync", "demo", str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=280)
    return FolderStore(folder / "catalog")


def documents(store: FolderStore) -> list[Path]:
    return [store.root / key for key, _ in crawl(store, assets=lambda *_: None)]


@pytest.mark.parametrize("tool", TOOLS)
def test_every_document_of_all_providers_is_valid(demo: FolderStore, tool: str) -> None:
    """Each document that is reached from the root is valid by STAC 1.1.0 and by every extension that it names."""
    paths = documents(demo)
    kinds = [json.loads(path.read_text())["type"] for path in paths]
    assert {kind: kinds.count(kind) > 3 for kind in ("Catalog", "Collection", "Feature")} == dict.fromkeys(
        ("Catalog", "Collection", "Feature"), True
    )
    found = judged(tool, paths)
    assert len(found) == len(paths)
    assert {path: wrong for path, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("tool", TOOLS)
def test_what_is_written_of_odd_records_is_valid(tool: str) -> None:
    """The kept examples (undated, composite, of providers' own STAC, with many extensions) are valid too."""
    paths = [
        path
        for kind in ("items", "collections")
        for path in sorted((ROOT / "tests/golden" / kind).glob("*.json"))
        if UNPUBLISHED not in path.read_text()
    ]
    assert len(paths) >= 8
    found = judged(tool, paths)
    wrong = {path: [text for text in texts if not text.startswith("advice, ")] for path, texts in found.items()}
    assert {path: texts for path, texts in wrong.items() if texts} == {}


def _no_place(item: dict[str, Any]) -> None:
    del item["geometry"]


def _size_in_words(item: dict[str, Any]) -> None:
    next(iter(asset for asset in item["assets"].values() if "file:size" in asset))["file:size"] = "large"


def _short_shape(item: dict[str, Any]) -> None:
    next(iter(asset for asset in item["assets"].values() if "proj:shape" in asset))["proj:shape"] = [1]


@pytest.fixture(params=[_no_place, _size_in_words, _short_shape])
def broken(request: pytest.FixtureRequest, demo: FolderStore) -> Iterator[Path]:
    """An Item of the catalog with one thing wrong, while the test runs."""
    harm: Callable[[dict[str, Any]], None] = request.param
    path = next(path for path in documents(demo) if "ndvi-2025" in path.name)
    whole = path.read_bytes()
    document = json.loads(whole)
    harm(document)
    path.write_text(json.dumps(document))
    yield path
    path.write_bytes(whole)


def test_what_is_wrong_is_found_by_all(demo: FolderStore, broken: Path) -> None:
    """A missing member of the core and wrong fields of extensions are found by `stacsync verify` and by each of the others."""
    command = [
        sys.executable,
        "-m",
        "stacsync",
        "verify",
        "--config",
        str(demo.root.parent / "stacsync.toml"),
        "--json",
    ]
    verified = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert verified.returncode == 1
    key = broken.relative_to(demo.root).as_posix()
    assert [finding["key"] for finding in json.loads(verified.stdout)["findings"]] == [key]
    assert {tool: bool(judged(tool, [broken])[str(broken)]) for tool in TOOLS} == dict.fromkeys(TOOLS, True)
