"""The push to a real stac-fastapi-pgstac: what is published is found there by whoever searches it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from pystac_client import Client
from stacsync.demo.openeo import OpenEOStandIn
from tests.kit.pgstac import pgstac
from tests.kit.postgres import postgres
from tests.kit.workspace import FolderStore, Workspace, crawl

pytestmark = pytest.mark.real
PUBLIC = "https://data.acme.example/eo"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgres() as server, pgstac(server, tmp_path_factory.mktemp("pgstac")) as url:
        yield url


@pytest.fixture
def openeo() -> Iterator[OpenEOStandIn]:
    with OpenEOStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def workspace(tmp_path: Path, openeo: OpenEOStandIn, api: str) -> Iterator[Workspace]:
    made = Workspace(tmp_path, FolderStore(tmp_path / "catalog"), providers={"cdse": openeo.settings()})
    made.sections["storage"] = {**made.store.table(), "public_url": PUBLIC}
    made.sections["[targets]"] = {"url": api, "token": "made-up-target-token-7f3a"}
    yield made
    for collection in requests.get(f"{api}/collections", timeout=30).json()["collections"]:
        requests.delete(f"{api}/collections/{collection['id']}", timeout=30).raise_for_status()


def published(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Return every published Item by "collection/item"."""
    documents = [document for _, document in crawl(workspace.store) if document["type"] == "Feature"]
    return {f"{one['collection']}/{one['id']}": one for one in documents}


def found(api: str) -> dict[str, dict[str, Any]]:
    """Return every Item that a client finds, by "collection/item"."""
    items = Client.open(api).search(max_items=1_000).items_as_dicts()
    return {f"{one['collection']}/{one['id']}": one for one in items}


def located(items: dict[str, dict[str, Any]]) -> set[str]:
    """Return those Items that pgstac takes: it refuses any without a geometry."""
    return {name for name, item in items.items() if item["geometry"] is not None}


def test_what_is_published_is_found_through_the_api(workspace: Workspace, api: str) -> None:
    """Every published Item with a place is found by search, with absolute hrefs and a link to the published document."""
    answer = workspace.run("sync", "--json")
    ours = published(workspace)
    theirs = found(api)
    assert set(theirs) == located(ours)
    assert answer.code == int(set(theirs) != set(ours)), answer.stderr
    for name, item in theirs.items():
        canonical = [link["href"] for link in item["links"] if link["rel"] == "canonical"]
        assert len(canonical) == 1
        assert canonical[0].startswith(f"{PUBLIC}/cdse/")
        told = {field: value for field, value in ours[name]["properties"].items() if value is not None}
        assert item["properties"] == told  # pgstac leaves out what is null
        assert item["assets"].keys() == ours[name]["assets"].keys()
        for asset in item["assets"].values():
            assert asset["href"].startswith(f"{PUBLIC}/")
    assert "made-up-target-token" not in answer.stdout + answer.stderr


def test_pushing_again_sends_nothing_and_changes_nothing(workspace: Workspace, api: str) -> None:
    """A second pass leaves the API as it is; a lost ledger leads to the same Items again, none doubled."""
    workspace.run("sync")
    before = found(api)
    workspace.run("sync")
    assert found(api) == before
    workspace.forget_ledger()
    workspace.run("sync")
    assert found(api).keys() == before.keys()


def test_a_retired_job_is_no_longer_found(workspace: Workspace, api: str) -> None:
    """Items that are taken out of the catalog go from the API, with their Collection when it is empty."""
    workspace.run("sync")
    before = set(found(api))
    assert workspace.run("retire", "--provider", "cdse", "--job", "j-ndvi-scenes").code == 0
    after = set(found(api))
    assert after < before
    assert after == located(published(workspace))


def test_check_and_status_tell_of_the_target(workspace: Workspace, api: str) -> None:
    """`check` names the API and how it takes Items; `status` counts what is there and what is not."""
    check = workspace.run("check", "--json")
    lines = {line["subject"]: line for line in check.json["lines"]}
    assert lines[f"targets: {api}"]["ok"] is True
    assert "in bulk" in lines[f"targets: {api}"]["message"]
    workspace.run("sync")
    (target,) = workspace.run("status", "--json").json["targets"]
    ours = published(workspace)
    assert (target["url"], target["error"]) == (api, None)
    assert (target["pushed"], target["pending"]) == (len(located(ours)), len(ours) - len(located(ours)))


def test_an_api_that_is_down_holds_up_nothing(workspace: Workspace, api: str) -> None:
    """With the API unreachable everything is published all the same, exit 1 tells of it, the next pass makes up for it."""
    workspace.sections["[targets]"] = {"url": "http://127.0.0.1:9", "token": "made-up-target-token-7f3a"}
    answer = workspace.run("sync", "--json")
    assert answer.code == 1
    assert answer.json["providers"]["cdse"]["failed"] == 0
    assert [error["target"] for error in answer.json["errors"]] == ["http://127.0.0.1:9"]
    assert published(workspace)
    workspace.sections["[targets]"] = {"url": api, "token": "made-up-target-token-7f3a"}
    workspace.run("sync")
    assert set(found(api)) == located(published(workspace))
    assert "made-up-target-token" not in json.dumps(answer.json) + answer.stderr
