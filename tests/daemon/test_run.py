"""`stacsync run` as an operator knows it: it starts, works, reloads, stands by, takes over and stops."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from stacsync.demo.openeo import OpenEOStandIn, StandInFile, StandInJob
from tests.kit.faults import Fault, File, faulty
from tests.kit.service import Running, eventually, running
from tests.kit.workspace import FolderStore, Workspace, crawl, published

NEW = StandInJob(
    id="j-new",
    title="New",
    shape="assets",
    files=(StandInFile(name="n.csv", data=b"a,b\n1,2\n", media_type="text/csv"),),
)


def through(service: Running, name: str = "cdse", number: int = 1) -> None:
    """Wait until passes of a provider went through."""
    service.wait_for("pass.finished", number, provider=name, error=None)


def test_it_publishes_what_is_finished_and_what_finishes_later(workspace: Workspace, openeo: OpenEOStandIn) -> None:
    """The first pass begins at once; a job that finishes while it runs is published without being asked for."""
    with running(workspace) as service:
        through(service)
        assert service.json()["providers"]["cdse"]["jobs"] == {"published": 4}
        openeo.jobs = (*openeo.jobs, NEW)
        service.wait_for("job.finished", job="j-new", state="published")
        eventually(lambda: any("j-new" in key for key in list(workspace.store.keys())), "the new job's files")
        code, _ = service.stop()
    assert code == 0
    assert workspace.run("verify").code == 0
    assert not [key for key in list(workspace.store.keys()) if key.endswith("lease.json")]


def test_logs_hold_one_line_per_pass_and_per_job(workspace: Workspace, openeo: OpenEOStandIn) -> None:
    """Off a terminal every line is JSON; a job has one line, a pass has one line, tied together by the pass's id."""
    openeo.fail(r"/jobs/j-cube/results", status=403, times=50)
    with running(workspace) as service:
        service.wait_for("pass.finished", 2, provider="cdse")
        service.stop()
        first = service.events("pass.finished", pass_id=1)
        jobs = [one for one in service.lines if one["event"].startswith("job.f") and one["pass_id"] == 1]
    assert len(first) == 1
    assert {"seen": 4, "published": 3, "failed": 1}.items() <= first[0].items()
    assert sorted((one["job"], one["event"]) for one in jobs) == [
        ("j-bands", "job.finished"), ("j-cube", "job.failed"), ("j-mosaic", "job.finished"), ("j-ndvi-scenes", "job.finished")
    ]  # fmt: skip
    assert all(one["provider"] == "cdse" and one["seconds"] >= 0 for one in (*first, *jobs))
    text = (workspace.root / "run.log").read_text()
    assert not [secret for secret in (openeo.password, "expires=", "YWxpY2U", "basic//") if secret in text]


def test_asked_to_stop_in_the_middle_of_a_transfer(workspace: Workspace, openeo: OpenEOStandIn) -> None:
    """SIGTERM ends a transfer that hangs; exit 0 well within 30 s, nothing half-published, and the next run goes on."""
    body = b"x" * 20_000_000
    with faulty() as slow:
        slow.files["/slow.nc"] = File(body)
        slow.fail("/slow.nc", Fault(drip=0.2, drip_after=12_000_000))
        openeo.jobs = (*openeo.jobs, _elsewhere(slow.url("/slow.nc")))
        workspace.providers["cdse"] = {**workspace.providers["cdse"], "trusted_hosts": [slow.place]}
        with running(workspace) as service:
            moving = eventually(lambda: _moving(service), "twelve million bytes on their way")
            assert (moving["name"], moving["provider"]) == ("slow.nc", "cdse")
            code, seconds = service.stop()
        assert (code, seconds < 20) == (0, True)
        _whole(workspace)
        assert not [key for key in published(workspace.store) if key.endswith("slow.nc")]
        with running(workspace) as service:
            service.wait_for("job.finished", job="j-slow", state="published")
            through(service)
            service.stop()
    key = next(key for key in list(workspace.store.keys()) if key.endswith("slow.nc"))
    assert workspace.store.read(key) == body


def _elsewhere(url: str) -> StandInJob:
    file = StandInFile(name="slow.nc", data=b"", media_type="application/x-netcdf", fields={"href": url})
    return StandInJob(id="j-slow", title="Slow", shape="assets", files=(file,), created="2026-01-08T00:00:00Z")


def _moving(service: Running) -> dict[str, Any] | None:
    found: list[dict[str, Any]] = service.json()["transfers"]
    return next((one for one in found if one["bytes"] > 11_000_000), None)


def _whole(workspace: Workspace) -> None:
    """Whatever is linked to is there."""

    def read(key: str, _: object) -> None:
        workspace.store.read(key)

    if "catalog.json" in list(workspace.store.keys()):
        assert list(crawl(workspace.store, assets=read))


def test_interrupted_by_hand(workspace: Workspace) -> None:
    """SIGINT (Ctrl-C) stops it like SIGTERM, with exit 0 and no traceback."""
    with running(workspace) as service:
        through(service)
        assert service.stop(signal.SIGINT)[0] == 0
        assert "Traceback" not in service.log.read_text()


def test_a_new_configuration_is_read_on_sighup(workspace: Workspace) -> None:
    """A provider that was added works after SIGHUP, in the same process; the other goes on."""
    with running(workspace) as service, OpenEOStandIn([NEW]) as other:
        through(service)
        workspace.providers["second"] = {**other.settings(), "every": "1s"}
        assert workspace.config.exists()
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("daemon.reloaded", providers=["cdse", "second"])
        through(service, "second")
        eventually(lambda: service.json()["providers"].get("second", {}).get("jobs") == {"published": 1}, "its job")
        before = len(service.events("pass.finished", provider="cdse"))
        service.wait_for("pass.finished", before + 1, provider="cdse")
        assert service.stop()[0] == 0
    assert workspace.run("verify").code == 0


def test_an_invalid_configuration_is_refused_on_sighup(workspace: Workspace) -> None:
    """What is wrong is told in the log, and the service goes on as it was."""
    with running(workspace) as service:
        through(service)
        good = (workspace.root / "stacsync.toml").read_text()
        (workspace.root / "stacsync.toml").write_text(good.replace('every = "1s"', 'every = "soon"'))
        service.process.send_signal(signal.SIGHUP)
        told = service.wait_for("daemon.reload_refused")[0]["error"]
        assert "providers.cdse.every" in told
        passes = len(service.events("pass.finished"))
        service.wait_for("pass.finished", passes + 2)
        assert service.json()["phase"] == "active"
        assert service.stop()[0] == 0


def test_a_bad_configuration_is_exit_2(workspace: Workspace) -> None:
    """Nothing starts with a wrong setting, or on a port that is taken."""
    workspace.sections["schedule"] = {"every": "5m", "cron": "* * * * *"}
    told = workspace.run("run")
    assert (told.code, "schedule" in told.stderr, "Traceback" in told.stderr) == (2, True, False)
    del workspace.sections["schedule"]
    with running(workspace) as service:
        port = int(service.address.rpartition(":")[2])
        workspace.sections["server"] = {"port": port}
        told = workspace.run("run")
        assert told.code == 2
        assert "[server] 127.0.0.1" in told.stderr
        assert workspace.run("health").code == 0
        service.stop()
    gone = workspace.run("health")
    assert (gone.code, "no answer" in gone.stderr) == (1, True)


def test_a_provider_that_hangs_delays_nobody(workspace: Workspace, hole: str) -> None:
    """One provider accepts and never answers: another's passes keep their rhythm, the page answers, SIGTERM works."""
    auth = {"method": "basic", "username": "nobody", "password": "made-up-password"}
    workspace.providers["hangs"] = {"kind": "openeo", "url": hole, "auth": auth, "every": "1s"}
    with running(workspace) as service:
        service.wait_for("pass.finished", 8, provider="cdse", error=None)
        told = service.json()["providers"]["hangs"]
        assert (told["running"], told["last_pass"]) == (True, None)
        assert service.get("/healthz")[0] == 200
        code, seconds = service.stop()
    assert (code, seconds < 30) == (0, True)
    _whole(workspace)


@pytest.mark.timeout(120)
def test_the_second_daemon_stands_by_and_takes_over(
    workspace: Workspace, openeo: OpenEOStandIn, tmp_path: Path
) -> None:
    """Two daemons on one catalog: one works. It is killed: the other takes over, nothing is lost, nothing is there twice."""
    (tmp_path / "second").mkdir()
    second = Workspace(tmp_path / "second", workspace.store, providers=dict(workspace.providers))
    with running(workspace) as first:
        through(first)
        with running(second) as standby:
            standby.wait_for("daemon.standby")
            status, body = standby.get("/readyz")
            assert status == 503
            assert "has the lease" in json.loads(body)["reasons"][0]
            assert standby.json()["phase"] == "standby"
            assert standby.get("/healthz")[0] == 200
            assert "Standing by" in standby.get("/")[1]
            before = published(workspace.store)
            openeo.jobs = (*openeo.jobs, NEW)
            first.process.kill()
            first.process.wait(10)
            standby.wait_for("daemon.active")
            standby.wait_for("job.finished", job="j-new", state="published")
            through(standby)
            # The second has a ledger of its own: it took over what was published, and took no file again.
            eventually(lambda: standby.json()["providers"]["cdse"]["jobs"] == {"published": 5}, "all five jobs")
            assert standby.get("/readyz")[0] == 200
            assert standby.stop()[0] == 0
    after = published(workspace.store)
    assert set(before) <= set(after)
    lists = ("catalog.json", "collections.json")
    assert {key for key in before if before[key] != after[key] and not key.endswith(lists)} == set()
    items = [document["id"] for _, document in crawl(workspace.store) if document["type"] == "Feature"]
    assert len(items) == len(set(items))
    assert second.run("verify", "--checksums").code == 0


def test_a_store_that_is_not_there_is_waited_for(workspace: Workspace, tmp_path: Path) -> None:
    """While the store cannot be used the daemon says why and tries again; it works as soon as the store is back."""
    (tmp_path / "catalog").write_text("in the way")
    with running(workspace) as service:
        told = service.wait_for("daemon.waiting")[0]["error"]
        assert "catalog" in told
        assert service.get("/readyz")[0] == 503
        assert "Cannot work right now" in service.get("/")[1]
        (tmp_path / "catalog").unlink()
        through(service)
        assert service.stop()[0] == 0
    assert isinstance(workspace.store, FolderStore)
    assert (workspace.store.root / "catalog.json").exists()
