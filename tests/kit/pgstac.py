"""A real stac-fastapi-pgstac in a virtual environment of its own, on a real PostgreSQL with PostGIS."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from tests.kit.postgres import Postgres

PROGRAMS = Path(__file__).parents[2] / ".venvs" / "pgstac" / "bin"


@contextmanager
def pgstac(postgres: Postgres, folder: Path) -> Iterator[str]:
    """Serve the API, with transactions, on a free loopback port until the end of the block; yield its address."""
    database = {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(postgres.port),
        "PGUSER": postgres.user,
        "PGPASSWORD": postgres.password,
        "PGDATABASE": postgres.create(),
    }
    environment = {**os.environ, **database, "ENABLE_TRANSACTIONS_EXTENSIONS": "true"}
    subprocess.run(
        [str(PROGRAMS / "pypgstac"), "migrate"],
        env=environment,
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=300,
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["stac_fastapi.pgstac.app:create_app", "--factory", "--host", "127.0.0.1", "--port", str(port)]
    log = folder / "pgstac.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(PROGRAMS / "uvicorn"), *words], env=environment, cwd=folder, stdout=output, stderr=output
        )
    try:
        _wait(f"http://127.0.0.1:{port}/", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.ConnectionError:
            pass
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)
