"""A real PostgreSQL server of its own, from Debian's packages, on a free loopback port."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

ROOTS = Path("/usr/lib/postgresql")


@dataclass
class Postgres:
    """A running server."""

    port: int
    user: str = "owner"
    password: str = "made-up-database-password"
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def database(self, template: str = "template1") -> str:
        """Make a database (empty, or like another) and return its SQLAlchemy URL."""
        return self.url(self.create(template))

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://{self.user}:{self.password}@127.0.0.1:{self.port}/{name}"

    def create(self, template: str = "template1") -> str:
        """Make a database and return its name."""
        name = f"d{next(self._numbers)}"
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return name

    def dsn(self, name: str) -> str:
        return f"host=127.0.0.1 port={self.port} user={self.user} password={self.password} dbname={name}"


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a server until the end of the block; nothing of it stays."""
    programs = max(ROOTS.iterdir(), key=lambda path: int(path.name)) / "bin"
    who = _nobody_special()
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if who:
        shutil.chown(folder, who["user"], who["group"])
    server = Postgres(_free_port())
    secret = folder / "password"
    secret.write_text(server.password)
    secret.chmod(0o644)  # the folder is its owner's alone
    data = folder / "data"
    make = [str(programs / "initdb"), "-D", str(data), "-U", server.user, "--pwfile", str(secret)]
    options = ["-A", "scram-sha-256", "-E", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
    subprocess.run([*make, *options], check=True, capture_output=True, cwd=folder, **who)
    settings = {"listen_addresses": "127.0.0.1", "port": server.port, "unix_socket_directories": folder, "fsync": "off"}
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [str(programs / "postgres"), "-D", str(data), *words], stdout=log, stderr=log, cwd=folder, **who
        )
    try:
        _wait(server, process, folder / "log")
        yield server
    finally:
        process.send_signal(signal.SIGQUIT)  # its "immediate" shutdown: the data are thrown away
        process.wait(30)
        shutil.rmtree(folder)


def _nobody_special() -> dict[str, Any]:
    """Return the user to run as: PostgreSQL refuses to be root."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(server: Postgres, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(server.dsn("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        else:
            return
