"""The parts of one opened configuration: made once, and closed all of them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier
from typing import Any

import psutil
import pytest
from botocore.exceptions import EndpointConnectionError
from stacsync.app import Parts, parts
from stacsync.demo.openeo import OpenEOStandIn
from stacsync.mirror import Mirror
from stacsync.registry import load_settings
from tests.kit.service import eventually
from tests.kit.workspace import BucketStore, FolderStore, Workspace

SHARED = ("storage", "ledger", "lease", "mirror", "inspect", "publisher", "uploads", "targets")


@pytest.fixture
def openeo() -> Iterator[OpenEOStandIn]:
    with OpenEOStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[BucketStore]:
    """A bucket of a server that keeps connections open."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{probe.getsockname()[1]}"
    (tmp_path / "objects").mkdir()
    words = ["serve", "s3", "--addr", place, "--auth-key", "AKIDLOOPBACK,made-up-store-secret", "--config", os.devnull]
    rclone = Path(sys.executable).parent / "rclone"
    server = subprocess.Popen([rclone, *words, str(tmp_path / "objects")], stderr=subprocess.DEVNULL)
    yield eventually(lambda: _made(f"http://{place}"), "the bucket")
    server.terminate()
    server.wait(10)


def _made(endpoint: str) -> BucketStore | None:
    with suppress(EndpointConnectionError):
        return BucketStore(endpoint)
    return None


class Slow(Mirror):
    """Takes its time to be made, so that whoever can make a second one does."""

    def __init__(self, *args: Any, **options: Any) -> None:
        time.sleep(0.1)
        super().__init__(*args, **options)


def test_threads_share_what_they_ask_for_first_at_the_same_time(
    tmp_path: Path, openeo: OpenEOStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Passes that begin together move files with one mirror: its limit of transfers holds for all of them."""
    monkeypatch.setattr(parts, "Mirror", Slow)
    workspace = Workspace(tmp_path, FolderStore(tmp_path / "catalog"), providers={"cdse": openeo.settings()})
    opened = Parts(load_settings(workspace.config, {}))
    together = Barrier(8)

    def ask(_: int) -> list[int]:
        together.wait(30)
        return [id(opened.provider("cdse")), *(id(getattr(opened, name)) for name in ("mirror", *SHARED))]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))
    opened.close()
    assert len({tuple(one) for one in found}) == 1


def test_a_part_that_cannot_be_closed_keeps_no_other_from_it(tmp_path: Path, openeo: OpenEOStandIn) -> None:
    """The lease is given back and the ledger closed although a provider fails to end."""
    store = FolderStore(tmp_path / "catalog")
    workspace = Workspace(tmp_path, store, providers={"cdse": openeo.settings()})
    opened = Parts(load_settings(workspace.config, {}))
    opened.lease.acquire()

    def fail() -> None:
        raise RuntimeError("no end")

    opened.closing.callback(fail)
    with pytest.raises(RuntimeError, match="no end"):
        opened.close()
    assert not [key for key in list(store.keys()) if key.endswith("lease.json")]


def connections() -> int:
    return sum(one.status == "ESTABLISHED" for one in psutil.Process().net_connections())


def test_a_configuration_that_is_closed_leaves_no_connection(
    tmp_path: Path, bucket: BucketStore, openeo: OpenEOStandIn
) -> None:
    """However often a configuration is read again, connections to the store do not add up."""
    workspace = Workspace(tmp_path, bucket, providers={"cdse": openeo.settings()})
    settings = load_settings(workspace.config, {})
    before = connections()
    opened = [Parts(settings) for _ in range(3)]  # nobody may rely on what is collected some day
    for one in opened:
        one.hold_lease()
        list(one.storage.list())
        list(one.storage.stream(".stacsync/lease.json"))
        one.close()
    eventually(lambda: connections() <= before, "the end of all connections", 10)
