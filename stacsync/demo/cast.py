"""The stand-ins of all four kinds of providers, side by side on this machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Any

from stacsync.demo import belgium
from stacsync.demo.openeo import OpenEOStandIn
from stacsync.demo.pixxel import demo_account
from stacsync.demo.sentinelhub import Bucket, account
from stacsync.demo.sentinelhub.bucket import ACCESS_KEY, SECRET_KEY
from stacsync.demo.sentinelhub.scenario import BUCKET
from stacsync.demo.sentinelhub.service import CLIENT_ID, CLIENT_SECRET
from stacsync.demo.up42 import StandIn as UP42StandIn

FIRST_PORT = 18471
"""The stand-ins listen here and on the next ports where these are free, so that their catalog is the same each time."""


@contextmanager
def stand_ins() -> Iterator[Mapping[str, Mapping[str, Any]]]:
    """Run the stand-ins; yields the providers' tables of a configuration that reaches them."""
    ports = (_free(port) for port in count(FIRST_PORT))
    with ExitStack() as running:
        openeo = running.enter_context(OpenEOStandIn(belgium.jobs(), port=next(ports)))
        up42 = running.enter_context(UP42StandIn(port=next(ports)))
        up42.fill()
        pixxel = running.enter_context(demo_account(next(ports)))
        made = account()
        made.service.port = next(ports)
        service = running.enter_context(made.service)
        bucket = running.enter_context(Bucket({BUCKET: made.objects}, port=next(ports)))
        yield {
            "openeo": {"title": "openEO: fields of Belgium", **openeo.settings()},
            "sentinel-hub": {
                "title": "Sentinel Hub: Corsica",
                "kind": "sentinelhub",
                "url": service.url,
                "token_url": service.token_url,
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "source": {
                    "endpoint_url": bucket.url,
                    "region": "eu-central-1",
                    "access_key_id": ACCESS_KEY,
                    "secret_access_key": SECRET_KEY,
                },
            },
            "up42": {"title": "UP42: Berlin", "license": "CC-BY-4.0", **up42.today_settings()},
            "pixxel": {"title": "Pixxel: Po valley", **pixxel.settings(), "imagery": True},
        }


def _free(port: int) -> int:
    """Return `port` if nobody listens there, else 0."""
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", port))
        except OSError:
            return 0
    return port
