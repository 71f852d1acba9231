"""Projects, workflows and jobs: every paging style, forbidden parts, bad records, sign-in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from stacsync.demo.pixxel import PixxelStandIn, StandInJob, StandInWorkflow
from stacsync.demo.pixxel.server import Reply, refusal
from stacsync.errors import SignInFailed, Unavailable
from stacsync.provider import JobProvider
from stacsync.providers.pixxel.listing import Workflow, job_record
from stacsync.providers.pixxel.words import Vocabulary
from structlog.testing import capture_logs
from tests.providers.pixxel.conftest import listed, recorded

Connect = Callable[..., JobProvider]
ALL = {"crops-vercelli", "crops-cremona", "fields-ferrara", "carbon-mantua"}


def test_recorded_jobs_are_told_apart_by_status() -> None:
    """Of the recorded jobs the completed one is taken; running, failed and unknown ones are not."""
    rows = recorded("jobs")["jobs"]
    found = [job_record(row, Workflow(id="w", name="Crop map"), Vocabulary()) for row in rows]
    assert [record.id for record in found if record] == ["aaaaaaaa-0000-4000-8000-0000000000a1"]
    taken = found[0]
    assert taken is not None
    assert taken.title == "Crop map"
    assert taken.finished is not None
    assert taken.finished.isoformat() == "2025-05-01T10:05:01+00:00"
    assert "0000000000d1" not in repr(taken)


def test_a_touched_job_is_no_changed_job() -> None:
    """Asking for a package may change `updated_at`; the fingerprint stays, so nothing is published again."""
    row = recorded("jobs")["jobs"][0]
    touched = {**row, "updated_at": "2026-01-01T00:00:00Z", "finished_at": "0001-01-01T00:00:00Z"}
    again = {**touched, "updated_at": "2026-02-02T00:00:00Z"}
    records = [job_record(one, Workflow(id="w"), Vocabulary()) for one in (touched, again)]
    assert records[0] is not None
    assert records[1] is not None
    assert records[0].fingerprint == records[1].fingerprint


@pytest.mark.parametrize("first_page", [0, 1])
@pytest.mark.parametrize("projects", [1, 2, 3, 5])
def test_every_project_is_found_whatever_its_first_page_is_called(
    pixxel: PixxelStandIn, connect: Connect, first_page: int, projects: int
) -> None:
    """Pages of projects that count from 0 or from 1 are read to their end, over several pages."""
    pixxel.first_page = first_page
    pixxel.workflows = [
        StandInWorkflow(id=f"w-{n}", name=f"W {n}", project=f"P{n}", jobs=[StandInJob(id=f"j-{n}")])
        for n in range(projects)
    ]
    assert set(listed(connect(pixxel))) == {f"j-{n}" for n in range(projects)}


def test_workflows_of_many_pages_are_all_read(pixxel: PixxelStandIn, connect: Connect) -> None:
    """Workflows page by offset, two at a time."""
    pixxel.workflows = [StandInWorkflow(id=f"w-{n}", name="W", jobs=[StandInJob(id=f"j-{n}")]) for n in range(7)]
    assert len(listed(connect(pixxel))) == 7


def test_an_api_that_ignores_paging_is_read_once(pixxel: PixxelStandIn, connect: Connect) -> None:
    """Twenty jobs may be one page of more: the same rows again end the listing."""
    pixxel.workflows = [StandInWorkflow(id="w", name="W", jobs=[StandInJob(id=f"j-{n}") for n in range(20)])]
    assert len(listed(connect(pixxel))) == 20
    assert pixxel.asked("/workflows/w/jobs$") == 2


def test_a_listing_without_paging_is_asked_for_once(pixxel: PixxelStandIn, connect: Connect) -> None:
    """Three jobs are no full page of anything."""
    listed(connect(pixxel))
    assert pixxel.asked("/workflows/w-crop-map/jobs$") == 1


def test_bad_records_are_skipped_and_counted(pixxel: PixxelStandIn, connect: Connect) -> None:
    """Records without an id or a status, texts and nulls cost only themselves, and one warning says how many."""
    pixxel.workflows[0].odd_rows += [{"status": "completed"}, {"id": "x"}, {"id": "y", "status": 7}, "job", None, []]
    with capture_logs() as logs:
        assert set(listed(connect(pixxel))) == ALL
    (warning,) = [log for log in logs if log["event"] == "pixxel.bad_records"]
    assert (warning["workflow"], warning["count"]) == ("w-crop-map", 3)


def test_odd_statuses_are_never_published(pixxel: PixxelStandIn, connect: Connect) -> None:
    """Running, failed and unknown jobs are not listed as finished; a partial one is, and says so."""
    odd = ("running", "FAILED", "cancelled", "something-new", "Partially_Completed", "  ")
    pixxel.workflows[0].jobs += [StandInJob(id=f"odd-{word.strip()}", status=word) for word in odd]
    provider = connect(pixxel)
    jobs = listed(provider)
    assert set(jobs) - ALL == {"odd-Partially_Completed"}
    assert provider.describe(jobs["odd-Partially_Completed"]).complete is False
    assert provider.describe(jobs["crops-vercelli"]).complete is True


def test_a_forbidden_workflow_is_left_out_and_said(pixxel: PixxelStandIn, connect: Connect) -> None:
    """One workflow that the key may not read costs only itself; the log and `check` name it."""
    pixxel.workflows.append(StandInWorkflow(id="w-secret", name="S", forbidden=True, jobs=[StandInJob(id="j")]))
    provider = connect(pixxel)
    with capture_logs() as logs:
        assert set(listed(provider)) == ALL
    assert [log["left_out"] for log in logs if log["event"] == "pixxel.forbidden"] == ["workflow w-secret"]
    (line,) = provider.check()
    assert line.ok
    assert line.message == "2 to be read; forbidden and left out: workflow w-secret"


def test_a_key_that_may_read_nothing_is_a_sign_in_problem(pixxel: PixxelStandIn, connect: Connect) -> None:
    """All workflows forbidden, or the projects themselves, mean wrong credentials, with what to look at."""
    for workflow in pixxel.workflows:
        workflow.forbidden = True
    provider = connect(pixxel)
    with pytest.raises(SignInFailed) as caught:
        list(provider.finished_jobs())
    assert "auth_scheme" in caught.value.remedy
    (line,) = provider.check()
    assert not line.ok
    pixxel.key = "another-key"
    with pytest.raises(SignInFailed):
        list(provider.finished_jobs())


def test_an_unreadable_workflow_lets_the_others_be_read_first(pixxel: PixxelStandIn, connect: Connect) -> None:
    """Jobs of the other workflows come, then the listing says that it is not complete."""
    pixxel.faults["/workflows/w-crop-map/jobs$"] = [Reply(b"<html>oops</html>", 200)]
    listing = connect(pixxel).finished_jobs()
    found = [next(listing).id]
    with pytest.raises(Unavailable):
        next(listing)
    assert found == ["carbon-mantua"]


def test_named_workflows_are_taken_alone(pixxel: PixxelStandIn, connect: Connect) -> None:
    """`workflows` names what to read, also when no project lists it, or projects may not be listed at all."""
    assert set(listed(connect(pixxel, workflows=["w-carbon"]))) == {"carbon-mantua"}
    pixxel.faults["/v0/projects"] = [refusal(403)]
    assert set(listed(connect(pixxel, workflows=["w-carbon"]))) == {"carbon-mantua"}


def test_a_raw_key_is_sent_alone(connect: Connect) -> None:
    """`auth_scheme = "raw"` sends the key without a scheme; a key copied with its scheme is sent as it is."""
    with PixxelStandIn([StandInWorkflow(id="w", name="W", jobs=[StandInJob(id="j")])], raw_key=True) as account:
        assert set(listed(connect(account))) == {"j"}
    with PixxelStandIn([StandInWorkflow(id="w", name="W", jobs=[StandInJob(id="j")])]) as account:
        assert set(listed(connect(account, api_key=f"Bearer {account.key}"))) == {"j"}


def test_delivered_imagery_is_listed_when_wanted(pixxel: PixxelStandIn, connect: Connect) -> None:
    """Delivered images of all pages come as jobs of their own; undelivered ones and odd entries do not."""
    image = pixxel.images[0]
    for status, number in (("SUCCESS", "i-2"), ("in_progress", "i-3"), ("success", "i-4")):
        pixxel.images.append(type(image)(id=number, details=image.details, status=status))
    pixxel.images.append(type(image)(id="i-5", details="none"))  # type: ignore[arg-type]  # what an odd entry holds
    found = {job for job in listed(connect(pixxel, imagery=True)) if job.startswith("imagery-")}
    assert found == {f"imagery-{image.id}", "imagery-i-2", "imagery-i-4"}
    assert not any(job.startswith("imagery-") for job in listed(connect(pixxel)))
