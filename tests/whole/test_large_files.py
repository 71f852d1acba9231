"""Files and archives larger than memory: mirrored with bounded memory and disk; continued after a kill where they were."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from stacsync.demo.openeo import OpenEOStandIn, StandInFile, StandInJob
from stacsync.demo.up42 import StandIn, first_job
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


@pytest.mark.timeout(600)
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


def four_members() -> tuple[bytes, dict[str, str]]:
    """Return a tar.gz of 1 GiB in four rasters, and the SHA-256 of each by its name."""
    names = [f"scene{number}.tif" for number in range(4)]
    square = [[13.0, 52.0], [13.1, 52.0], [13.1, 52.1], [13.0, 52.1], [13.0, 52.0]]
    features = [
        {
            "type": "Feature",
            "id": f"scene{number}",
            "geometry": {"type": "Polygon", "coordinates": [square]},
            "properties": {"acquisitionDate": f"2021-05-0{number + 1}T10:00:00Z", "up42.data_path": name},
        }
        for number, name in enumerate(names)
    ]
    described = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    packed, sums = io.BytesIO(), {}
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=0) as tar:
        for number, name in enumerate(names):
            member = tarfile.TarInfo(f"output/{name}")
            body = b"".join((256 * number + n).to_bytes(8, "big") + bytes(MIB - 8) for n in range(256))
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
            sums[name] = hashlib.sha256(body).hexdigest()
        last = tarfile.TarInfo("output/data.json")
        last.size = len(described)
        tar.addfile(last, io.BytesIO(described))
    return packed.getvalue(), sums


def spooled(pid: int, folder: Path) -> int:
    """Return the bytes of all files in `folder` that a process has open, those without a name as well."""
    found = 0
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            if str(handle.readlink()).startswith(str(folder)):
                found += handle.stat().st_size
    return found


@pytest.mark.timeout(600)
def test_an_archive_of_a_gibibyte_is_streamed_member_by_member(
    tmp_path: Path, rclone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A TAR archive of 1 GiB goes into the store with less than 250 MiB of memory and without a temporary file of it."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    packed, sums = four_members()
    job = first_job(1)
    job.archive, job.document = packed, None  # what lies in the archive is all there is
    job.tasks = job.tasks[-1:]
    job.tasks[0].archive, job.tasks[0].document = packed, None
    with StandIn() as up42:
        up42.first.jobs.append(job)
        workspace = Workspace(tmp_path, BucketStore(rclone), providers={"up42": up42.first_settings()})
        monkeypatch.setenv("TMPDIR", str(temporary))
        process = workspace.start("sync", "--json")
        peak, disk, seen = 0, 0, psutil.Process(process.pid)
        while process.poll() is None:
            with suppress(OSError, psutil.NoSuchProcess):
                peak = max(peak, seen.memory_info().rss)
                disk = max(disk, spooled(process.pid, temporary))
            time.sleep(0.02)
    assert process.returncode == 0, (tmp_path / "log").read_text()[-2000:]
    store = workspace.store
    kept = {key.rpartition("/")[2]: key for key in list(store.keys()) if key.endswith(".tif")}
    assert {name: hashlib.sha256(store.read(key)).hexdigest() for name, key in kept.items()} == sums
    assert peak < MEMORY
    assert disk < 8 * MIB
