"""`stacsync demo`: a whole catalog in a folder, without an account, a network or anything but the program itself."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from stacsync.demo import pictures, stage
from stacsync.errors import ConfigError
from tests.kit.workspace import Answer, FolderStore, crawl, published

WITHOUT = ("moto", "hypothesis", "rasterio", "pytest", "trustme", "psutil")
"""Modules of the tests alone; the program as installed has none of them."""


def demo(folder: Path, **environment: str) -> Answer:
    """Run the command in a process that finds no module of the tests."""
    blocked = "; ".join(f"sys.modules[{name!r}] = None" for name in WITHOUT)
    program = f"import sys; {blocked}; from stacsync.__main__ import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", program, "demo", str(folder)],
        env={**os.environ, **environment},
        cwd=folder.parent,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


@pytest.mark.slow
def test_the_demo_fills_a_catalog_and_then_finds_nothing_to_do(tmp_path: Path) -> None:
    """First run: jobs of all four kinds published and audited, in less than 30 s of work; second run: nothing changed."""
    folder, before = tmp_path / "a demo", resource.getrusage(resource.RUSAGE_CHILDREN)
    elsewhere = {"STACSYNC_STORAGE__URL": f"file://{tmp_path}/wrong", "HTTP_PROXY": "http://127.0.0.1:9"}
    first = demo(folder, **elsewhere)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert first.code == 0, first.stdout + first.stderr
    assert first.stderr == ""
    assert used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime < 30
    assert "sound" in first.stdout
    assert f"stacsync browse '{folder}/catalog'" in first.stdout
    assert not (tmp_path / "wrong").exists()
    store = FolderStore(folder / "catalog")
    _is_attractive(store)
    kept = published(store)
    second = demo(folder)
    assert second.code == 0, second.stdout + second.stderr
    assert "Nothing changed" in second.stdout
    assert published(store) == kept


def _is_attractive(store: FolderStore) -> None:
    """Every kind has Items, each with a place, a time and a title; nearly all have a picture."""
    items = [document for _, document in crawl(store, assets=lambda key, _: _exists(store, key)) if _is_item(document)]
    assert {item["properties"]["stacsync:kind"] for item in items} == {"openeo", "sentinelhub", "up42", "pixxel"}
    assert all(item["geometry"] for item in items)
    pictured = [item for item in items if any("thumbnail" in asset["roles"] for asset in item["assets"].values())]
    assert len(pictured) >= len(items) // 2
    text = b"".join(store.read(key) for key in store.keys()).decode("latin-1")  # noqa: SIM118 - a store is no mapping
    for secret in ("alice123", "stand-in-password", "stand-in-pixxel-key", "Signature=", "DEMO-SECRET"):
        assert secret not in text


def _is_item(document: dict[str, Any]) -> bool:
    return bool(document["type"] == "Feature")


def _exists(store: FolderStore, key: str) -> None:
    assert (store.root / key).exists(), key


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """Exit 2 with the way out; nothing in the folder is touched."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    told = demo(tmp_path / "mine")
    assert told.code == 2
    assert "left alone" in told.stderr
    assert "Traceback" not in told.stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_file_and_a_foreign_configuration_are_refused(tmp_path: Path) -> None:
    """Neither a file in the folder's place nor a configuration that no demonstration wrote is overwritten."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError):
        stage.prepare(tmp_path / "file")
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / stage.CONFIG).write_text('[catalog]\nid = "real"\n')
    with pytest.raises(ConfigError):
        stage.prepare(tmp_path / "real")
    assert stage.prepare(tmp_path / "new" / "nested") is False


def test_pictures_are_the_same_each_time() -> None:
    """A picture depends on its seed and season alone."""
    before = pictures.png(pictures.colours(3, 0.5)), pictures.index(3, 0.2)
    for made in (pictures.parcels, pictures.index, pictures.colours, pictures.png):
        made.cache_clear()
    assert (pictures.png(pictures.colours(3, 0.5)), pictures.index(3, 0.2)) == before
    assert pictures.colours(3, 0.5) != pictures.colours(4, 0.5)


def test_the_configuration_keeps_its_secrets_to_its_owner(tmp_path: Path) -> None:
    """What is written can be read by its owner alone, and as TOML whatever the folder is called."""
    folder = tmp_path / 'odd "name" ü'
    stage.prepare(folder)
    path = stage.write_config(folder, {"up42": {"kind": "up42", "auth": {"x": json.dumps({"a": 1})}}})
    assert path.stat().st_mode & 0o077 == 0
    assert stage.prepare(folder) is True
