"""Whole providers against answers that were tampered with: nothing but an error of ours, or a clean record, comes out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stacsync import layout, registry, stac
from stacsync.demo.openeo import OpenEOStandIn
from stacsync.demo.openeo.answers import Answer as OpenEOAnswer
from stacsync.demo.sentinelhub import Bucket, Service, account
from stacsync.demo.sentinelhub.bucket import ACCESS_KEY, SECRET_KEY
from stacsync.demo.sentinelhub.scenario import BUCKET
from stacsync.demo.sentinelhub.service import CLIENT_ID, CLIENT_SECRET
from stacsync.demo.up42 import Asked, Reply, StandIn
from stacsync.errors import StacsyncError
from stacsync.jobs import JobRecord, Standing
from stacsync.provider import JobProvider
from stacsync.testing import context
from stacsync.testing.delivery import fetch, unpack
from tests.drill.hostile import Change, changed, changes

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@dataclass
class Tamper:
    """Changes the n-th JSON answer of a conversation."""

    number: int = -1
    wanted: list[Change] = field(default_factory=list)
    seen: int = 0

    def plan(self, number: int, wanted: list[Change]) -> None:
        self.number, self.wanted, self.seen = number, wanted, 0

    def __call__(self, document: Any) -> Any:
        self.seen += 1
        return changed(document, self.wanted) if self.seen - 1 == self.number else document


class TamperedOpenEO(OpenEOStandIn):
    def __init__(self, tamper: Tamper) -> None:
        super().__init__(page_size=3)
        self.tamper = tamper

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> OpenEOAnswer:
        answer = super().answer(method, target, headers, body)
        if answer.headers.get("Content-Type") != "application/json":
            return answer
        return OpenEOAnswer(answer.status, written(self.tamper(orjson.loads(answer.body))), answer.headers)


class TamperedUP42(StandIn):
    def __init__(self, tamper: Tamper) -> None:
        self.tamper = tamper
        super().__init__()
        self.fill()

    def answer(self, asked: Asked) -> Reply:
        reply = super().answer(asked)
        if isinstance(reply.content, bytes):
            return reply
        return Reply(written(self.tamper(reply.content)), reply.status, reply.media_type)


class TamperedSentinelHub(Service):
    tamper: Tamper

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Any:
        status, document, more = super().answer(method, url, headers, body)
        return status, self.tamper(document), more


def written(document: Any) -> bytes:
    """Write JSON, however deep."""
    try:
        return orjson.dumps(document)
    except TypeError:  # nested too deeply for it
        return _slowly(document).encode()


def _slowly(value: Any) -> str:
    """Write JSON without recursion: only chains of single entries are that deep."""
    head, tail = "", ""
    while True:
        try:
            return head + orjson.dumps(value).decode() + tail
        except TypeError:
            if isinstance(value, list) and len(value) == 1:
                head, tail, value = f"{head}[", f"]{tail}", value[0]
            elif isinstance(value, dict) and len(value) == 1:
                ((name, inner),) = value.items()
                head, tail, value = f"{head}{{{orjson.dumps(name).decode()}:", f"}}{tail}", inner
            elif isinstance(value, list):
                return head + "[" + ",".join(_slowly(inner) for inner in value) + "]" + tail
            elif not isinstance(value, dict):  # a whole number of more than 64 bits
                return head + json.dumps(value) + tail
            else:
                pairs = (orjson.dumps(name).decode() + ":" + _slowly(inner) for name, inner in value.items())
                return head + "{" + ",".join(pairs) + "}" + tail


@dataclass
class Target:
    """One provider that can be connected to again and again."""

    tamper: Tamper
    connect: Callable[[], JobProvider]


@contextmanager
def openeo(folder: Path) -> Iterator[Target]:
    tamper = Tamper()
    with TamperedOpenEO(tamper) as stand_in:
        yield Target(tamper, lambda: _connected(stand_in.settings(), folder))


@contextmanager
def up42_first(folder: Path) -> Iterator[Target]:
    tamper = Tamper()
    with TamperedUP42(tamper) as stand_in:
        yield Target(tamper, lambda: _connected(stand_in.first_settings(), folder))


@contextmanager
def up42_today(folder: Path) -> Iterator[Target]:
    tamper = Tamper()
    with TamperedUP42(tamper) as stand_in:
        yield Target(tamper, lambda: _connected(stand_in.today_settings(), folder))


@contextmanager
def sentinelhub(folder: Path) -> Iterator[Target]:
    made, tamper = account(), Tamper()
    service = TamperedSentinelHub(**{name: getattr(made.service, name) for name in ("tasks", "batch_collections")})
    service.tamper = tamper
    service.page_size = 50
    with ExitStack() as stack:
        stack.enter_context(service)
        bucket = stack.enter_context(Bucket({BUCKET: made.objects}))
        source = {"endpoint_url": bucket.url, "region": "eu-central-1"}
        table = {
            "kind": "sentinelhub",
            "url": service.url,
            "token_url": service.token_url,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "source": {**source, "access_key_id": ACCESS_KEY, "secret_access_key": SECRET_KEY},
        }
        yield Target(tamper, lambda: _connected(table, folder))


def _connected(table: dict[str, Any], folder: Path) -> JobProvider:
    kind = registry.kind(table["kind"])
    return kind.connect(kind.settings.model_validate(table), context("drill", clock=lambda: NOW, state_dir=folder))


@pytest.fixture(scope="module", params=[openeo, up42_first, up42_today, sentinelhub])
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with request.param(tmp_path_factory.mktemp("state")) as found:
        yield found


def talk(provider: JobProvider, most: int = 3) -> int:
    """List, describe and convert as a pass does; return how many documents came out."""
    made = 0
    jobs: list[JobRecord] = []
    try:
        for job in provider.finished_jobs():
            repr(job)
            layout.segment(job.id)
            jobs.append(job)
    except StacsyncError as error:
        str(error)
    for job in [job for job in jobs if job.standing is Standing.READY][:most]:
        told = ""
        try:
            made += _described(provider, job)
        except StacsyncError as error:
            told = str(error)
        assert len(told) < 4_000, "an error nobody wants to read"
    return made


def _described(provider: JobProvider, job: JobRecord) -> int:
    result = provider.describe(job)
    try:
        signed = {one: provider.sign(one, job, fresh=False) for one in result.packages}
        try:
            fetched = {one: fetch(address) for one, address in signed.items()}
        except requests.RequestException:
            return 0  # where a made-up address leads is the mirror's business
        contents = {one.id: unpack(one, data) for one, data in fetched.items()}
        documents = [_converted(record) for record in result.items(contents)]
        for record in result.collections:
            orjson.dumps(stac.records.to_json(record))
        for document in documents:
            _check(document)
        return len(documents)
    finally:
        result.close()


def _converted(record: Any) -> dict[str, Any]:
    item = layout.segment(record.id)
    keys = layout.asset_keys("drill", record.collection, item, {asset.key: asset.filename for asset in record.assets})
    assert len(set(keys.values())) == len(record.assets)
    assert all(".." not in key.split("/") and not key.startswith("/") for key in keys.values())
    place = stac.Place(
        provider="drill",
        kind="drill",
        provider_title="Drill",
        catalog_title="Drill",
        collection=record.collection,
        collection_title="Drill",
        item_id=item,
        key=layout.item_key("drill", record.collection, item),
    )
    return stac.item_document(record, {}, place)


def _check(document: dict[str, Any]) -> None:
    stac.validate(document)
    stac.dumps(document)
    for link in document["links"]:
        assert not str(link["href"]).lower().startswith(("javascript:", "data:", "file:")), link
    text = orjson.dumps(document, option=orjson.OPT_PASSTHROUGH_DATETIME)
    assert b"X-Amz-Signature" not in text
    assert b"user:pass" not in text


@pytest.mark.promise("whatever a provider answers, only errors of ours or clean records come out")
@pytest.mark.parametrize(
    "examples", [pytest.param(25, id="sampled"), pytest.param(600, id="all", marks=pytest.mark.real)]
)
@pytest.mark.timeout(1800)
def test_tampered_answers(target: Target, examples: int, tried: Callable[[int], None]) -> None:
    """With any value of any answer replaced by anything, a provider raises errors of ours alone and its records convert."""
    count = 0

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(number=st.integers(0, 14), wanted=changes)
    def attempt(number: int, wanted: list[Change]) -> None:
        nonlocal count
        count += 1
        target.tamper.plan(number, wanted)
        provider = target.connect()
        try:
            talk(provider)
        finally:
            provider.close()

    target.tamper.plan(-1, [])
    calm = target.connect()
    assert talk(calm) > 0
    calm.close()
    attempt()
    tried(count)
