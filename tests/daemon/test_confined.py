"""The daemon as the container runs it: a read-only root, one folder of its own, no capability, no new privileges."""

from __future__ import annotations

import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from shutil import which

import pytest
from stacsync.demo.openeo import OpenEOStandIn
from tests.kit.service import running
from tests.kit.workspace import FolderStore, Workspace

CONFINE = """
set -eu
mount --bind "$1" "$1"
mount -t tmpfs -o size=64m tmpfs "$1/tmp"
mount -o remount,bind,ro /
shift
exec setpriv --securebits=+noroot,+noroot_locked --bounding-set=-all --inh-caps=-all --no-new-privs "$@"
"""
"""What `docker run --read-only --cap-drop ALL --tmpfs /tmp -v STATE` does, as far as a user namespace can."""
WORDS = ("unshare", "--user", "--map-root-user", "--mount", "--propagation", "private", "sh", "-c", CONFINE, "sh")


@dataclass
class Confined(Workspace):
    """Whatever is run here may write to the workspace's folder alone."""

    def command(self, *words: str) -> list[str]:
        return [*WORDS, str(self.root), *super().command(*words)]

    def environment(self, **more: str) -> dict[str, str]:
        return super().environment(TMPDIR=str(self.root / "tmp"), PYTHONDONTWRITEBYTECODE="1", **more)


@pytest.fixture
def confined(tmp_path: Path, openeo: OpenEOStandIn) -> Confined:
    missing = [tool for tool in ("unshare", "setpriv", "mount") if which(tool) is None]
    assert not missing, f"{', '.join(missing)}: install util-linux"
    (tmp_path / "tmp").mkdir()
    table = {**openeo.settings(), "every": "1s", "jitter": "0s"}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    made = Confined(tmp_path, FolderStore(tmp_path / "catalog"), providers={"cdse": table})
    made.sections["server"] = {"port": port}
    return made


@pytest.mark.usefixtures("confined")
def test_nothing_else_can_be_written(tmp_path: Path) -> None:
    """The confinement is one: other places are read-only, and no capability is left."""
    probe = [
        "sh",
        "-c",
        'touch /etc/x /usr/x "$0/../x" 2>&1; touch "$0/mine"; grep CapEff /proc/self/status',
        str(tmp_path),
    ]
    done = subprocess.run([*WORDS, str(tmp_path), *probe], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{done.stderr}: user namespaces must be allowed (kernel.unprivileged_userns_clone=1)"
    assert done.stdout.count("Read-only file system") == 3, done.stdout
    assert done.stdout.rstrip().endswith("0000000000000000")
    assert (tmp_path / "mine").exists()


def test_the_daemon_works_confined(confined: Confined) -> None:
    """It publishes, previews and index included, serves its pages, stops in order; ledger and state are its user's alone."""
    with running(confined) as service:
        service.wait_for("pass.finished", 1, provider="cdse", error=None)
        assert service.json()["providers"]["cdse"]["jobs"] == {"published": 4}
        assert service.get("/")[0] == 200
        assert confined.run("health").code == 0
        code, seconds = service.stop()
    assert (code, seconds < 30) == (0, True)
    assert not service.events("stacsync.unexpected_error")
    assert confined.run("verify", "--checksums").code == 0
    keys = confined.store.keys()
    assert [key for key in keys if key.endswith("items.parquet")]
    assert [key for key in keys if key.endswith(".webp")]
    assert confined.ledger.stat().st_mode & 0o077 == 0
