"""The servers that the cases talk to, each in a process of its own on a free port of 127.0.0.1."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from benchmarks.measured import ROOT

ACCESS, SECRET = "BENCHBENCH", "bench-secret-key"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(command: Sequence[str | Path], port: int, log: Path) -> Iterator[int]:
    """Run a server until the end of the block; yield its pid once it listens."""
    with log.open("wb") as said:
        server = subprocess.Popen([str(word) for word in command], stdout=said, stderr=said, cwd=ROOT)
    try:
        _await(server, port, log)
        yield server.pid
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _await(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(500):
        if server.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"a server did not start: {log.read_text()[-2000:]}")


@contextmanager
def null_sink(folder: Path) -> Iterator[str]:
    """An S3 endpoint that discards bytes."""
    port = free_port()
    with process([sys.executable, "-m", "benchmarks.sink", str(port)], port, folder / "sink.log"):
        yield f"http://127.0.0.1:{port}"


def sink_counts(endpoint: str) -> str:
    with urlopen(f"{endpoint}/-/counts") as answer:
        return str(answer.read().decode())


@contextmanager
def rclone_s3(folder: Path) -> Iterator[str]:
    """A real S3 service over a folder: signatures, multipart uploads, MD5."""
    port = free_port()
    root = folder / "s3"
    (root / "bench").mkdir(parents=True)
    command: list[str | Path] = [rclone(), "serve", "s3", "--addr", f"127.0.0.1:{port}"]
    command += ["--auth-key", f"{ACCESS},{SECRET}", "--config", "/dev/null", root]
    try:
        with process(command, port, folder / "rclone.log"):
            yield f"http://127.0.0.1:{port}"
    finally:
        shutil.rmtree(root, ignore_errors=True)


def rclone() -> Path:
    return Path(sys.executable).parent / "rclone"


@contextmanager
def files(folder: Path, root: Path) -> Iterator[str]:
    """A plain web server over `root`: nginx where it is installed, else one of Python's that uses sendfile."""
    port = free_port()
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        with process([sys.executable, "-m", "benchmarks.files", str(port), root], port, folder / "files.log"):
            yield f"http://127.0.0.1:{port}"
        return
    place = folder / "nginx"
    place.mkdir()
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = " ".join(
        f"{name}_temp_path {place}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (place / "nginx.conf").write_text(
        f"{user} daemon off; worker_processes 1; pid {place}/pid; error_log {place}/error.log;\n"
        "events { worker_connections 512; }\n"
        f"http {{ {temporary} access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; default_type\n"
        f"application/octet-stream; server {{ listen 127.0.0.1:{port}; root {root}; }} }}\n"
    )
    with process(
        [nginx, "-p", place, "-e", place / "error.log", "-c", place / "nginx.conf"], port, folder / "nginx.log"
    ):
        yield f"http://127.0.0.1:{port}"
