"""Every provider's stand-in behind a proxy, with the settings that lead through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from stacsync.demo.openeo import OpenEOStandIn
from stacsync.demo.pixxel import demo_account
from stacsync.demo.sentinelhub import Bucket, account
from stacsync.demo.sentinelhub.bucket import ACCESS_KEY, SECRET_KEY
from stacsync.demo.sentinelhub.scenario import BUCKET
from stacsync.demo.sentinelhub.service import CLIENT_ID, CLIENT_SECRET
from stacsync.demo.up42 import StandIn
from tests.drill.proxy import Proxy
from tests.drill.scene import KEEP, NEW, OLD


@dataclass
class Target:
    """A provider behind the proxy."""

    proxy: Proxy
    table: Mapping[str, Any]
    stand_in: Any


@contextmanager
def openeo() -> Iterator[Target]:
    with OpenEOStandIn((OLD, KEEP, NEW)) as stand_in, Proxy(stand_in.url, rewrite=True) as proxy:
        yield Target(proxy, {**stand_in.settings(), "url": proxy.url}, stand_in)


@contextmanager
def up42_first() -> Iterator[Target]:
    with StandIn() as stand_in, Proxy(stand_in.url, rewrite=True) as proxy:
        stand_in.fill()
        yield Target(proxy, {**stand_in.first_settings(), "url": proxy.url}, stand_in)


@contextmanager
def up42_today() -> Iterator[Target]:
    with StandIn() as stand_in, Proxy(stand_in.url, rewrite=True) as proxy:
        stand_in.fill()
        yield Target(proxy, {**stand_in.today_settings(), "url": proxy.url, "auth_url": proxy.url}, stand_in)


@contextmanager
def pixxel() -> Iterator[Target]:
    with demo_account() as stand_in, Proxy(stand_in.url, rewrite=True) as proxy:
        yield Target(proxy, {**stand_in.settings(), "url": proxy.url}, stand_in)


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
        yield Target(proxy, table, made.service)


PROVIDERS: dict[str, Callable[[], AbstractContextManager[Target]]] = {
    "openeo": openeo,
    "up42, first API": up42_first,
    "up42": up42_today,
    "pixxel": pixxel,
    "sentinelhub": sentinelhub,
}
