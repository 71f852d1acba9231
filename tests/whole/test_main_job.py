"""The main job: finished openEO jobs become a published catalog; typed again it does nothing."""

from __future__ import annotations

import hashlib
import json
import signal
import sqlite3
import time
import warnings
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pystac
from pystac_client import Client
from pystac_client.warnings import FallbackToPystac, NoConformsTo
from stacsync.demo.openeo import OpenEOStandIn, StandInFile, StandInJob
from tests.kit.workspace import BrokenCatalog, FolderStore, Store, StoreIO, Workspace, crawl, published


def sources(openeo: OpenEOStandIn) -> set[str]:
    """Return the checksums of all files of finished jobs."""
    return {
        hashlib.sha256(file.data).hexdigest() for job in openeo.jobs if job.status == "finished" for file in job.files
    }


def mirrored(store: Store) -> dict[str, str]:
    """Return checksum by key of every asset that the catalog names, after comparing size and checksum with the bytes."""
    found: dict[str, str] = {}

    def look(key: str, asset: dict[str, Any]) -> None:
        data = store.read(key)
        assert asset["file:size"] == len(data)
        assert asset["file:checksum"] == "1220" + hashlib.sha256(data).hexdigest()
        found[key] = hashlib.sha256(data).hexdigest()

    list(crawl(store, assets=look))
    return found


def test_all_finished_jobs_are_published_with_their_files(workspace: Workspace, openeo: OpenEOStandIn) -> None:
    """Every file of every finished job lies in the store with its recorded size and checksum; verify finds nothing."""
    result = workspace.sync()
    finished = [job for job in openeo.jobs if job.status == "finished"]
    assert result["providers"]["cdse"] == {
        "seen": len(finished), "published": len(finished), "unchanged": 0, "skipped": 0, "waiting": 0, "failed": 0, "error": None,
    }  # fmt: skip
    assert sources(openeo) <= set(mirrored(workspace.store).values())
    audit = workspace.run("verify", "--checksums", "--json")
    assert (audit.code, audit.json["findings"]) == (0, [])


def test_typed_again_it_does_nothing(workspace: Workspace) -> None:
    """A second pass writes no document, moves no byte and leaves every object as it is."""
    workspace.sync()
    before = published(workspace.store)
    again = workspace.sync()
    assert again["documents"] == {"written": 0, "unchanged": again["documents"]["unchanged"], "deleted": 0}
    assert again["assets"] == {"transferred": 0, "reused": 0, "failed": 0, "bytes": 0}
    assert published(workspace.store) == before


def test_a_lost_ledger_costs_no_transfer(workspace: Workspace) -> None:
    """Without its ledger the next pass takes over what the bucket holds, byte for byte."""
    workspace.sync()
    before = published(workspace.store)
    workspace.forget_ledger()
    again = workspace.sync()
    assert (again["assets"]["transferred"], again["assets"]["bytes"]) == (0, 0)
    assert published(workspace.store) == before


def test_a_lost_ledger_keeps_what_is_no_longer_listed(workspace: Workspace, openeo: OpenEOStandIn) -> None:
    """A job that its provider forgot stays published although the ledger is lost as well."""
    workspace.sync()
    before = published(workspace.store)
    workspace.forget_ledger()
    openeo.jobs = [job for job in openeo.jobs if job.id != "j-cube"]
    workspace.sync()
    assert published(workspace.store) == before


def test_an_empty_listing_removes_nothing(workspace: Workspace, openeo: OpenEOStandIn) -> None:
    """A provider that suddenly lists no job at all changes nothing in the catalog."""
    workspace.sync()
    before = published(workspace.store)
    openeo.jobs = ()
    workspace.sync()
    assert published(workspace.store) == before


def test_a_new_job_rewrites_a_few_documents(workspace: Workspace, openeo: OpenEOStandIn) -> None:
    """One more job adds its own documents and rewrites the lists above it."""
    workspace.sync()
    file = StandInFile(name="new.csv", data=b"a,b\n1,2\n", media_type="text/csv")
    openeo.jobs = (*openeo.jobs, StandInJob(id="j-new", title="New", files=(file,)))
    result = workspace.sync()
    assert result["providers"]["cdse"]["published"] == 1
    assert result["assets"]["transferred"] == 1
    assert result["documents"]["written"] <= 6


def test_a_changed_job_replaces_its_results_whole(workspace: Workspace, openeo: OpenEOStandIn) -> None:
    """A job that was run again is published with its new bytes; the old ones are gone in the end."""
    workspace.sync()
    old = next(job for job in openeo.jobs if job.id == "j-cube")
    file = StandInFile(name="openEO.nc", data=b"CDF\x01" + b"new" * 100, media_type="application/x-netcdf")
    new = StandInJob(id="j-cube", title=old.title, shape=old.shape, updated="2026-02-01T00:00:00Z", files=(file,))
    openeo.jobs = [new if job.id == "j-cube" else job for job in openeo.jobs]
    workspace.sync()
    kept = set(mirrored(workspace.store).values())
    assert hashlib.sha256(file.data).hexdigest() in kept
    assert not {hashlib.sha256(one.data).hexdigest() for one in old.files} & {
        hashlib.sha256(data).hexdigest() for data in published(workspace.store).values()
    }


def test_a_dry_run_writes_nothing(workspace: Workspace) -> None:
    """`--dry-run` tells how many jobs would be published, and leaves store and ledger as they are."""
    result = workspace.sync(dry_run=True)
    assert result["providers"]["cdse"]["published"] == 4
    assert workspace.store.keys() == []
    assert not workspace.ledger.exists()


def test_one_job_can_be_asked_for(workspace: Workspace) -> None:
    """`--job` takes that job alone; an id that nobody lists is an error that says so."""
    assert workspace.sync("j-cube")["providers"]["cdse"]["seen"] == 1
    wrong = workspace.sync("no-such-job", well=False)
    assert wrong["errors"][0]["job"] == "no-such-job"


def test_one_bad_job_never_stops_the_others(workspace: Workspace, openeo: OpenEOStandIn) -> None:
    """A job whose results cannot be read is recorded as failed; all others are published, exit code 1."""
    openeo.fail(r"/jobs/j-cube/results", status=403, times=50)
    result = workspace.sync(well=False)
    assert (result["providers"]["cdse"]["failed"], result["providers"]["cdse"]["published"]) == (1, 3)
    assert result["errors"][0]["job"] == "j-cube"
    told = workspace.run("status", "--json").json
    assert told["failures"][0]["job"] == "j-cube"


def test_what_was_retired_stays_out_until_it_is_forced(workspace: Workspace) -> None:
    """A retired job leaves the catalog, is not published again by the next pass, and comes back with --force."""
    workspace.sync()
    before = published(workspace.store)
    assert workspace.run("retire", "--provider", "cdse", "--job", "j-cube").code == 0
    assert not [key for key, _ in crawl(workspace.store) if "j-cube" in key]
    workspace.sync()
    assert not [key for key, _ in crawl(workspace.store) if "j-cube" in key]
    workspace.sync("j-cube", force=True)
    assert published(workspace.store) == before


def test_a_damaged_catalog_is_found_and_rebuilt(workspace: Workspace) -> None:
    """`verify` names what is missing; `rebuild` writes every document again from the ledger, byte for byte."""
    workspace.sync()
    before = published(workspace.store)
    victim = next(key for key in before if key.endswith("collection.json"))
    if isinstance(workspace.store, FolderStore):
        (workspace.store.root / victim).unlink()
    else:
        workspace.store.client.delete_object(  # type: ignore[attr-defined]
            Bucket=workspace.store.bucket,  # type: ignore[attr-defined]
            Key=f"{workspace.store.prefix}/{victim}",  # type: ignore[attr-defined]
        )
    broken = workspace.run("verify", "--json")
    assert broken.code == 1
    assert any(victim in finding["problem"] or finding["key"] == victim for finding in broken.json["findings"])
    assert workspace.rebuild()["documents"]["written"] > 0
    assert published(workspace.store) == before


def test_pystac_reads_the_catalog_and_finds_it_valid(workspace: Workspace) -> None:
    """The field's own library walks the whole tree; parents, roots and collections resolve."""
    workspace.sync()
    root = pystac.Catalog.from_file("/catalog.json", stac_io=StoreIO(workspace.store))
    items = list(root.get_items(recursive=True))
    assert len(items) == 8
    for item in items:
        assert item.get_collection() is not None
        assert item.get_root() is root


def test_pystac_client_walks_it(tmp_path: Path, openeo: OpenEOStandIn) -> None:
    """pystac-client opens the folder and finds every Collection by its id."""
    workspace = Workspace(tmp_path, FolderStore(tmp_path / "catalog"), providers={"cdse": openeo.settings()})
    workspace.sync()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoConformsTo)  # a static catalog declares no API conformance
        warnings.simplefilter("ignore", FallbackToPystac)  # so the client falls back to walking it
        client = Client.open(str(tmp_path / "catalog" / "catalog.json"))
        found = {collection.id for collection in client.get_all_collections()}
    assert {"cdse-j-cube", "cdse-j-bands"} <= found


def test_no_secret_is_left_anywhere(workspace: Workspace, openeo: OpenEOStandIn) -> None:
    """Passwords, tokens, signatures and user ids are in no object, no ledger and no log, whatever fails."""
    openeo.fail(r"/jobs/j-cube/results", status=500, times=3)
    told = workspace.run("sync", STACSYNC_LOG__LEVEL="debug")
    openeo.expire_links()
    told_again = workspace.run("sync", "--force", STACSYNC_LOG__LEVEL="debug")
    workspace.run("status")
    assert told.code == told_again.code == 0, told.stderr
    assert len(published(workspace.store)) > 20
    texts = [told.stdout, told.stderr, told_again.stdout, told_again.stderr]
    texts += [data.decode("latin-1") for data in published(workspace.store).values()]
    texts += [path.read_bytes().decode("latin-1") for path in workspace.root.glob("ledger.db*")]
    for secret in (openeo.password, "made-up-store-secret", "YWxpY2U", "expires=", "X-Amz-Signature", "basic//"):
        assert not [text for text in texts if secret in text], secret


def test_killed_twenty_times_it_completes_and_no_reader_meets_a_gap(
    workspace: Workspace, openeo: OpenEOStandIn
) -> None:
    """SIGKILL at many moments of a pass: a reader that crawls all the while never meets a broken link; in the end all is there."""
    openeo.jobs = [
        StandInJob(id=f"j-{n:03d}", title=f"Job {n}", files=tuple(_file(n, m) for m in range(4)), shape="assets")
        for n in range(12)
    ]
    stop, broken = Event(), list[str]()
    reader = Thread(target=_read_all_the_while, args=(workspace.store, stop, broken))
    reader.start()
    for n in range(20):
        process = workspace.start("sync", "--json")
        time.sleep(0.7 + n * 0.06)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        _grow(openeo, n)
    result = workspace.sync()
    stop.set()
    reader.join(30)
    assert broken == []
    assert result["providers"]["cdse"]["failed"] == 0
    assert sources(openeo) <= set(mirrored(workspace.store).values())
    assert workspace.run("verify").code == 0
    disturbed = published(workspace.store)
    workspace.rebuild()
    assert published(workspace.store) == disturbed


def _file(n: int, m: int) -> StandInFile:
    return StandInFile(name=f"out_{m}.csv", data=f"{n},{m}\n".encode() * 500, media_type="text/csv")


def _grow(openeo: OpenEOStandIn, n: int) -> None:
    if n % 4 == 0:
        file = StandInFile(name="more.csv", data=f"more {n}\n".encode() * 100, media_type="text/csv")
        openeo.jobs = (*openeo.jobs, StandInJob(id=f"j-more-{n}", files=(file,), shape="assets"))


def _touch(store: Store, key: str) -> None:
    store.read(key)


def _read_all_the_while(store: Store, stop: Event, broken: list[str]) -> None:
    while not stop.is_set():
        try:
            store.read("catalog.json")
        except KeyError:
            time.sleep(0.02)
            continue
        try:
            for _ in crawl(store, assets=lambda key, _asset: _touch(store, key)):
                pass
        except (BrokenCatalog, KeyError) as error:
            broken.append(str(error))
            return


def test_the_ledger_keeps_no_signed_address(workspace: Workspace) -> None:
    """No column of any table holds a URL with a query."""
    workspace.sync()
    with closing(sqlite3.connect(workspace.ledger)) as connection:
        dump = "\n".join(connection.iterdump())
    assert "?expires" not in dump
    assert json.dumps(dump).count("Signature=") == 0
