"""What an operator does about damage: the remedies that are told do what they say."""

from __future__ import annotations

import os
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from stacsync.app import open_app
from stacsync.demo.openeo import OpenEOStandIn, StandInFile, StandInJob
from stacsync.errors import Refused
from tests.kit.workspace import BucketStore, FolderStore, Store, Workspace, published


def spoil(store: Store, key: str, data: bytes | None) -> None:
    """Let `key` hold `data`, or nothing, behind the back of stacsync."""
    if isinstance(store, BucketStore):
        where = {"Bucket": store.bucket, "Key": f"{store.prefix}/{key}"}
        if data is None:
            store.client.delete_object(**where)
        else:
            store.client.put_object(Body=data, **where)
    else:
        assert isinstance(store, FolderStore)
        path = store.root / key
        path.unlink() if data is None else path.write_bytes(data)


def an_asset(store: Store) -> str:
    """Return the key of some mirrored file."""
    return next(key for key in list(store.keys()) if key.endswith((".tif", ".tiff", ".nc", ".csv")))


@pytest.mark.parametrize("damage", ["missing", "longer", "altered"])
def test_the_remedy_of_verify_repairs_a_file(workspace: Workspace, damage: str) -> None:
    """A file that was deleted, cut or altered in the store is found by verify, and its remedy brings the very bytes back."""
    workspace.sync()
    before = published(workspace.store)
    key = an_asset(workspace.store)
    held = before[key]
    spoil(workspace.store, key, {"missing": None, "longer": held + b"xx", "altered": bytes(len(held))}[damage])
    audit = workspace.run("verify", "--checksums", "--json")
    (finding,) = audit.json["findings"]
    assert (audit.code, finding["key"]) == (1, key)
    if "delete that object" in finding["remedy"]:
        spoil(workspace.store, key, None)
    command = finding["remedy"].rpartition("run `stacsync ")[2].rstrip("`")
    repaired = workspace.run(*shlex.split(command), "--json")
    assert (repaired.code, repaired.json["assets"]["transferred"]) == (0, 1)
    assert published(workspace.store) == before
    assert workspace.run("verify", "--checksums").code == 0


def test_a_forced_pass_over_all_fetches_only_what_is_damaged(workspace: Workspace) -> None:
    """`sync --force` without a job looks at every file of the provider, and fetches those again that are not there."""
    workspace.sync()
    before = published(workspace.store)
    spoil(workspace.store, an_asset(workspace.store), None)
    again = workspace.sync(force=True)
    assert again["assets"]["transferred"] == 1
    assert again["documents"]["written"] == 0
    assert published(workspace.store) == before


def test_a_place_that_was_emptied_is_told(workspace: Workspace) -> None:
    """When the published documents are gone, but not our own state, nothing is written; the way out is told."""
    workspace.sync()
    for key in published(workspace.store):
        spoil(workspace.store, key, None)
    with pytest.raises(Refused, match=r"holds no catalog\.json.*move the ledger away"):
        workspace.sync()
    assert published(workspace.store) == {}
    workspace.forget_ledger()
    assert workspace.sync()["assets"]["transferred"] > 0


@pytest.mark.parametrize("lost", ["the root", "every document"])
def test_documents_that_were_lost_are_written_from_the_ledger_alone(workspace: Workspace, lost: str) -> None:
    """`rebuild` needs nothing but the ledger: documents come out as they were, and the next pass has nothing to do."""
    workspace.sync()
    before = published(workspace.store)
    for key in [key for key in before if key == "catalog.json" or (lost != "the root" and key.endswith(".json"))]:
        spoil(workspace.store, key, None)
    rebuilt = workspace.run("rebuild", "--json")
    assert rebuilt.code == 0, rebuilt.stderr
    assert published(workspace.store) == before
    assert workspace.sync()["documents"]["written"] == 0


def test_files_of_a_retired_job_can_be_deleted_later(workspace: Workspace) -> None:
    """A job that was retired with its files kept can be retired again with them deleted."""
    workspace.sync()
    kept = [key for key in published(workspace.store) if "/j-cube/" in key and not key.endswith(".json")]
    assert kept
    assert workspace.run("retire", "--provider", "cdse", "--job", "j-cube").code == 0
    assert set(kept) <= published(workspace.store).keys()
    assert workspace.run("retire", "--provider", "cdse", "--job", "j-cube", "--delete-assets").code == 0
    assert not [key for key in published(workspace.store) if "/j-cube/" in key]


def test_an_interrupted_pass_counts_what_it_did(tmp_path: Path) -> None:
    """The result of a pass that was asked to stop tells what was published until then."""
    jobs = [
        StandInJob(
            id=f"j-{n}", title=f"Job {n}", files=(StandInFile(name=f"{n}.csv", data=b"a,1\n", media_type="text/csv"),)
        )
        for n in range(40)
    ]
    with OpenEOStandIn(jobs) as openeo:
        workspace = Workspace(tmp_path, FolderStore(tmp_path / "catalog"), providers={"cdse": openeo.settings()})
        app = open_app(
            workspace.config, observer=lambda told: app.parts.stop.set() if "JobFinished" in repr(told) else None
        )
        try:
            result = app.sync([], [])
        finally:
            app.close()
    counts = result["providers"]["cdse"]
    assert "stop" in counts["error"]
    assert counts["seen"] == 40
    assert counts["published"] > 0
    assert result["assets"]["transferred"] >= counts["published"]


def test_credentials_in_a_job_title_are_not_kept(tmp_path: Path) -> None:
    """What looks like a credential in a job's title is neither in the ledger nor in the catalog."""
    title = "from https://me:TITLE-SECRET@host.example/x?token=TITLE-SECRET"
    job = StandInJob(id="j-1", title=title, files=(StandInFile(name="a.csv", data=b"a,1\n", media_type="text/csv"),))
    with OpenEOStandIn([job]) as openeo:
        workspace = Workspace(tmp_path, FolderStore(tmp_path / "catalog"), providers={"cdse": openeo.settings()})
        workspace.sync()
    with closing(sqlite3.connect(workspace.ledger)) as ledger:
        dumped = "\n".join(ledger.iterdump())
    assert "from " in dumped
    assert "TITLE-SECRET" not in dumped
    assert all(b"TITLE-SECRET" not in data for data in published(workspace.store).values())


@pytest.mark.parametrize("given", ['password = ""', 'password = "  "', 'password_file = "FILE"'])
def test_an_empty_secret_is_refused(tmp_path: Path, given: str) -> None:
    """A secret that is empty, written or in a file, is a missing one: refused at start with its path."""
    (tmp_path / "empty").write_text("\n")
    text = given.replace("FILE", str(tmp_path / "empty"))
    config = tmp_path / "another.toml"
    config.write_text(
        f'[catalog]\nid = "a"\n[storage]\nurl = "file://{tmp_path}/c"\n[providers.cdse]\nkind = "openeo"\n'
        f'url = "https://a.example"\n[providers.cdse.auth]\nmethod = "basic"\nusername = "me"\n{text}\n'
    )
    workspace = Workspace(tmp_path, FolderStore(tmp_path / "c"))
    refused = workspace.run("check", "--config", os.fspath(config))
    assert refused.code == 2
    assert "providers.cdse.auth.password: is empty" in refused.stderr


def test_a_command_that_could_not_do_its_work_tells_scripts_so(tmp_path: Path) -> None:
    """With `--json` stdout holds an object also when all of a command failed: that of a pass has its usual form."""
    with OpenEOStandIn() as openeo:
        workspace = Workspace(tmp_path, FolderStore(tmp_path / "in-the-way"), providers={"cdse": openeo.settings()})
        (tmp_path / "in-the-way").write_text("no folder")
        passed, audit = workspace.run("sync", "--json"), workspace.run("rebuild", "--json")
    assert (passed.code, audit.code) == (1, 1)
    assert "in-the-way" in passed.json["providers"]["cdse"]["error"]
    assert passed.json["documents"] == {"written": 0, "unchanged": 0, "deleted": 0}
    assert "in-the-way" in audit.json["error"]
    assert "error: " in passed.stderr
    assert "error: " in audit.stderr


def test_jobs_that_are_retired_are_counted_after_a_lost_ledger_too(tmp_path: Path) -> None:
    """What a Collection said before its ledger was lost belongs to no job, and is not counted as one."""
    file = StandInFile(name="a.csv", data=b"a,1\n", media_type="text/csv")
    with OpenEOStandIn([StandInJob(id=f"j-{n}", title=f"Job {n}", files=(file,)) for n in range(2)]) as openeo:
        table = {**openeo.settings(), "collection": "all"}
        workspace = Workspace(tmp_path, FolderStore(tmp_path / "catalog"), providers={"cdse": table})
        workspace.sync()
        workspace.forget_ledger()
        told = workspace.run("retire", "--provider", "cdse", "--json")
    assert (told.code, told.json["jobs"]) == (0, 2)
    assert "cdse/all/collection.json" not in published(workspace.store)
