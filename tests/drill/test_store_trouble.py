"""The store misbehaves: what passes by is waited for, what does not is told with the way out, and the next pass completes."""

from __future__ import annotations

import errno
import json
import resource
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
from stacsync.app import open_app
from stacsync.demo.openeo import OpenEOStandIn
from stacsync.errors import StacsyncError
from stacsync.storage import disk
from stacsync.storage.lease import KEY as LEASE
from tests.drill.conftest import few
from tests.drill.proxy import FOREVER, Proxy, Trouble
from tests.drill.reader import Crawler
from tests.drill.scene import CHANGED, KEEP, NEW, OLD, file
from tests.kit.workspace import BucketStore, FolderStore, Workspace, published


@pytest.fixture
def proxy(s3_endpoint: str) -> Iterator[Proxy]:
    with Proxy(s3_endpoint) as found:
        yield found


@pytest.fixture
def openeo() -> Iterator[OpenEOStandIn]:
    with OpenEOStandIn((OLD, KEEP)) as found:
        yield found


class ProxiedStore(BucketStore):
    """stacsync goes through the proxy, the test's own eyes do not."""

    through: str = ""

    def table(self) -> dict[str, Any]:
        return {**super().table(), "endpoint_url": self.through}


@pytest.fixture
def workspace(tmp_path: Path, s3_endpoint: str, proxy: Proxy, openeo: OpenEOStandIn) -> Workspace:
    store = ProxiedStore(s3_endpoint)
    store.through = proxy.url
    return Workspace(tmp_path, store, providers={"cdse": openeo.settings()})


@pytest.fixture
def calm(tmp_path: Path, openeo: OpenEOStandIn) -> Callable[[], dict[str, bytes]]:
    """What the store holds after a pass over the new jobs without any trouble."""

    def run() -> dict[str, bytes]:
        before = openeo.jobs
        place = tmp_path / "calm"
        place.mkdir()
        quiet = Workspace(place, FolderStore(place / "catalog"), providers={"cdse": openeo.settings()})
        openeo.jobs = (OLD, KEEP)
        quiet.sync()
        openeo.jobs = (CHANGED, NEW, KEEP)
        quiet.sync()
        openeo.jobs = before
        return published(quiet.store)

    return run


def outcome(workspace: Workspace) -> str:
    """Make a pass; return what went wrong in words, "" for nothing."""
    app = open_app(workspace.config)
    try:
        result = app.sync([], ())
    except StacsyncError as error:
        return str(error)
    finally:
        app.close()
    assert "internal error" not in json.dumps(result)
    errors = [one["error"] for one in result["providers"].values() if one["error"]]
    return " ".join([*errors, *(error["message"] for error in result["errors"])])


def the_process_is_gone(workspace: Workspace) -> None:
    """End what could not be given back: the lease of a process that ended is taken over at once, but ours is still here."""
    store = workspace.store
    if isinstance(store, FolderStore):
        (store.root / LEASE).unlink(missing_ok=True)
    elif isinstance(store, BucketStore):
        store.client.delete_object(Bucket=store.bucket, Key=f"{store.prefix}/{LEASE}")


PASSING = {
    "503 SlowDown": Trouble(times=4, after=3, status=503, code="SlowDown"),
    "500 InternalError": Trouble(times=4, after=5, status=500, code="InternalError"),
    "429": Trouble(method="PUT", times=4, status=429, code="TooManyRequests"),
    "400 RequestTimeout": Trouble(method="PUT", path="json|csv", times=2, after=2, status=400, code="RequestTimeout"),
    "reset before the request": Trouble(times=4, after=4, lose_request=True),
    "answer lost": Trouble(method="PUT", times=4, after=1, lose_answer=True),
    "answer to a delete lost": Trouble(method="POST|DELETE", times=1, lose_answer=True),
    "body cut short": Trouble(method="GET", times=2, truncate=True),
}


@pytest.mark.promise("an object store's passing troubles are waited for: the pass completes")
@pytest.mark.parametrize("name", few(PASSING, "503 SlowDown", "reset before the request"))
def test_what_passes_by_is_waited_for(
    workspace: Workspace,
    proxy: Proxy,
    openeo: OpenEOStandIn,
    calm: Callable[[], dict[str, bytes]],
    name: str,
    tried: Callable[[int], None],
) -> None:
    """Overload, resets and lost answers cost time; the store holds in the end what a calm pass would have written."""
    wanted = calm()
    workspace.sync()
    openeo.jobs = (CHANGED, NEW, KEEP)
    proxy.troubles = [replace(PASSING[name])]
    with Crawler(workspace.store) as reader:
        told = outcome(workspace)
        proxy.troubles = []
    assert reader.gaps == []
    assert told == ""
    assert published(workspace.store) == wanted
    tried(1)


DAMAGES = (b"", b"{}", b"[]", b'{"links": [{"rel": "child", "href": "//["}], "type": 1}')
LASTING: dict[str, tuple[Trouble, tuple[str, ...]]] = {
    "read-only": (
        Trouble(method="PUT|POST|DELETE", times=FOREVER, status=403, code="AccessDenied"),
        ("denied", "grant"),
    ),
    "read-only in mid-pass": (
        Trouble(method="PUT|POST|DELETE", after=6, times=FOREVER, status=403, code="AccessDenied"),
        ("denied", "grant"),
    ),
    "the clock is wrong": (
        Trouble(times=FOREVER, status=403, code="RequestTimeTooSkewed"),
        ("clock", "NTP"),
    ),
    "keys rotated in mid-pass": (
        Trouble(after=14, times=FOREVER, status=403, code="InvalidAccessKeyId"),
        ("access key is not known", "access_key_id"),
    ),
    "session token expired in mid-pass": (
        Trouble(after=14, times=FOREVER, status=400, code="ExpiredToken"),
        ("session token has expired", "sign in again"),
    ),
    "full": (
        Trouble(method="PUT", after=4, times=FOREVER, status=507, code="InsufficientStorage"),
        ("full", "make room"),
    ),
    "quota used up": (
        Trouble(method="PUT", after=4, times=FOREVER, status=403, code="QuotaExceeded"),
        ("quota", "quota"),
    ),
    "overloaded for hours": (
        Trouble(method="PUT", path="json", after=2, times=FOREVER, status=503, code="SlowDown"),
        ("overloaded", "next pass"),
    ),
    "gone": (Trouble(after=10, times=FOREVER, lose_request=True), ("cannot be reached", "endpoint_url")),
    "bucket deleted": (Trouble(times=FOREVER, status=404, code="NoSuchBucket"), ("bucket does not exist", "create it")),
}


@pytest.mark.promise(
    "a store that refuses is told of in one sentence with the way out; once it is good again the next pass completes"
)
@pytest.mark.parametrize("name", few(LASTING, "read-only", "keys rotated in mid-pass"))
@pytest.mark.timeout(400)
def test_what_lasts_is_told(
    workspace: Workspace,
    proxy: Proxy,
    openeo: OpenEOStandIn,
    calm: Callable[[], dict[str, bytes]],
    name: str,
    tried: Callable[[int], None],
) -> None:
    """The pass ends with what is wrong and what to do; no reader meets a gap; once all is well the next pass completes."""
    wanted = calm()
    workspace.sync()
    openeo.jobs = (CHANGED, NEW, KEEP)
    trouble, words = LASTING[name]
    proxy.troubles = [replace(trouble)]
    with Crawler(workspace.store) as reader:
        told = outcome(workspace)
        proxy.troubles = []
        the_process_is_gone(workspace)
        assert outcome(workspace) == ""
    for word in words:
        assert word in told
    assert "made-up-store-secret" not in told
    assert reader.gaps == []
    assert published(workspace.store) == wanted
    tried(1)


@pytest.mark.promise("a store that ignores conditional writes is found out and still served")
def test_a_store_that_ignores_conditions(
    workspace: Workspace,
    proxy: Proxy,
    openeo: OpenEOStandIn,
    calm: Callable[[], dict[str, bytes]],
    tried: Callable[[int], None],
) -> None:
    """Where If-Match and If-None-Match mean nothing, `check` says so and a pass publishes the same bytes."""
    wanted = calm()
    proxy.deaf_to_conditions = True
    workspace.sync()
    openeo.jobs = (CHANGED, NEW, KEEP)
    workspace.sync()
    assert published(workspace.store) == wanted
    app = open_app(workspace.config)
    try:
        assert not app.parts.storage.capabilities.conditional
        assert any("condition" in line.message for line in app.check())
    finally:
        app.close()
    tried(2)


@pytest.mark.promise("what another writer did to documents is put right, and told by verify")
@pytest.mark.parametrize("damage", few(DAMAGES, DAMAGES[3]))
def test_another_writer(
    workspace: Workspace,
    openeo: OpenEOStandIn,
    calm: Callable[[], dict[str, bytes]],
    damage: bytes,
    tried: Callable[[int], None],
) -> None:
    """Documents that somebody else overwrote are findings of verify, written over where jobs change, and all by rebuild."""
    wanted = calm()
    workspace.sync()
    store = workspace.store
    assert isinstance(store, BucketStore)
    for key in [key for key in published(store) if key.endswith(("catalog.json", "collection.json"))]:
        store.client.put_object(Bucket=store.bucket, Key=f"{store.prefix}/{key}", Body=damage)
    app = open_app(workspace.config)
    try:
        assert not app.verify()["ok"]
    finally:
        app.close()
    openeo.jobs = (CHANGED, NEW, KEEP)
    assert outcome(workspace) == ""
    workspace.rebuild()
    assert published(store) == wanted
    tried(1)


@pytest.mark.promise("a full disk ends the pass with the way out; once there is room the next pass completes")
@pytest.mark.parametrize("room", few([0, 900, 3_000, 60_000, 170_000], 3_000))
def test_a_full_disk(
    tmp_path: Path,
    openeo: OpenEOStandIn,
    calm: Callable[[], dict[str, bytes]],
    monkeypatch: pytest.MonkeyPatch,
    room: int,
    tried: Callable[[int], None],
) -> None:
    """Whenever the disk fills up, nothing half-written shows, the reason is told, and the next pass completes."""
    wanted = calm()
    workspace = Workspace(tmp_path, FolderStore(tmp_path / "catalog"), providers={"cdse": openeo.settings()})
    workspace.sync()
    openeo.jobs = (CHANGED, NEW, KEEP)
    left = room

    class FullFile(FileIO):
        def write(self, data: Any) -> int:
            nonlocal left
            if left <= 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            taken = memoryview(data)[: max(1, left)]
            left -= len(taken)
            return super().write(taken)

    with Crawler(workspace.store) as reader:
        with monkeypatch.context() as patched:
            patched.setattr(disk, "FileIO", FullFile)
            told = outcome(workspace)
        assert "disk is full" in told
        assert "make room" in told
        the_process_is_gone(workspace)
        assert outcome(workspace) == ""
    assert reader.gaps == []
    assert published(workspace.store) == wanted
    tried(1)


@pytest.mark.promise("a full disk ends the pass with the way out; once there is room the next pass completes")
def test_a_file_size_limit(tmp_path: Path, openeo: OpenEOStandIn, tried: Callable[[int], None]) -> None:
    """The system's own limit on files (ulimit -f) ends the command with exit code 1 and the reason; without it all is well."""
    workspace = Workspace(tmp_path, FolderStore(tmp_path / "catalog"), providers={"cdse": openeo.settings()})
    openeo.jobs = (KEEP, NEW.__class__(id="j-huge", shape="assets", files=(file("huge.csv", "h", 9_000_000),)))
    limited = subprocess.run(
        workspace.command("sync", "--json"),
        env=workspace.environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (6_000_000, 6_000_000)),
    )
    assert limited.returncode == 1, limited.stderr
    assert "larger than the file system takes" in limited.stdout + limited.stderr
    assert outcome(workspace) == ""
    tried(1)
