"""A fault between stacsync and each provider: the pass ends in bounded time with a reason, and the next one completes."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from stacsync.app import open_app
from stacsync.app.parts import Parts
from stacsync.demo.openeo import OpenEOStandIn
from stacsync.demo.pixxel import demo_account
from stacsync.demo.sentinelhub import Bucket, account
from stacsync.demo.sentinelhub.bucket import ACCESS_KEY, SECRET_KEY
from stacsync.demo.sentinelhub.scenario import BUCKET
from stacsync.demo.sentinelhub.service import CLIENT_ID, CLIENT_SECRET
from stacsync.demo.up42 import StandIn
from stacsync.errors import StacsyncError
from stacsync.http import fetch, session
from tests.drill.conftest import few
from tests.drill.proxy import FOREVER, Answer, Proxy, Trouble
from tests.drill.scene import KEEP, NEW, OLD
from tests.kit.scripted import Asked, Reply, reply, serving
from tests.kit.workspace import FolderStore, Workspace, published

LIMIT = 60.0
"""Seconds that any pass may take, on a machine of many tasks; a quiet one needs two or three."""


def _status(status: int, body: bytes = b"", **headers: str) -> Callable[[Answer], Answer]:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Answer(status, told, body)


def _html(answer: Answer) -> Answer:
    page = b"<!doctype html><html><title>Maintenance</title><p>Back soon.</html>"
    return Answer(200, {**answer.headers, "Content-Type": "text/html"}, page)


def _gzipped(answer: Answer) -> Answer:
    return Answer(answer.status, {**answer.headers, "Content-Encoding": "gzip"}, gzip.compress(answer.body))


def _wrong(answer: Answer) -> Answer:
    """In place of JSON, as many bytes that are none. Wrong bytes of a file, of the right number, are believed."""
    if "json" not in answer.headers.get("Content-Type", ""):
        return answer
    return Answer(answer.status, answer.headers, bytes(byte ^ 0x55 for byte in answer.body))


def _error_body(answer: Answer) -> Answer:
    body = json.dumps({"code": "Internal", "message": "failed", "error": {"message": "failed"}, "data": None}).encode()
    return Answer(200, {**answer.headers, "Content-Type": "application/json"}, body)


BELIEVED = r"/results/|/signed/|/download|/archives/collections/.*/items/|/aoi/"
"""Where any JSON is believed: tables of text, what only adds to an Item, and packages that are being made."""
GONE = "expired, JSON 410"
"""A file that is said to be gone in three passes is left out of its Item: so this lasts for two."""
XML = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>'
FAULTS: dict[str, Trouble] = {
    "reset before the request": Trouble(lose_request=True),
    "answer lost": Trouble(lose_answer=True),
    "reset after 100 bytes": Trouble(reset_after=100),
    "stall": Trouble(stall=1.5),
    "drip": Trouble(drip=0.004),
    "truncated under the right length": Trouble(truncate=True),
    "wrong bytes": Trouble(change=_wrong),
    "429, seconds": Trouble(change=_status(429, Retry_After="1")),
    "429, milliseconds": Trouble(change=_status(429, Retry_After="1500")),
    "429, a date": Trouble(change=_status(429, Retry_After="Sun, 22 Nov 2026 00:00:00 GMT")),
    "429, a date far away": Trouble(change=_status(429, Retry_After="Fri, 31 Dec 2999 23:59:59 GMT")),
    "500": Trouble(change=_status(500, b"<html>oops</html>")),
    "503": Trouble(change=_status(503, Retry_After="0")),
    "expired, XML 403": Trouble(change=_status(403, XML, Content_Type="application/xml")),
    GONE: Trouble(change=_status(410, b'{"code": "ResultLinkExpired", "message": "m"}')),
    "redirected to another host": Trouble(change=_status(302, Location="{foreign}/stolen")),
    "redirected in a loop": Trouble(change=_status(302, Location="{itself}")),
    "redirected to a private address": Trouble(change=_status(307, Location="http://169.254.169.254/latest/meta-data")),
    "redirected to a name of a private address": Trouble(change=_status(302, Location="http://localhost:9/x")),
    "gzip that nobody asked for": Trouble(change=_gzipped),
    "a web page": Trouble(change=_html),
    "200 with an error": Trouble(path=rf"^(?!.*({BELIEVED})).*$", change=_error_body),
}
PLACES = (0, 1, 3, 6, 10)
"""So many requests come through before the fault begins."""
QUICK = ("reset after 100 bytes", "429, a date far away", "redirected to another host", "a web page")


@dataclass
class Target:
    """A provider behind the proxy."""

    proxy: Proxy
    table: Mapping[str, Any]


@contextmanager
def openeo() -> Iterator[Target]:
    with OpenEOStandIn((OLD, KEEP, NEW)) as stand_in, Proxy(stand_in.url, rewrite=True) as proxy:
        yield Target(proxy, {**stand_in.settings(), "url": proxy.url})


@contextmanager
def up42_first() -> Iterator[Target]:
    with StandIn() as stand_in, Proxy(stand_in.url, rewrite=True) as proxy:
        stand_in.fill()
        yield Target(proxy, {**stand_in.first_settings(), "url": proxy.url})


@contextmanager
def up42_today() -> Iterator[Target]:
    with StandIn() as stand_in, Proxy(stand_in.url, rewrite=True) as proxy:
        stand_in.fill()
        yield Target(proxy, {**stand_in.today_settings(), "url": proxy.url, "auth_url": proxy.url})


@contextmanager
def pixxel() -> Iterator[Target]:
    with demo_account() as stand_in, Proxy(stand_in.url, rewrite=True) as proxy:
        yield Target(proxy, {**stand_in.settings(), "url": proxy.url})


@contextmanager
def sentinelhub() -> Iterator[Target]:
    made = account()
    with ExitStack() as stack:
        stack.enter_context(made.service)
        bucket = stack.enter_context(Bucket({BUCKET: made.objects}))
        proxy = stack.enter_context(Proxy(made.service.url, rewrite=True))
        source = {"endpoint_url": bucket.url, "region": "eu-central-1"}
        table = {
            "kind": "sentinelhub",
            "url": proxy.url,
            "token_url": made.service.token_url.replace(made.service.url, proxy.url),
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "source": {**source, "access_key_id": ACCESS_KEY, "secret_access_key": SECRET_KEY},
        }
        yield Target(proxy, table)


PROVIDERS = {
    "openeo": openeo,
    "up42, first API": up42_first,
    "up42": up42_today,
    "pixxel": pixxel,
    "sentinelhub": sentinelhub,
}


@dataclass
class Bench:
    """A provider, what a calm pass over it publishes, and a host that nobody may be sent to."""

    target: Target
    calm: dict[str, bytes]
    foreign: str
    stolen: list[Asked]

    def workspace(self, root: Path) -> Workspace:
        root.mkdir()
        return Workspace(root, FolderStore(root / "catalog"), providers={"p": self.target.table})


@pytest.fixture(scope="module", params=PROVIDERS)
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    stolen: list[Asked] = []

    def thief(asked: Asked) -> Reply:
        stolen.append(asked)
        return reply({"stolen": True})

    with PROVIDERS[request.param]() as target, serving() as script, pytest.MonkeyPatch.context() as patched:
        script.answer = thief
        patched.setattr(Parts, "sleep", lambda *_: None)
        made = Bench(target, {}, script.url, stolen)
        workspace = made.workspace(tmp_path_factory.mktemp("calm") / "work")
        settled(workspace)
        made.calm = published(workspace.store)
        assert len(made.calm) > 5
        yield made


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits cost no time, and silence counts as such after a second."""
    monkeypatch.setattr(Parts, "sleep", lambda *_: None)
    assert session.Session.__init__.__kwdefaults__ is not None
    monkeypatch.setitem(session.Session.__init__.__kwdefaults__, "timeout", (2.0, 1.0))
    assert fetch.Fetcher.__init__.__kwdefaults__ is not None
    monkeypatch.setitem(fetch.Fetcher.__init__.__kwdefaults__, "read_timeout", 1.0)


def a_pass(workspace: Workspace) -> tuple[str, float]:
    """Make a pass; return what went wrong in words, and the seconds."""
    began = time.monotonic()
    with closing(open_app(workspace.config)) as app:
        try:
            result = app.sync([], ())
        except StacsyncError as error:
            return str(error), time.monotonic() - began
    errors = [one["error"] for one in result["providers"].values() if one["error"]]
    words = " ".join([*errors, *(error["message"] for error in result["errors"])])
    assert "internal error" not in json.dumps(result), words
    return words, time.monotonic() - began


def settled(workspace: Workspace) -> None:
    """Make passes until nothing more comes: some providers want to see a listing twice, or prepare packages."""
    for _ in range(6):
        before = published(workspace.store)
        a_pass(workspace)
        if published(workspace.store) == before:
            return


def _meant(trouble: Trouble, bench: Bench) -> Trouble:
    """Fill in where redirects lead to."""
    change = trouble.change
    if change is None:
        return trouble

    def filled(answer: Answer) -> Answer:
        found = change(answer)
        where = found.headers.get("Location", "").replace("{foreign}", bench.foreign).replace("{itself}", answer.asked)
        return Answer(found.status, {**found.headers, **({"Location": where} if where else {})}, found.body)

    return replace(trouble, change=filled)


@pytest.mark.promise("a fault of any kind between us and a provider ends in bounded time; the next pass completes")
@pytest.mark.parametrize("name", few(FAULTS, *QUICK))
@pytest.mark.timeout(900)
def test_faults_on_the_way(bench: Bench, tmp_path: Path, name: str, tried: Callable[[int], None]) -> None:
    """Wherever a fault begins and however long it lasts, nothing wrong is published, no credential leaves, all heals."""
    workspace = bench.workspace(tmp_path / "work")
    proxy, trouble = bench.target.proxy, _meant(FAULTS[name], bench)
    places = PLACES[:2] if name == GONE else PLACES
    for number, after in enumerate(places):
        proxy.troubles = [replace(trouble, after=after, times=FOREVER if number % 2 else 3)]
        words, seconds = a_pass(workspace)
        assert seconds < LIMIT, (after, seconds)
        assert len(words) < 6_000, after
    proxy.troubles = []
    settled(workspace)
    assert _differences(published(workspace.store), bench.calm) == []
    for asked in bench.stolen:
        assert not {"authorization", "x-api-key", "cookie"} & asked.headers.keys(), asked
    tried(len(places))


def _differences(found: dict[str, bytes], wanted: dict[str, bytes]) -> list[str]:
    return sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))
