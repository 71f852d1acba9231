"""Daemons of their own processes, on a folder catalog and the stand-in of an openEO back-end."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from stacsync.demo.openeo import OpenEOStandIn
from tests.kit.workspace import FolderStore, Workspace


@pytest.fixture
def openeo() -> Iterator[OpenEOStandIn]:
    with OpenEOStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def workspace(tmp_path: Path, openeo: OpenEOStandIn) -> Workspace:
    table = {**openeo.settings(), "every": "1s", "jitter": "0s"}
    return Workspace(tmp_path, FolderStore(tmp_path / "catalog"), providers={"cdse": table})


@pytest.fixture
def hole() -> Iterator[str]:
    """The address of a server that accepts every connection and never says a word."""
    listener = socket.create_server(("127.0.0.1", 0))
    kept: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                kept.append(listener.accept()[0])
            except OSError:
                return

    thread = Thread(target=accept, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)
    for one in kept:
        one.close()
