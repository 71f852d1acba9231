"""An active service on a folder catalog and a stand-in, served on a real socket; passes are made by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from stacsync.daemon.tenure import Tenure
from stacsync.demo.openeo import OpenEOStandIn
from stacsync.server import Service, start
from stacsync.settings import Server
from tests.kit.byhand import ByHand, on_duty
from tests.kit.workspace import FolderStore, Workspace


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(address: str, path: str, method: str = "GET", **headers: str) -> Answer:
    """Make one request."""
    connection = HTTPConnection(urlsplit(address).netloc, timeout=60)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    found = Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    connection.close()
    return found


@dataclass
class Served:
    address: str
    service: Service
    tenure: Tenure
    scheduler: ByHand

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        return ask(self.address, path, method, **headers)


@pytest.fixture
def openeo() -> Iterator[OpenEOStandIn]:
    with OpenEOStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def workspace(tmp_path: Path, openeo: OpenEOStandIn) -> Workspace:
    store = FolderStore(tmp_path / "catalog")
    found = Workspace(tmp_path, store, providers={"cdse": openeo.settings()})
    found.sections["storage"] = {**store.table(), "public_url": "https://data.acme.example/eo"}
    return found


@pytest.fixture
def served(workspace: Workspace) -> Iterator[Served]:
    with on_duty(workspace) as (service, tenure, scheduler):
        handle = start(Server(port=0), service)
        yield Served(handle.address, service, tenure, scheduler)
        handle.stop()
