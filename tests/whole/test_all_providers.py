"""All four kinds of providers in one configuration: one of them down, and no secret of any of them anywhere."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self

import pytest
from stacsync.demo.openeo import OpenEOStandIn
from stacsync.demo.pixxel import KEY, ORGANISATION, USER, PixxelStandIn, demo_account
from stacsync.demo.sentinelhub import Account, account
from stacsync.demo.sentinelhub.scenario import BUCKET, SECRET
from stacsync.demo.sentinelhub.scenario import USER as SENTINEL_HUB_USER
from stacsync.demo.sentinelhub.service import CLIENT_ID, CLIENT_SECRET
from stacsync.demo.up42 import StandIn as UP42StandIn
from stacsync.demo.up42 import stable_id
from tests.kit.workspace import BucketStore, FolderStore, Store, Workspace, crawl, published

STORE_SECRET = "made-up-store-secret"
SECRETS = {
    "openEO": (OpenEOStandIn.password, "basic//", "YWxpY2U", "expires="),
    "Sentinel Hub": (CLIENT_SECRET, SECRET, SENTINEL_HUB_USER, "DEMO-ACCESS-KEY", "demo-token-"),
    "UP42": ("stand-in-password", "stand-in@example.com", "stand-in-token", stable_id("account"), stable_id("user")),
    "UP42, first API": ("stand-in-project-key",),
    "Pixxel": (KEY, USER, ORGANISATION, "stand-in-signature"),
    "anybody": (STORE_SECRET, "X-Amz-Signature", "Signature=", "sig=", "Bearer ", "GoogleAccessId"),
}
JWT = re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.")
NAMES = {"cdse", "sh", "sky", "sky-project", "hyper"}


@dataclass
class Sources:
    """The stand-ins, and the tables that reach them."""

    openeo: OpenEOStandIn
    sentinel_hub: Account
    up42: UP42StandIn
    pixxel: PixxelStandIn
    bucket: BucketStore

    def tables(self) -> dict[str, dict[str, Any]]:
        service = self.sentinel_hub.service
        source = {"endpoint_url": self.bucket.endpoint, "region": "us-east-1"}
        keys = {"access_key_id": "AKIDLOOPBACK", "secret_access_key": STORE_SECRET}
        return {
            "cdse": self.openeo.settings(),
            "sh": {
                "kind": "sentinelhub",
                "url": service.url,
                "token_url": service.token_url,
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "source": {**source, **keys},
            },
            "sky": self.up42.today_settings(),
            "sky-project": self.up42.first_settings(),
            "hyper": {**self.pixxel.settings(), "imagery": True, "package_retry": "1s"},
        }


@pytest.fixture
def sources(s3_endpoint: str) -> Iterator[Sources]:
    with ExitStack() as running:
        made, up42 = account(), running.enter_context(UP42StandIn())
        up42.fill()
        running.enter_context(made.service)
        bucket = BucketStore(s3_endpoint, bucket=BUCKET)
        for key, content in made.objects.items():
            bucket.client.put_object(Bucket=BUCKET, Key=key, Body=content)
        openeo, pixxel = running.enter_context(OpenEOStandIn()), running.enter_context(demo_account())
        yield Sources(openeo, made, up42, pixxel, bucket)


@pytest.fixture
def workspace(tmp_path: Path, store: Store, sources: Sources) -> Workspace:
    return Workspace(tmp_path, store, providers=dict(sources.tables()))


@pytest.fixture
def in_folder(tmp_path: Path, sources: Sources) -> Workspace:
    return Workspace(tmp_path, FolderStore(tmp_path / "catalog"), providers=dict(sources.tables()))


def kinds(store: Store) -> dict[str, int]:
    """Return how many Items each kind of provider has in the catalog."""
    found: dict[str, int] = {}
    for _, document in crawl(store):
        if document["type"] == "Feature":
            kind = document["properties"]["stacsync:kind"]
            found[kind] = found.get(kind, 0) + 1
    return found


def closed_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_all_kinds_side_by_side_make_one_catalog(workspace: Workspace) -> None:
    """Every provider's jobs are published in one pass, the audit is clean, a second pass writes nothing."""
    result = workspace.sync()
    assert set(result["providers"]) == NAMES
    assert all(one["published"] == one["seen"] > 0 for one in result["providers"].values())
    assert set(kinds(workspace.store)) == {"openeo", "sentinelhub", "up42", "pixxel"}
    audit = workspace.run("verify", "--checksums", "--json")
    assert (audit.code, audit.json["findings"]) == (0, [])
    before = published(workspace.store)
    again = workspace.sync()
    assert (again["documents"]["written"], again["assets"]["bytes"]) == (0, 0)
    assert published(workspace.store) == before


@pytest.mark.slow
@pytest.mark.parametrize("down", ["cdse", "sh", "sky", "hyper"])
def test_one_provider_down_costs_itself_alone(in_folder: Workspace, down: str) -> None:
    """The others are published, exit 1; its error stands in the result and in `status`; back again, it is published."""
    table = in_folder.providers[down]
    nowhere = f"http://127.0.0.1:{closed_port()}"
    moved = {name: nowhere for name in ("url", "token_url", "auth_url") if name in table}
    in_folder.providers[down] = {**table, **moved}
    told = in_folder.run("sync", "--json", timeout=280)
    assert told.code == 1, told.stderr
    providers = told.json["providers"]
    assert "cannot be reached" in providers[down]["error"]
    assert all(providers[name]["published"] > 0 and providers[name]["error"] is None for name in NAMES - {down})
    status = in_folder.run("status", "--json")
    assert status.code == 0
    assert "cannot be reached" in status.json["providers"][down]["error"]
    assert status.json["providers"][down]["last_success"] is None
    assert all(status.json["providers"][name]["error"] is None for name in NAMES - {down})
    assert in_folder.run("verify").code == 0
    in_folder.providers[down] = table
    back = in_folder.sync()
    assert back["providers"][down]["published"] > 0
    assert all(back["providers"][name]["published"] == 0 for name in NAMES - {down})


@pytest.mark.slow
def test_no_secret_of_anybody_is_left_anywhere(workspace: Workspace, sources: Sources) -> None:
    """Not in the store, the ledger, the logs at their loudest or any process's arguments, whatever fails on the way."""
    sources.openeo.fail(
        r"/jobs/j-cube/results", status=500, times=2, body=b'{"message": "token basic//abc of alice123"}'
    )
    sources.sentinel_hub.service.throttled = 2
    sources.pixxel.workflows[0].jobs[0].pending = 1
    sources.pixxel.workflows[0].jobs[1].refusal = 400
    sources.pixxel.lapsed = 3
    arguments = Arguments()
    with arguments:
        runs = [workspace.run("sync", STACSYNC_LOG__LEVEL="debug", timeout=280)]
        sources.openeo.expire_links()
        sources.pixxel.workflows[0].jobs[1].refusal = 0
        commands = (("sync", "--force"), ("status",), ("check",), ("verify",), ("rebuild",))
        runs += [workspace.run(*words, STACSYNC_LOG__LEVEL="debug", timeout=280) for words in commands]
    assert {"openeo", "sentinelhub", "up42", "pixxel"} == set(kinds(workspace.store))
    texts = {f"run {n} {stream}": text for n, one in enumerate(runs) for stream, text in _streams(one)}
    texts |= {key: workspace.store.read(key).decode("latin-1") for key in list(workspace.store.keys())}
    texts |= {path.name: path.read_bytes().decode("latin-1") for path in workspace.root.glob("ledger.db*")}
    texts |= {f"arguments {n}": line for n, line in enumerate(arguments.seen)}
    assert any("stacsync" in line for line in arguments.seen)
    leaks = [
        (whose, secret, where) for whose, secrets in SECRETS.items() for secret in secrets
        for where, text in texts.items() if secret in text
    ]  # fmt: skip
    assert leaks == []
    assert [where for where, text in texts.items() if JWT.search(text)] == []


def _streams(answer: Any) -> list[tuple[str, str]]:
    return [("stdout", answer.stdout), ("stderr", answer.stderr)]


class Arguments:
    """Notes the arguments of every process of this test run, all the while."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self._stop = Event()
        self._thread = Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        me = str(os.getpid())
        while not self._stop.wait(0.05):
            for folder in Path("/proc").iterdir():
                if folder.name.isdigit() and _parent(folder) == me:
                    self.seen.add(_command(folder))


def _parent(folder: Path) -> str:
    try:
        return (folder / "stat").read_text().rpartition(")")[2].split()[1]
    except OSError:
        return ""


def _command(folder: Path) -> str:
    try:
        return (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("latin-1")
    except OSError:
        return ""
