"""Whole runs over Pixxel: packages that take their time, restarts, lost ledgers, hostile archives."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stacsync.demo.pixxel import KEY, ORGANISATION, USER, PixxelStandIn, StandInJob
from stacsync.demo.pixxel.account import task
from stacsync.demo.pixxel.packing import tarred, zipped
from tests.kit.workspace import FolderStore, Workspace, crawl, published

BOMB = 80 * 1024**2


@pytest.fixture
def workspace(tmp_path: Path, pixxel: PixxelStandIn) -> Workspace:
    table = {**pixxel.settings(), "package_retry": "1s"}
    return Workspace(tmp_path, FolderStore(tmp_path / "catalog"), providers={"sky": table})


def items(workspace: Workspace) -> dict[str, dict[str, Any]]:
    return {document["id"]: document for _, document in crawl(workspace.store) if document["type"] == "Feature"}


def counts(result: Any) -> dict[str, int]:
    return {name: number for name, number in result["providers"]["sky"].items() if name != "error" and number}


def test_every_kind_of_package_is_published(workspace: Workspace) -> None:
    """ZIP, tar.gz, TAR and a single file: their Items say where place and time come from; inputs are left out."""
    result = workspace.sync()
    assert counts(result) == {"seen": 4, "published": 4}
    hrefs = [one["href"] for item in items(workspace).values() for one in item["assets"].values()]
    files = sum(not href.endswith(".thumbnail.webp") for href in hrefs)  # those are made here
    assert (result["assets"]["transferred"], result["assets"]["bytes"] > 0) == (files, True)
    found = {key: item["properties"] for key, item in items(workspace).items()}
    told = {
        key: (one.get("stacsync:geometry_source"), one.get("stacsync:datetime_source")) for key, one in found.items()
    }
    assert told == {
        "crops-vercelli-vercelli_rice": (None, None),
        "crops-cremona": ("footprint file", "filename"),
        "fields-ferrara": ("vector results", "inputs"),
        "carbon-mantua": ("raster", "input scene"),
    }
    assert all(one["pixxel:workflow_id"].startswith("w-") for one in found.values())
    assert not [key for key in list(workspace.store.keys()) if "/input/" in key]
    status = workspace.run("status", "--json").json
    assert list(status["left_out"]["sky"]) == ["crops-vercelli"]
    audit = workspace.run("verify", "--checksums", "--json")
    assert (audit.code, audit.json["findings"]) == (0, [])


def test_typed_again_it_asks_for_no_package(workspace: Workspace, pixxel: PixxelStandIn) -> None:
    """A second pass asks for no package and writes nothing."""
    workspace.sync()
    before, asked = published(workspace.store), pixxel.asked("download$")
    again = workspace.sync()
    assert counts(again) == {"seen": 4, "unchanged": 4}
    assert again["documents"]["written"] == 0
    assert (published(workspace.store), pixxel.asked("download$")) == (before, asked)


def test_a_pending_package_is_published_by_a_later_pass(workspace: Workspace, pixxel: PixxelStandIn) -> None:
    """It waits in the first passes (exit 0), over a restart, and is fetched once, through an address that had lapsed."""
    slow = pixxel.workflows[0].jobs[0]
    slow.pending = 2
    assert counts(workspace.sync()) == {"seen": 4, "published": 3, "waiting": 1}
    told = workspace.run("sync", "--json")
    assert told.code == 0
    assert counts(told.json)["waiting"] == 1
    (waiting,) = workspace.run("status", "--json").json["set_aside"]
    assert (waiting["job"], waiting["state"]) == ("crops-vercelli", "waiting")
    pixxel.lapsed = 1
    for _ in range(10):
        time.sleep(1.0)
        result = workspace.sync()
        if not counts(result).get("waiting"):
            break
    assert counts(result) == {"seen": 4, "published": 1, "unchanged": 3}
    assert pixxel.downloads == 4
    assert "crops-vercelli-vercelli_rice" in items(workspace)


def test_a_lost_ledger_fetches_no_package_again(workspace: Workspace, pixxel: PixxelStandIn) -> None:
    """Without its ledger the next pass finds every package in the store, and the documents come out byte for byte."""
    workspace.sync()
    before, asked = published(workspace.store), pixxel.asked("download$")
    workspace.forget_ledger()
    assert counts(workspace.sync())["seen"] == 4
    assert published(workspace.store) == before
    assert (pixxel.asked("download$"), pixxel.downloads) == (asked, 4)


def test_a_dry_run_asks_for_nothing(workspace: Workspace, pixxel: PixxelStandIn) -> None:
    """Packages are made on request and may cost: looking at what would happen requests none."""
    assert counts(workspace.sync(dry_run=True)) == {"seen": 4, "published": 4}
    assert pixxel.asked("download$") == 0


def test_a_partial_job_is_published_and_says_so(workspace: Workspace, pixxel: PixxelStandIn) -> None:
    """Its Collection is marked as incomplete until the job is."""
    pixxel.workflows[0].jobs = [StandInJob(id="half", status="partial_success", package=zipped({"a.csv": b"1"}))]
    pixxel.workflows = pixxel.workflows[:1]
    workspace.sync()
    (item,) = items(workspace).values()
    assert item["properties"]["pixxel:status"] == "partial"
    (collection,) = [document for _, document in crawl(workspace.store) if document["type"] == "Collection"]
    assert collection["stacsync:complete"] is False
    pixxel.workflows[0].jobs[0].status = "completed"
    assert counts(workspace.sync())["published"] == 1
    (collection,) = [document for _, document in crawl(workspace.store) if document["type"] == "Collection"]
    assert "stacsync:complete" not in collection


def _encrypted() -> bytes:
    data = bytearray(zipped({"a.tif": b"x" * 100}))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + place] |= 1
    return bytes(data)


def _linked() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("a.tif")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    return buffer.getvalue()


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "traversal": (lambda: zipped({"fine.csv": b"1", "../../evil.csv": b"2"}), "leads out of it"),
    "absolute": (lambda: tarred({"fine.csv": b"1", "/etc/evil.csv": b"2"}), "absolute name"),
    "encrypted": (_encrypted, "encrypted"),
    "link": (_linked, "symbolic link"),
    "bomb": (lambda: zipped({"fine.csv": b"1", "zeros.bin": bytes(BOMB)}), "times"),
    "truncated": (lambda: zipped({"a.csv": b"1" * 1000})[:-30], "truncated"),
    "twice": (lambda: tarred({"A.csv": b"1", "a.csv": b"2"}), "twice"),
    "web page": (lambda: b"<!doctype html><html>please sign in</html>", "web page"),
    "empty": (lambda: b"", "empty"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_package_costs_its_job_alone(workspace: Workspace, pixxel: PixxelStandIn, kind: str) -> None:
    """The job fails with a reason, nothing of it lies in the store; the others are published, exit 1."""
    make, words = HOSTILE[kind]
    pixxel.workflows[0].jobs = [StandInJob(id="bad", package=make(), package_name="")]
    result = workspace.sync(well=False)
    assert counts(result) == {"seen": 2, "published": 1, "failed": 1}
    (error,) = result["errors"]
    assert error["job"] == "bad"
    assert words in error["message"]
    assert not [key for key in list(workspace.store.keys()) if "bad" in key]
    assert set(items(workspace)) == {"carbon-mantua"}


def test_tasks_are_published_one_by_one(workspace: Workspace, pixxel: PixxelStandIn) -> None:
    """`granularity = "task"`: an Item for each finished task; one whose package is pending lets the job wait whole."""
    tasks = [task(number, number, results=[], inputs=[]) for number in ("mask", "map")]
    packages = {"mask": tarred({"mask_20250601.csv": b"1"}), "map": zipped({"map_20250602.csv": b"2"})}
    pixxel.workflows[0].jobs = [StandInJob(id="j", tasks=tasks, task_packages=packages, pending=1)]
    pixxel.workflows = pixxel.workflows[:1]
    workspace.providers["sky"] = {**workspace.providers["sky"], "granularity": "task"}
    assert counts(workspace.sync()) == {"seen": 1, "waiting": 1}
    time.sleep(1.1)
    assert counts(workspace.sync()) == {"seen": 1, "published": 1}
    assert set(items(workspace)) == {"j-mask", "j-map"}


def test_delivered_imagery_is_published(workspace: Workspace) -> None:
    """Images of the account's catalog become Items as their entries tell them, in a Collection of their own."""
    workspace.providers["sky"] = {**workspace.providers["sky"], "imagery": True}
    assert counts(workspace.sync()) == {"seen": 5, "published": 5}
    item = items(workspace)["imagery-47435e2b-d8c4-41ff-9de9-2be3bfc92276"]
    assert item["collection"] == "sky-pixxel-td2"
    assert item["properties"]["license"] == "CC-BY-4.0"
    assert item["assets"]["B091"]["bands"][0]["eo:center_wavelength"] == pytest.approx(0.49)
    assert "stacsync:job_id" not in item["properties"]


def test_no_secret_is_left_anywhere(workspace: Workspace, pixxel: PixxelStandIn) -> None:
    """Key, signatures, users and organisations are in no object, no ledger and no log, whatever fails."""
    workspace.providers["sky"] = {**workspace.providers["sky"], "imagery": True}
    pixxel.workflows[0].jobs[1].pending = 1
    pixxel.workflows[0].jobs[2].refusal = 400
    pixxel.lapsed = 5
    told = [workspace.run("sync", STACSYNC_LOG__LEVEL="debug"), workspace.run("status"), workspace.run("check")]
    texts = [text for answer in told for text in (answer.stdout, answer.stderr)]
    texts += [data.decode("latin-1") for data in map(workspace.store.read, workspace.store.keys())]
    texts += [path.read_bytes().decode("latin-1") for path in workspace.root.glob("ledger.db*")]
    for secret in (KEY, USER, ORGANISATION, "stand-in-signature", "Signature=", "sig="):
        assert not [text[:200] for text in texts if secret in text], secret
