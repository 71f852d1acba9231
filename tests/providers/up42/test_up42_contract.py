"""Both of UP42's APIs keep the contract that every provider keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from stacsync.demo.up42 import StandIn, first_job, stable_id, today_job
from stacsync.provider import JobProvider
from stacsync.testing import ProviderTests

Connect = Callable[..., JobProvider]


class TestToday(ProviderTests):
    """Processing jobs and the STAC storage."""

    secrets = (
        "stand-in@example.com",
        "stand-in-password",
        "stand-in-token",
        stable_id("account"),
        stable_id("workspace"),
    )
    refused_jobs = frozenset({"without-results"})

    @pytest.fixture
    def provider(self, up42: StandIn, connect: Connect) -> JobProvider:
        up42.fill()
        bare = today_job("upsampling", 9, up42.url)
        bare.payload |= {
            "jobID": "without-results",
            "results": {"collection": None, "errors": [{"message": "no luck"}]},
        }
        up42.today.jobs.append(bare)
        return connect(up42.today_settings())


class TestFirst(ProviderTests):
    """Projects, workflows and archives."""

    secrets = ("stand-in-project", "stand-in-token", stable_id("user"))
    refused_jobs = frozenset({"dry"})

    @pytest.fixture(params=[{}, {"tasks": "all", "collection_by": "job"}], ids=["last", "all"])
    def provider(self, request: pytest.FixtureRequest, up42: StandIn, connect: Connect) -> JobProvider:
        up42.fill()
        dry = first_job(5)
        dry.payload |= {"id": "dry", "mode": "DRY_RUN"}
        up42.first.jobs.append(dry)
        more: dict[str, Any] = request.param
        return connect(up42.first_settings(), **more)
