"""Large assets over crashes and restarts: what arrived is kept, and only the rest is read."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from stacsync.errors import Stopped, StorageError, TransferFailed
from stacsync.jobs import Mirrored
from stacsync.mirror import Mirror, Sizes
from stacsync.storage import Upload, open_storage
from tests.kit.faults import Fault, FaultServer, File, faulty
from tests.kit.mirroring import SMALL_SIZES, Place, asset, bench

BODY = os.urandom(2_000_000)
PART = SMALL_SIZES.part
KEY = "cdse/c/i/big.bin"


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with faulty({"/big.bin": BODY}) as running:
        yield running


def give_up(server: FaultServer, tmp_path: Path, after: int = 1_000_000) -> None:
    """Let a transfer end after about `after` bytes, its upload left to be continued."""
    server.fail("/big.bin", Fault(close_after=after), *[Fault(status=503)] * 10)
    with bench(tmp_path, server.url(""), frozenset({server.place})) as at:
        (failed,) = at.move(asset("big.bin"))
        assert isinstance(failed, TransferFailed)
        assert len(at.ledger.uploads.all()) == 1
    server._faults.clear()
    server.seen.clear()


def test_a_second_pass_reads_only_the_rest(server: FaultServer, tmp_path: Path) -> None:
    """After a pass that failed half way the next one asks for the bytes after the last whole part, and no others."""
    give_up(server, tmp_path)
    with bench(tmp_path, server.url(""), frozenset({server.place})) as at:
        done = at.one(asset("big.bin"))
        assert at.storage.get(KEY) == BODY
        assert done.sha256 == hashlib.sha256(BODY).hexdigest()
        assert done.moved <= len(BODY) - 1_000_000 + PART
        assert at.ledger.uploads.all() == []
    assert [seen.headers["range"] for seen in server.seen] == [f"bytes={1_000_000 // PART * PART}-"]
    assert server.seen[0].headers["if-range"] == server.files["/big.bin"].tag


@pytest.mark.parametrize("same_size", [True, False])
def test_a_changed_source_begins_anew(server: FaultServer, tmp_path: Path, same_size: bool) -> None:
    """Parts of the old version are dropped when the source shows another validator."""
    give_up(server, tmp_path)
    other = os.urandom(len(BODY) if same_size else 500_000)
    server.files["/big.bin"] = File(other)
    with bench(tmp_path, server.url(""), frozenset({server.place})) as at:
        done = at.one(asset("big.bin"))
        assert at.storage.get(KEY) == other
        assert (done.size, done.moved) == (len(other), len(other))
        assert at.ledger.uploads.all() == []


def test_another_identity_begins_anew(server: FaultServer, tmp_path: Path) -> None:
    """Parts that were read for another version of the asset are never mixed in."""
    give_up(server, tmp_path)
    with bench(tmp_path, server.url(""), frozenset({server.place})) as at:
        assert at.one(asset("big.bin", version="2")).moved == len(BODY)
        assert at.ledger.uploads.all() == []


def test_a_forgotten_upload_begins_anew(server: FaultServer, tmp_path: Path) -> None:
    """A store that swept the upload away costs a transfer, not the job."""
    give_up(server, tmp_path)
    store = open_storage(Place(url=f"file://{tmp_path / 'store'}"))
    with bench(tmp_path, server.url(""), frozenset({server.place}), storage=store) as at:
        row = at.ledger.uploads.get(KEY)
        assert row is not None
        at.ledger.uploads.put(replace(row, upload_id="0" * 32))
        done = at.one(asset("big.bin"))
        assert (done.moved, at.storage.get(KEY) == BODY) == (len(BODY), True)


def test_a_full_upload_is_only_completed(server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When every part arrived and only the end was missing, no byte is asked for."""
    with bench(tmp_path, server.url(""), frozenset({server.place})) as at:
        upload = type(at.storage.upload("x", content_type="x/y"))

        def out_of_reach(_self: Upload) -> None:
            raise StorageError("the store went away")

        with monkeypatch.context() as patch:
            patch.setattr(upload, "complete", out_of_reach)
            with pytest.raises(StorageError):
                at.move(asset("big.bin"))
    server.seen.clear()
    with bench(tmp_path, server.url(""), frozenset({server.place})) as at:
        done = at.one(asset("big.bin"))
        assert (done.moved, done.size, done.sha256) == (0, len(BODY), hashlib.sha256(BODY).hexdigest())
    assert server.seen == []


def test_a_stop_leaves_the_upload_to_be_continued(server: FaultServer, tmp_path: Path) -> None:
    """Asked to stop in the middle of a large asset, what arrived stays and the next start goes on."""
    server.fail("/big.bin", Fault(close_after=1_000_000))
    with bench(tmp_path, server.url(""), frozenset({server.place}), sleep=_stopped) as at, pytest.raises(Stopped):
        at.move(asset("big.bin"))
    with bench(tmp_path, server.url(""), frozenset({server.place})) as at:
        assert at.one(asset("big.bin")).moved <= len(BODY) - 1_000_000 + PART


def _stopped(_seconds: float) -> None:
    raise Stopped("asked to stop")


def test_without_a_validator_nothing_is_kept(server: FaultServer, tmp_path: Path) -> None:
    """A source that cannot be continued leaves no upload behind when it fails."""
    server.files["/big.bin"] = File(BODY, etag="")
    server.fail("/big.bin", Fault(close_after=1_000_000), *[Fault(status=503)] * 40)
    with bench(tmp_path, server.url(""), frozenset({server.place})) as at:
        (failed,) = at.move(asset("big.bin"))
        assert isinstance(failed, TransferFailed)
        assert at.ledger.uploads.all() == []
    assert not list((tmp_path / "store" / ".stacsync" / "uploads").glob("*/data"))


def test_parts_grow_with_the_file() -> None:
    """No upload has more parts than a store takes, up to the largest object that S3 holds."""
    for sizes in (SMALL_SIZES, Sizes()):
        for size in (0, 1, 50 << 30, 5 << 40):
            part = sizes.part_for(size)
            assert part * sizes.most_parts >= size
            assert part >= sizes.part


CHILD = """
import sys
from pathlib import Path
from tests.kit.mirroring import asset, bench
with bench(Path(sys.argv[1]), sys.argv[2], frozenset({sys.argv[3]}), sleep=__import__("time").sleep) as at:
    at.one(asset("big.bin"))
    print("done", flush=True)
"""


def test_a_killed_process_is_continued(server: FaultServer, tmp_path: Path) -> None:
    """SIGKILL in the middle: nothing is visible, and the next start moves at most the missing parts and one more."""
    server.fail("/big.bin", Fault(drip_after=1_000_000, drip=5.0))
    root = Path(__file__).parents[1]
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path), server.url(""), server.place], cwd=root, stdout=subprocess.PIPE
    )
    try:
        while server.sent < 1_000_000 or len(list((tmp_path / "store").rglob("parts"))) == 0:
            time.sleep(0.02)
            assert child.poll() is None
        time.sleep(0.3)
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()
    with bench(tmp_path, server.url(""), frozenset({server.place})) as at:
        assert at.storage.head(KEY) is None
        done = at.one(asset("big.bin"))
        assert at.storage.get(KEY) == BODY
        assert done.moved <= len(BODY) - 1_000_000 + 2 * PART


def test_a_crash_after_the_last_byte_costs_nothing(server: FaultServer, tmp_path: Path) -> None:
    """An object that was completed just before a crash, its row unwritten, is recognised by its own attributes."""
    with bench(tmp_path, server.url(""), frozenset({server.place})) as at:
        done = at.one(asset("big.bin"))
        at.ledger.assets.delete([KEY])
        sent = server.sent
        again = at.one(asset("big.bin"))
        assert isinstance(again, Mirrored)
        assert (again.sha256, again.reused, server.sent) == (done.sha256, True, sent)


def test_many_large_assets_share_few_buffers(server: FaultServer, tmp_path: Path) -> None:
    """Assets that go up at the same time all arrive right, although there are fewer spare buffers than assets."""
    bodies = {f"b{index}": os.urandom(700_000 + index) for index in range(12)}
    server.files |= {f"/{name}": File(body) for name, body in bodies.items()}
    with bench(tmp_path, server.url(""), frozenset({server.place})) as at:
        results = at.move(*(asset(name) for name in bodies))
        assert [result.sha256 for result in results] == [hashlib.sha256(body).hexdigest() for body in bodies.values()]
        assert isinstance(at.mirror, Mirror)
