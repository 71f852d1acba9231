"""A local UP42, for `stacsync demo` and for tests: both of its APIs, with tokens and addresses as short-lived as the real ones.

gate      five-minute tokens, addresses that work once and for five seconds
server    requests and answers on 127.0.0.1
first     projects, jobs, tasks, archives, quicklooks
today     processing jobs, STAC storage, signed assets
pictures  a GeoTIFF and a PNG
content   the jobs of the demo
"""

from __future__ import annotations

import time
from collections.abc import Callable

from stacsync.demo.up42.content import archive, first_job, stable_id, today_job
from stacsync.demo.up42.first import FirstApi, FirstJob, FirstTask
from stacsync.demo.up42.gate import ADDRESS_LIFE, TOKEN_LIFE
from stacsync.demo.up42.server import Asked, Reply, Server
from stacsync.demo.up42.today import TodayApi, TodayJob


class StandIn(Server):
    """UP42 on 127.0.0.1, empty until jobs are added to `today.jobs` and `first.jobs`; a context manager."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic, port: int = 0) -> None:
        super().__init__(monotonic=monotonic, port=port)
        self.today = TodayApi(self)
        self.first = FirstApi(self)

    def fill(self) -> None:
        """Add the jobs of the demo."""
        self.today.jobs += [
            today_job("pansharpening", 1, self.url, scenes=3),
            today_job("pansharpening", 2, self.url, status="captured", scenes=2),
            today_job("upsampling", 3, self.url, scenes=2),
        ]
        self.first.jobs += [first_job(1, features=3), first_job(2)]

    def today_settings(self) -> dict[str, str]:
        """Return the provider's table for the API of today."""
        account = {"username": self.today.username, "password": self.today.password}
        return {"kind": "up42", "url": self.url, "auth_url": self.url, **account}

    def first_settings(self) -> dict[str, str]:
        """Return the provider's table for the first API."""
        project = {"project_id": self.first.project, "project_api_key": self.first.key}
        return {"kind": "up42", "api": "v1", "url": self.url, **project}


__all__ = [
    "ADDRESS_LIFE",
    "TOKEN_LIFE",
    "Asked",
    "FirstApi",
    "FirstJob",
    "FirstTask",
    "Reply",
    "StandIn",
    "TodayApi",
    "TodayJob",
    "archive",
    "first_job",
    "stable_id",
    "today_job",
]
