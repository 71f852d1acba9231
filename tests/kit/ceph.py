"""Ceph's object gateway on loopback: one monitor, one object store in memory, the gateway; from Debian's packages."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

PROGRAMS = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph", "ceph-authtool", "monmaptool")
SECONDS = 120.0
"""How long all of it may take to be ready on a busy machine; it takes about fifteen on a quiet one."""
CONFIG = """\
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon}/0]
public network = 127.0.0.0/8
ms bind ipv6 = false
run dir = {folder}/run
pid file = {folder}/run/$name.pid
admin socket = {folder}/run/$name.asok
log file = {folder}/run/$name.log
keyring = {folder}/keyring
mon data = {folder}/mon
mon allow pool size one = true
mon warn on pool no redundancy = false
auth allow insecure global id reclaim = false
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 4294967296
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
mon data avail warn = 1
mon data avail crit = 0
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{gateway}
rgw data = {folder}/gateway
rgw enable apis = s3
rgw thread pool size = 32
rgw override bucket index max shards = 1
rgw dynamic resharding = false
"""
KEYS = {
    "mon.": ("mon", "allow *"),
    "client.admin": ("mon", "allow *", "osd", "allow *", "mgr", "allow *"),
    "client.rgw": ("mon", "allow *", "osd", "allow *"),
    "osd.0": ("mon", "allow profile osd", "osd", "allow *"),
}


@dataclass
class Cluster:
    """A folder with a configuration, and what runs on it."""

    folder: Path
    stack: ExitStack

    def run(self, program: str, *words: str) -> str:
        """Run a program of Ceph's to its end; return what it says."""
        done = subprocess.run(
            [program, *words], capture_output=True, text=True, timeout=SECONDS, check=False, env=self.environment
        )
        if done.returncode:
            raise RuntimeError(f"{program} {words[-1]}: {done.stderr[-1000:]}")
        return done.stdout

    def start(self, program: str, *words: str) -> None:
        """Start a daemon; it ends with the stack."""
        log = self.stack.enter_context((self.folder / "run" / f"{program}.out").open("wb"))
        process = subprocess.Popen(
            [program, "-f", *words], stdout=log, stderr=log, env=self.environment, cwd=self.folder
        )
        self.stack.callback(_end, process)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "CEPH_CONF": str(self.folder / "ceph.conf")}


@contextmanager
def gateway(folder: Path, key_id: str, secret: str) -> Iterator[str]:
    """Run all three and yield the gateway's endpoint, once a user with these keys can sign in."""
    monitor, port = _free_port(), _free_port()
    fsid, store = str(uuid4()), str(uuid4())
    for name in ("run", "mon", "osd", "gateway"):
        (folder / name).mkdir(parents=True)
    (folder / "ceph.conf").write_text(CONFIG.format(fsid=fsid, folder=folder, mon=monitor, gateway=port))
    with ExitStack() as stack:
        cluster = Cluster(folder, stack)
        _found(cluster, fsid, monitor)
        cluster.start("ceph-mon", "-i", "a")
        cluster.run("ceph", "--connect-timeout", str(int(SECONDS)), "osd", "new", store)
        cluster.run("ceph", "auth", "import", "-i", str(folder / "keyring"))
        cluster.run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", store)
        cluster.start("ceph-osd", "-i", "0")
        cluster.start("radosgw", "-n", "client.rgw")
        words = ("--uid", "tests", "--display-name", "tests", "--access-key", key_id, "--secret", secret)
        made = cluster.run("radosgw-admin", "-n", "client.rgw", "user", "create", *words)
        assert json.loads(made)["user_id"] == "tests"
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"


def _found(cluster: Cluster, fsid: str, monitor: int) -> None:
    """Make the keys, and the monitor's first state."""
    keyring, plan = str(cluster.folder / "keyring"), str(cluster.folder / "monmap")
    for number, (name, rights) in enumerate(KEYS.items()):
        pairs = zip(rights[::2], rights[1::2], strict=True)
        caps = [word for part, right in pairs for word in ("--cap", part, right)]
        cluster.run("ceph-authtool", keyring, *([] if number else ["--create-keyring"]), "--gen-key", "-n", name, *caps)
    cluster.run("monmaptool", "--create", "--addv", "a", f"[v2:127.0.0.1:{monitor}]", "--fsid", fsid, plan)
    cluster.run("ceph-mon", "--mkfs", "-i", "a", "--monmap", plan, "--keyring", keyring)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the gateway does not listen")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
