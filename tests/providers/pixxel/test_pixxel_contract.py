"""Pixxel keeps the contract that every provider keeps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from stacsync.demo.pixxel import KEY, ORGANISATION, USER, PixxelStandIn, StandInJob
from stacsync.demo.pixxel.account import task
from stacsync.demo.pixxel.packing import zipped
from stacsync.demo.pixxel.server import refusal
from stacsync.provider import JobProvider
from stacsync.testing import ProviderTests

Connect = Callable[..., JobProvider]
SECRETS = (KEY, USER, ORGANISATION, "stand-in-signature")
WORKFLOW_JOBS = {"crops-vercelli", "crops-cremona", "fields-ferrara", "carbon-mantua"}


class TestJobs(ProviderTests):
    """Workflow jobs and delivered imagery."""

    expected_jobs = frozenset({*WORKFLOW_JOBS, "imagery-47435e2b-d8c4-41ff-9de9-2be3bfc92276", "refused"})
    refused_jobs = frozenset({"refused"})
    secrets = SECRETS

    @pytest.fixture
    def provider(self, pixxel: PixxelStandIn, connect: Connect) -> JobProvider:
        pixxel.workflows[0].jobs.append(StandInJob(id="refused", refusal=403))
        pixxel.workflows[0].odd_rows += [{"status": "completed"}, "no job at all", None, {"id": "x"}]
        pixxel.faults[r"/jobs/refused$"] = [refusal(404, "no such job")] * 50
        return connect(pixxel, imagery=True)


class TestTasks(ProviderTests):
    """A package and an Item for each task."""

    secrets = SECRETS
    refused_jobs = frozenset({"crops-vercelli", "crops-cremona", "fields-ferrara", "carbon-mantua"})
    expected_jobs = frozenset({*WORKFLOW_JOBS, "two-tasks"})

    @pytest.fixture
    def provider(self, pixxel: PixxelStandIn, connect: Connect) -> JobProvider:
        tasks = [task(name, name, results=[], inputs=[]) for name in ("t-1", "t-2")]
        tasks.append(task("t-3", "t-3", results=[], inputs=[], status="failed"))
        packages = {name: zipped({f"{name}_20250601.csv": name.encode()}) for name in ("t-1", "t-2")}
        for workflow in pixxel.workflows:
            for job in workflow.jobs:
                job.tasks = []
        pixxel.workflows[0].jobs.append(StandInJob(id="two-tasks", tasks=tasks, task_packages=packages))
        return connect(pixxel, granularity="task")
