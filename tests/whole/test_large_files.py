"""A file larger than memory: mirrored with bounded memory, and continued after a kill where it was."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from stacsync.demo.openeo import OpenEOStandIn, StandInFile, StandInJob
from tests.kit.workspace import BucketStore, Store, Workspace

MIB = 1024 * 1024
SIZE = 2048 * MIB
PART = 8 * MIB
MEMORY = 250 * MIB
RCLONE = str(Path(sys.executable).parent / "rclone")


@pytest.fixture
def rclone(tmp_path: Path) -> Iterator[str]:
    """A real S3 server that keeps its objects on disk."""
    (tmp_path / "objects").mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [
        "serve",
        "s3",
        "--addr",
        f"127.0.0.1:{port}",
        "--auth-key",
        "AKIDLOOPBACK,made-up-store-secret",
        "--config",
        os.devnull,
    ]
    server = subprocess.Popen([RCLONE, *words, str(tmp_path / "objects")], stderr=subprocess.DEVNULL)
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(10)


def watched(process: subprocess.Popen[str], until: float | None = None, openeo: OpenEOStandIn | None = None) -> int:
    """Wait for a process (or until the stand-in has sent so many bytes, then kill it); return its peak memory in bytes."""
    peak, seen = 0, psutil.Process(process.pid)
    while process.poll() is None:
        with_memory = seen.memory_info().rss if seen.is_running() else 0
        peak = max(peak, with_memory)
        if until is not None and openeo is not None and openeo.sent >= until:
            process.send_signal(signal.SIGKILL)
            process.wait(10)
            return peak
        time.sleep(0.02)
    return peak


def in_store(store: Store) -> int:
    """Return the bytes of all whole parts of uploads under way."""
    assert isinstance(store, BucketStore)
    uploads = store.client.list_multipart_uploads(Bucket=store.bucket).get("Uploads", [])
    found = 0
    for upload in uploads:
        pages = store.client.get_paginator("list_parts").paginate(
            Bucket=store.bucket, Key=upload["Key"], UploadId=upload["UploadId"]
        )
        found += sum(part["Size"] for page in pages for part in page.get("Parts", ()))
    return found


@pytest.mark.timeout(280)
def test_two_gibibytes_in_little_memory_and_continued_after_a_kill(tmp_path: Path, rclone: str) -> None:
    """Killed at about half, the next pass reads no more than the missing part and one part of 8 MiB; peak memory stays below 250 MiB."""
    block = os.urandom(MIB)
    data = b"".join(n.to_bytes(8, "big") + block[8:] for n in range(SIZE // MIB))
    file = StandInFile(name="large.nc", data=data, media_type="application/x-netcdf")
    with OpenEOStandIn([StandInJob(id="j-large", title="Large", files=(file,), shape="assets")]) as openeo:
        workspace = Workspace(tmp_path, BucketStore(rclone), providers={"cdse": openeo.settings()})
        peak = watched(workspace.start("sync", "--json"), SIZE / 2, openeo)
        before = openeo.sent
        missing = SIZE - in_store(workspace.store)
        process = workspace.start("sync", "--json")
        peak = max(peak, watched(process))
        assert process.returncode == 0, (tmp_path / "log").read_text()[-2000:]
        again = openeo.sent - before
    key = next(key for key in list(workspace.store.keys()) if key.endswith("large.nc"))
    kept = hashlib.sha256(workspace.store.read(key)).digest()
    assert kept == hashlib.sha256(data).digest()
    assert peak < MEMORY
    assert before >= SIZE / 2
    assert missing < SIZE * 0.6
    assert again <= missing + PART
