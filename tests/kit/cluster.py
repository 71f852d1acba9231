"""A real Dask cluster on loopback: a scheduler and workers in processes of their own, and a line that is listened to."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, Self

from distributed import Client


def until(true: Callable[[], Any], seconds: float = 240) -> Any:
    """Wait for something to become true and return it."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)
    return found


@dataclass
class Cluster:
    """One scheduler, and the workers that `work` starts."""

    root: Path
    address: str = ""
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _scheduler: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.root.mkdir(parents=True, exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        self.start_scheduler()
        return self

    def __exit__(self, *_: object) -> None:
        for process in [*self.workers.values(), self._scheduler]:
            if process is not None and process.poll() is None:
                process.kill()
                process.wait(10)

    def start_scheduler(self) -> None:
        port = self.address.rpartition(":")[2]
        self._scheduler = self._start("scheduler", "dask_scheduler", "--host", "127.0.0.1", "--port", port)
        until(lambda: reachable(int(port)))

    def kill_scheduler(self) -> None:
        assert self._scheduler is not None
        self._scheduler.kill()
        self._scheduler.wait(10)

    def work(
        self, *names: str, config: Path | None, threads: int = 4, scheduler: str | None = None, **environment: str
    ) -> None:
        """Start workers (of this scheduler, or of an address that leads to it) and wait until they are known."""
        more = {**environment, **({"STACSYNC_CONFIG": str(config)} if config else {})}
        for name in names:
            words = ["--no-nanny", "--nthreads", str(threads), "--name", name, "--host", "127.0.0.1"]
            words += ["--local-directory", str(self.root / name)]
            started = self._start(name, "dask_worker", scheduler or self.address, *words, environment=more)
            self.workers[name] = started
        with self.client() as client:
            until(lambda: set(names) <= set(known(client)))

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send a worker a signal and wait for its end."""
        self.workers[name].send_signal(number)
        self.workers[name].wait(240)

    def client(self) -> Client:
        return Client(self.address, set_as_default=False, timeout=60)

    def log(self, name: str) -> str:
        return (self.root / f"{name}.log").read_text()

    def _start(
        self, name: str, module: str, *words: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        env = {key: value for key, value in os.environ.items() if not key.startswith("STACSYNC")}
        with (self.root / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{module}", *words, "--no-dashboard"],
                env={**env, **(environment or {})},
                cwd=self.root,
                stdout=log,
                stderr=log,
            )


def known(client: Client) -> dict[str, int]:
    """Return the workers that have joined, and how many tasks each is at."""
    busy = client.processing()
    workers = client.scheduler_info(n_workers=-1)["workers"]
    return {one["name"]: len(busy.get(address, ())) for address, one in workers.items()}


def reachable(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Tap:
    """A line to a scheduler on which every byte, of both directions, is kept in `heard`."""

    def __init__(self, target: str) -> None:
        host, _, port = target.removeprefix("tcp://").rpartition(":")
        self._target = (host, int(port))
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"
        self.heard = bytearray()

    def __enter__(self) -> Self:
        Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                far = socket.create_connection(self._target)
                for one, other in ((near, far), (far, near)):
                    Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                self.heard += data
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
