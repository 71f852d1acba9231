"""What platforms, Prometheus and scripts get from the running service."""

from __future__ import annotations

import json
import socket
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
import time_machine
from prometheus_client.parser import text_string_to_metric_families
from stacsync.demo.openeo import OpenEOStandIn, StandInFile, StandInJob
from stacsync.errors import ConfigError, StorageError
from stacsync.jobs import JobRecord
from stacsync.ledger.times import to_text
from stacsync.server import Phase, Service, connections, start
from stacsync.server.connections import CONNECTIONS
from stacsync.settings import Server
from tests.kit.workspace import Workspace
from tests.server.conftest import Served, ask

PATHS = ("/", "/healthz", "/readyz", "/metrics", "/api/status", "/status.css", "/status.js", "/icon.svg")


def samples(served: Served) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return every sample of /metrics by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(served.ask("/metrics").text)
        for sample in family.samples
    }


@pytest.mark.parametrize("path", [*PATHS, "/nothing"])
def test_every_answer_carries_the_security_headers(served: Served, path: str) -> None:
    """No page may be framed, sniffed, stored, or load anything from elsewhere; errors included."""
    headers = served.ask(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


@pytest.mark.parametrize("path", PATHS)
def test_nothing_but_get_and_head(served: Served, path: str) -> None:
    """HEAD answers without a body; whatever could change something is refused."""
    head = served.ask(path, "HEAD")
    assert (head.status, head.body) == (200, b"")
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert served.ask(path, method).status == 405


def test_health_is_about_the_process(served: Served) -> None:
    """It is well while the scheduler lives, whatever providers do; a dead scheduler is 503."""
    assert served.ask("/healthz").json == {"healthy": True, "phase": "active"}
    served.tenure.schedule.stop()
    assert served.ask("/healthz").status == 503


def test_a_clock_that_was_set_back_is_told_until_a_pass_goes_through(served: Served) -> None:
    """With its last pass in the future the service is not ready; what was planned by the old clock is caught up at once."""
    with time_machine.travel(datetime.now(UTC) + timedelta(days=3650), tick=False):
        served.service.enter(Phase.ACTIVE, served.tenure)
        served.scheduler.step()
        assert served.ask("/readyz").json["reasons"] == []
    assert served.ask("/readyz").json["reasons"] == [
        "providers.cdse: the clock was set back, and no pass went through since"
    ]
    served.tenure.parts.lease.renew()
    served.tenure.keep_time()
    served.scheduler.step()
    assert served.ask("/readyz").json["reasons"] == []


def test_ready_as_long_as_passes_go_through(served: Served, openeo: OpenEOStandIn) -> None:
    """Ready after the start; not any more once a provider's last success is older than three times its rhythm."""
    served.scheduler.step()
    assert served.ask("/readyz").json["reasons"] == []
    openeo.fail(r"/jobs$", 400, times=1000)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=14), tick=False):
        assert served.ask("/readyz").status == 200
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=19), tick=False):
        late = served.ask("/readyz")
    assert late.status == 503
    assert late.json["ready"] is False
    assert "providers.cdse: no pass went through since" in late.json["reasons"][0]


def test_a_job_that_fails_does_not_make_the_service_unready(served: Served, openeo: OpenEOStandIn) -> None:
    """One broken job is told by status and metrics; the passes go through all the same."""
    openeo.fail(r"/jobs/j-cube/results", 403, times=1000)
    served.scheduler.step()
    report = served.ask("/readyz").json
    assert report["ready"] is True
    assert report["providers"]["cdse"]["last_complete"] is not None
    assert served.ask("/api/status").json["providers"]["cdse"]["last_success"] is None


def test_results_that_were_deleted_in_the_year_one_are_told_like_others(served: Served) -> None:
    """A provider's placeholder for "never" neither hides the other jobs nor breaks the page, status or metrics."""
    job = JobRecord(id="j-odd", fingerprint="1", expires=datetime(1, 1, 1, tzinfo=UTC))
    served.tenure.parts.ledger.jobs.fail("cdse", job, "no right")
    (told,) = served.ask("/api/status").json["expiring"]
    assert (told["job"], told["expires"]) == ("j-odd", "0001-01-01T00:00:00.000000Z")
    assert [served.ask(path).status for path in ("/", "/metrics")] == [200, 200]


def test_not_ready_while_the_store_is_away(
    served: Served, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that refuses is named as the reason."""

    def refuse(_: str) -> None:
        raise StorageError("the bucket is away", "bring it back")

    monkeypatch.setattr(served.tenure.parts.storage, "head", refuse)
    report = served.ask("/readyz")
    assert (report.status, report.json["reasons"]) == (503, ["storage: the bucket is away (bring it back)"])
    assert workspace.config.exists()


def test_a_damaged_ledger_is_told(served: Served, workspace: Workspace) -> None:
    """When the ledger cannot be read, page, status, readiness and metrics still answer and say so."""
    served.scheduler.step()
    served.tenure.parts.ledger.close()
    for path in workspace.root.glob("ledger.db*"):
        path.unlink()
    workspace.ledger.write_bytes(b"no database at all" * 100)
    report = served.ask("/readyz")
    assert report.status == 503
    assert "ledger" in report.json["reasons"][0]
    assert served.ask("/api/status").json["headline"]["text"] == "The ledger cannot be read"
    assert served.ask("/").status == 200
    assert samples(served)["stacsync_ledger_up", ()] == 0
    served.tenure.parts.ledger.close()
    workspace.ledger.unlink()


def test_a_standby_is_not_ready_and_says_why(workspace: Workspace) -> None:
    """Whoever waits for the lease answers every path, names the holder, and is healthy."""
    from stacsync.registry import load_settings  # noqa: PLC0415 - this test alone

    service = Service(load_settings(workspace.config, {}))
    handle = start(Server(port=0), service)
    try:
        assert ask(handle.address, "/readyz").json["reasons"] == ["the service is starting"]
        service.enter(Phase.STANDBY, None)
        service.waiting_for = "process 17 on srv-1 has the lease"
        report = ask(handle.address, "/readyz")
        assert (report.status, report.json["reasons"]) == (503, ["standby: process 17 on srv-1 has the lease"])
        assert ask(handle.address, "/healthz").status == 200
        page = ask(handle.address, "/").text
        assert "Standing by" in page
        assert "process 17 on srv-1" in page
        assert "stacsync_lease_held 0.0" in ask(handle.address, "/metrics").text
    finally:
        handle.stop()


def test_status_is_that_of_the_command_line_and_more(
    served: Served, workspace: Workspace, openeo: OpenEOStandIn
) -> None:
    """Every key of `status --json` is there with the same value, beside phase, headline, transfers and lease."""
    openeo.fail(r"/jobs/j-cube/results", 403, times=1000)
    served.scheduler.step()
    told = served.ask("/api/status").json
    asked = workspace.run("status", "--json").json
    assert told["failures"] == asked["failures"]
    for key, value in asked["providers"]["cdse"].items():
        assert key == "next_pass" or told["providers"]["cdse"][key] == value, key
    assert (told["phase"], told["lease"]) == ("active", {"held": True, "generation": 1})
    assert told["headline"]["text"] == "1 job needs attention"
    assert [one["name"] for one in told["recent"]][:1]
    assert told["transfers"] == []


def test_metrics_tell_what_alerts_need(served: Served, openeo: OpenEOStandIn) -> None:
    """Passes, jobs by state, bytes, seconds, failures, ages, breaker and lease; labels name providers, never items."""
    openeo.fail(r"/jobs/j-cube/results", 403, times=1000)
    served.scheduler.step()
    found = samples(served)
    cdse = ("provider", "cdse")
    assert found["stacsync_passes_total", (cdse, ("result", "incomplete"))] == 1
    assert found["stacsync_jobs", (cdse, ("state", "published"))] == 3
    assert found["stacsync_jobs", (cdse, ("state", "failed"))] == 1
    assert found["stacsync_jobs", (cdse, ("state", "parked"))] == 0
    assert found["stacsync_jobs_taken_total", (cdse, ("state", "failed"))] == 1
    assert found["stacsync_jobs_backing_off", (cdse,)] == 1
    assert found["stacsync_jobs_expiring", (cdse,)] == 1
    assert found["stacsync_pass_seconds_count", (cdse,)] == 1
    assert found["stacsync_breaker_open", (cdse,)] == 0
    assert found["stacsync_last_complete_pass_age_seconds", (cdse,)] < 300
    assert found["stacsync_items", (cdse,)] == 7
    assert found["stacsync_transfers_in_flight", (cdse,)] == 0
    assert found["stacsync_lease_held", ()] == 1
    assert found["stacsync_lease_generation", ()] == 1
    assert found["stacsync_phase", (("phase", "active"),)] == 1
    sizes = sum(
        len(file.data) for job in openeo.jobs if job.status == "finished" and job.id != "j-cube" for file in job.files
    )
    assert found["stacsync_bytes_total", (cdse,)] == sizes
    labels = {label for _, pairs in found for label, _ in pairs}
    assert labels <= {"provider", "state", "result", "phase", "version", "le"}


def test_the_breaker_shows(served: Served, openeo: OpenEOStandIn) -> None:
    """After three failed passes page and metrics say that the provider is left alone, and until when."""
    openeo.fail(r"/jobs$", 400, times=1000)
    for _ in range(3):
        served.tenure.work("cdse")
    found = samples(served)
    assert found["stacsync_breaker_open", (("provider", "cdse"),)] == 1
    assert found["stacsync_failed_passes_in_a_row", (("provider", "cdse"),)] == 3
    page = served.ask("/").text
    assert "Resting" in page
    assert "Asked again" in page
    assert "No provider works" in page


def test_openmetrics_is_spoken(served: Served) -> None:
    """A scraper that asks for OpenMetrics gets it."""
    answer = served.ask("/metrics", accept="application/openmetrics-text; version=1.0.0")
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_transfers_in_flight_show_their_progress(served: Served) -> None:
    """A file on its way is shown with its bytes and size; when it is there it is among the last that arrived."""
    from stacsync.mirror.events import Failed, Finished, JobStarted, Progress, Started  # noqa: PLC0415 - this test alone

    tell = served.service.observe
    tell(JobStarted("cdse", "j-1", "NDVI"))
    tell(Started("cdse", "j-1", "cdse/c/i/big.tif", 4_000_000))
    tell(Started("cdse", "j-1", "cdse/c/i/other.tif", None))
    tell(Progress("cdse", "j-1", "cdse/c/i/big.tif", 1_000_000))
    tell(Progress("cdse", "j-1", "cdse/c/i/big.tif", 500_000))
    moving = served.ask("/api/status").json["transfers"]
    told = {"provider": "cdse", "job": "j-1", "title": "NDVI", "name": "big.tif", "bytes": 1_500_000, "size": 4_000_000}
    assert told.items() <= moving[0].items()
    assert moving[1]["size"] is None
    page = served.ask("/").text
    assert '<progress max="4000000" value="1500000">' in page
    assert "1.4 MiB of 3.8 MiB" in page
    tell(Finished("cdse", "j-1", "cdse/c/i/big.tif", 4_000_000))
    tell(Failed("cdse", "j-1", "cdse/c/i/other.tif", "the source broke off"))
    after = served.ask("/api/status").json
    assert (after["transfers"], [one["name"] for one in after["recent"]]) == ([], ["other.tif", "big.tif"])
    assert after["recent"][0]["error"] == "the source broke off"


def test_foreign_text_stays_text(served: Served, openeo: OpenEOStandIn) -> None:
    """A script in a job's title, id or error is shown, never run."""
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    file = StandInFile(name="a.csv", data=b"a\n", media_type="text/csv")
    openeo.jobs = [StandInJob(id="j-evil", title=evil, files=(file,), shape="assets")]
    openeo.fail(r"/jobs/j-evil/results", 403, body=json.dumps({"code": "X", "message": evil}).encode(), times=1000)
    served.scheduler.step()
    page = served.ask("/").text
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert page.count("<script") == 1


@pytest.mark.parametrize("host", ["rebound.example", "rebound.example:80", "127.0.0.1.rebound.example", "10.0.0.1", ""])
def test_a_foreign_name_is_not_answered_to(served: Served, host: str) -> None:
    """A page whose host name was made to lead to the loopback interface (DNS rebinding) reads nothing; it is told why."""
    for path in PATHS:
        answer = served.ask(path, Host=host)
        assert (answer.status, "localhost" in answer.text) == (421, True)
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.8.9.1:8080", "[::1]", "[::1]:8080"])
def test_names_of_the_loopback_interface_are_answered_to(served: Served, host: str) -> None:
    """Whatever the port: it may be forwarded."""
    assert served.ask("/api/status", Host=host).status == 200


def test_who_listens_for_others_answers_to_any_name(workspace: Workspace) -> None:
    """On another interface than loopback the names are the operator's, and those of probes are addresses."""
    from stacsync.registry import load_settings  # noqa: PLC0415 - this test alone

    handle = start(Server(host="0.0.0.0", port=0), Service(load_settings(workspace.config, {})))
    try:
        address = handle.address.replace("0.0.0.0", "127.0.0.1")
        assert ask(address, "/healthz", Host="eo.acme.example").status == 200
    finally:
        handle.stop()


def connected(served: Served, number: int, begun: bytes = b"") -> list[socket.socket]:
    """Open connections that never send a whole request."""
    parts = urlsplit(served.address)
    opened = [socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20) for _ in range(number)]
    for one in opened:
        one.sendall(begun)
    return opened


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "])
def test_connections_without_a_request_keep_nobody_from_being_answered(served: Served, begun: bytes) -> None:
    """However many say nothing, or begin a request and do not end it: health, readiness and metrics are told."""
    waiting = connected(served, 3 * CONNECTIONS, begun)
    try:
        for path in ("/healthz", "/readyz", "/metrics"):
            assert served.ask(path).status == 200
    finally:
        for one in waiting:
            one.close()


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n",
        b"GET /icon.svg HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP",
    ],
)
def test_a_request_that_does_not_arrive_ends_its_connection(
    served: Served, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    """Silence, and a byte now and then, are waited for only so long; the same after an answer."""
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.5)
    (waiting,) = connected(served, 1, begun)
    waiting.settimeout(0.1)
    until = time.monotonic() + 10
    with waiting, suppress(ConnectionError):
        while time.monotonic() < until:
            with suppress(TimeoutError):
                if begun:
                    waiting.sendall(b"x")
                if not waiting.recv(65536):
                    return
        pytest.fail("the connection was still held after 10 s")


def test_a_connection_is_used_again(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks whole requests may rest between them for longer than a request may take to arrive."""
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.2)
    connection = HTTPConnection(urlsplit(served.address).netloc, timeout=20)
    for _ in range(2):
        connection.request("GET", "/healthz")
        mine = connection.sock.getsockname()
        connection.getresponse().read()
        time.sleep(0.5)
        assert connection.sock.getsockname() == mine
    connection.close()


def test_it_listens_where_it_is_told_or_says_why_not() -> None:
    """A taken port or an address that is not ours is a configuration error with the way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=r"\[server\] 127.0.0.1:\d+: cannot listen there") as refused:
            start(Server(port=port), object())  # type: ignore[arg-type]  # it is not looked at before
        assert "server.port" in refused.value.remedy
    with pytest.raises(ConfigError, match="no-such-host"):
        start(Server(host="no-such-host.invalid", port=0), object())  # type: ignore[arg-type]  # the same


def test_a_pass_that_was_never_made_is_late_from_the_start_on(served: Served) -> None:
    """A service that has just taken over is given three rounds before it counts as late."""
    assert served.ask("/readyz").json["reasons"] == []
    assert served.service.entered <= datetime.now(UTC)
    assert to_text(served.service.entered) == served.ask("/api/status").json["since"]
