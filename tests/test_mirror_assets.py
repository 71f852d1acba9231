"""Mirroring assets from a server that misbehaves into a real store: whole, right, only once, and each on its own."""

from __future__ import annotations

import hashlib
import os
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from stacsync.errors import AssetChanged, AssetGone, Stopped, StorageError, TransferFailed, Unavailable
from stacsync.jobs import AssetRecord, Inline, JobRecord, PackageRecord
from stacsync.mirror import Sizes
from stacsync.mirror.events import Failed, Finished, Progress, Started
from stacsync.provider import Signed
from tests.kit.faults import EXPIRED, Fault, FaultServer, File, faulty
from tests.kit.mirroring import Bench, SigningProvider, asset, bench

SMALL = os.urandom(10_000)
LARGE = os.urandom(700_000)
KEY = "cdse/c/i/a.bin"
PART = 128 * 1024


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with faulty({"/a.bin": SMALL, "/big.bin": LARGE}) as running:
        yield running


@pytest.fixture
def at(server: FaultServer, tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path, server.url(""), frozenset({server.place})) as ready:
        yield ready


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(("name", "body"), [("a.bin", SMALL), ("big.bin", LARGE), ("empty.bin", b"")])
def test_an_asset_arrives_whole(server: FaultServer, at: Bench, name: str, body: bytes) -> None:
    """Size, checksum and bytes in the store are those of the source, small, large or empty; the ledger knows."""
    server.files[f"/{name}"] = File(body)
    done = at.one(asset(name))
    assert (done.size, done.sha256, done.moved, done.reused) == (len(body), sha256(body), len(body), False)
    assert at.storage.get(done.key) == body
    row = at.ledger.assets.get_many([done.key])[done.key]
    assert (row.identity, row.size, row.sha256, row.source_etag) == (
        done.identity,
        done.size,
        done.sha256,
        server.files[f"/{name}"].tag,
    )
    assert at.ledger.uploads.all() == []


@pytest.mark.parametrize("size", [PART - 1, PART, PART + 1, 2 * PART, 2 * PART + 1])
@pytest.mark.parametrize("told", [True, False])
def test_files_around_the_bounds_of_parts_arrive_whole(
    server: FaultServer, tmp_path: Path, size: int, told: bool
) -> None:
    """A file that just fills a part, or just does not, arrives whole, whether its host tells its size or not."""
    body = os.urandom(size)
    server.files["/edge.bin"] = File(body, size_told=told)
    sizes = Sizes(small=PART, part=PART, extra_parts=2)
    with bench(tmp_path, server.url(""), frozenset({server.place}), sizes=sizes) as at:
        done = at.one(asset("edge.bin"))
        assert (done.size, done.sha256, done.moved) == (size, sha256(body), size)
        assert at.storage.get(done.key) == body


def test_results_keep_their_order_and_fail_alone(server: FaultServer, at: Bench) -> None:
    """One gone asset is its own failure; the others arrive, and results stand in the order asked for."""
    server.files |= {f"/n{index}": File(f"body {index}".encode()) for index in range(20)}
    names = [*(f"n{index}" for index in range(20)), "lost"]
    results = at.move(*(asset(name) for name in names))
    assert [result.key for result in results[:-1]] == [f"cdse/c/i/n{index}" for index in range(20)]
    assert isinstance(results[-1], AssetGone)
    assert "lost: is gone" in str(results[-1])
    assert next(kind for kind in at.told if isinstance(kind, Failed)).key == "cdse/c/i/lost"


def test_a_second_time_asks_nobody(server: FaultServer, at: Bench, tmp_path: Path) -> None:
    """What the ledger knows under the same identity is reused without a request to the source or the store."""
    first = at.one(asset("a.bin"))
    server.seen.clear()
    (tmp_path / "store" / KEY).unlink()
    again = at.one(asset("a.bin"))
    assert again == replace(first, reused=True, moved=0)
    assert server.seen == []
    assert isinstance(at.told[-1], Finished)
    assert at.told[-1].reused


@pytest.mark.parametrize("name", ["a.bin", "big.bin"])
def test_a_lost_ledger_costs_no_transfer(server: FaultServer, tmp_path: Path, name: str) -> None:
    """An object that says itself which source it holds is taken over, hash and type included."""
    trusted = frozenset({server.place})
    with bench(tmp_path, server.url(""), trusted) as before:
        first = before.one(asset(name))
    (tmp_path / "ledger.db").unlink()
    server.seen.clear()
    with bench(tmp_path, server.url(""), trusted) as after:
        again = after.one(asset(name))
        assert again == replace(first, reused=True, moved=0)
        assert after.ledger.assets.get_many([first.key])[first.key].sha256 == first.sha256
    assert server.seen == []


def test_a_new_version_goes_beside_the_one_in_use(server: FaultServer, at: Bench) -> None:
    """Readers of the old item never see other bytes: a changed asset gets a key of its own, and keeps it."""
    first = at.one(asset("a.bin"))
    server.files["/a.bin"] = File(b"other bytes")
    second = at.one(asset("a.bin", version="2"))
    assert second.key != first.key
    assert at.storage.get(first.key) == SMALL
    assert at.storage.get(second.key) == b"other bytes"
    assert at.one(asset("a.bin", version="2")) == replace(second, reused=True, moved=0)
    assert at.one(asset("a.bin")).key == first.key


def test_an_unchanged_source_is_not_read_again(server: FaultServer, at: Bench) -> None:
    """A new identity whose source still shows the recorded ETag keeps its object: 304, no byte moved."""
    first = at.one(asset("a.bin"))
    sent = server.sent
    second = at.one(asset("a.bin", version="2"))
    assert (second.key, second.sha256, second.reused, second.moved) == (first.key, first.sha256, True, 0)
    assert server.sent == sent
    assert at.ledger.assets.get_many([KEY])[KEY].identity == second.identity


@pytest.mark.parametrize("fault", [Fault(reset_after=300_000), Fault(close_after=300_000)])
def test_a_dropped_connection_is_continued(server: FaultServer, at: Bench, fault: Fault) -> None:
    """After a broken body only the rest is read, by Range and If-Range from the byte reached."""
    server.fail("/big.bin", fault, Fault(status=503))
    done = at.one(asset("big.bin"))
    assert at.storage.get(done.key) == LARGE
    assert done.sha256 == sha256(LARGE)
    assert done.moved == len(LARGE)
    last = server.seen[-1].headers
    assert last["range"].startswith("bytes=")
    assert last["if-range"] == server.files["/big.bin"].tag
    assert len(at.slept) == 2


def test_a_host_without_ranges_is_read_past(server: FaultServer, at: Bench) -> None:
    """A host that ignores Range but shows the same ETag is read again, and the bytes stay right."""
    server.files["/big.bin"] = File(LARGE, ranges=False)
    server.fail("/big.bin", Fault(reset_after=300_000))
    done = at.one(asset("big.bin"))
    assert at.storage.get(done.key) == LARGE
    assert len(LARGE) < done.moved <= len(LARGE) + 300_000


def test_a_host_without_validators_is_begun_again(server: FaultServer, at: Bench) -> None:
    """Where nothing names the version, bytes of two requests are never joined: the transfer starts again."""
    server.files["/big.bin"] = File(LARGE, etag="")
    server.fail("/big.bin", Fault(reset_after=300_000))
    done = at.one(asset("big.bin"))
    assert at.storage.get(done.key) == LARGE
    assert all("range" not in seen.headers for seen in server.seen)
    assert at.ledger.uploads.all() == []


def test_a_source_that_changes_is_begun_again_once(server: FaultServer, at: Bench) -> None:
    """A source that is another one after the break is read anew; one that changes each time fails."""
    other = os.urandom(len(LARGE))

    def change(_seconds: float) -> None:
        server.files["/big.bin"] = File(other)

    at.mirror._here._mover._sleep = change
    server.fail("/big.bin", Fault(reset_after=300_000))
    done = at.one(asset("big.bin"))
    assert at.storage.get(done.key) == other

    def change_always(_seconds: float) -> None:
        server.files["/moody.bin"] = File(os.urandom(len(LARGE)))

    at.mirror._here._mover._sleep = change_always
    change_always(0)
    server.fail("/moody.bin", *[Fault(reset_after=300_000)] * 4)
    (failed,) = at.move(asset("moody.bin"))
    assert isinstance(failed, AssetChanged)
    assert at.ledger.uploads.all() == []


def test_patience_ends(server: FaultServer, at: Bench) -> None:
    """A host that answers nothing but 500 is given up after seven attempts, with growing pauses."""
    server.fail("/a.bin", *[Fault(status=500)] * 20)
    (failed,) = at.move(asset("a.bin"))
    assert isinstance(failed, TransferFailed)
    assert "tried 7 times" in str(failed)
    assert len(at.slept) == 6


def test_a_dead_host_is_not_waited_for_by_each(server: FaultServer, at: Bench) -> None:
    """After several assets of a job were given up, the others get one attempt each; threads are soon free for others."""
    for index in range(40):
        server.fail(f"/n{index}", *[Fault(status=503)] * 7)
    results = at.move(*(asset(f"n{index}") for index in range(40)))
    assert all(isinstance(result, TransferFailed) for result in results)
    assert len(at.slept) <= 6 * 12


def test_retry_after_is_obeyed(server: FaultServer, at: Bench) -> None:
    """The pause that a throttling host asks for is kept."""
    server.fail("/a.bin", Fault(status=429, headers={"Retry-After": "7"}))
    at.one(asset("a.bin"))
    assert 7.0 <= at.slept[0] < 8.0


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_an_expired_address_is_asked_for_once_more(server: FaultServer, at: Bench, status: int) -> None:
    """A refused address is signed afresh, once; the asset arrives."""
    server.fail("/a.bin", Fault(status=status, body=EXPIRED))
    at.one(asset("a.bin"))
    assert at.provider.signed == [("/a.bin", False), ("/a.bin", True)]


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (404, AssetGone, "is gone"),
        (410, AssetGone, "is gone"),
        (403, TransferFailed, "no right"),
        (400, TransferFailed, "400"),
    ],
)
def test_a_second_refusal_is_final(
    server: FaultServer, at: Bench, status: int, kind: type[TransferFailed], words: str
) -> None:
    """What a fresh address does not cure is gone, or not ours to read; nothing is tried a third time."""
    server.fail("/a.bin", *[Fault(status=status)] * 3)
    (failed,) = at.move(asset("a.bin"))
    assert type(failed) is kind
    assert words in str(failed)
    assert len(server.seen) == 2


def test_an_address_that_expires_half_way_is_renewed(server: FaultServer, at: Bench) -> None:
    """When the connection breaks and the old address is refused, a fresh one continues from the byte reached."""
    server.fail("/big.bin", Fault(reset_after=300_000), Fault(status=403, body=EXPIRED))
    done = at.one(asset("big.bin"))
    assert at.storage.get(done.key) == LARGE
    assert done.moved == len(LARGE)
    assert server.seen[-1].query == "fresh=1"


@pytest.mark.parametrize("told", [True, False])
def test_nothing_is_cut_short_to_the_ceiling(server: FaultServer, tmp_path: Path, told: bool) -> None:
    """An asset over max_asset_size fails, whether its size is known before or only while it is read; nothing is left."""
    server.files["/big.bin"] = File(LARGE, size_told=told)
    with bench(tmp_path, server.url(""), frozenset({server.place}), max_asset_size=500_000) as at:
        (failed,) = at.move(asset("big.bin"))
        assert "max_asset_size" in str(failed)
        assert at.storage.head("cdse/c/i/big.bin") is None


def test_a_short_file_of_untold_length_is_noticed(server: FaultServer, at: Bench) -> None:
    """Where only the end of the connection ends the body, the size that the provider states is held against it."""
    server.files["/a.bin"] = File(SMALL, size_told=False, ranges=False)
    server.fail("/a.bin", Fault(close_after=500))
    assert at.one(asset("a.bin", size=len(SMALL))).sha256 == sha256(SMALL)


def test_bytes_of_unknown_length_arrive(server: FaultServer, at: Bench) -> None:
    """A body of unknown length is mirrored, small or large."""
    server.files |= {"/s": File(SMALL, size_told=False), "/l": File(LARGE, size_told=False)}
    small, large = at.move(asset("s"), asset("l"))
    assert (small.size, large.size) == (len(SMALL), len(LARGE))


def test_bytes_in_hand_are_stored(at: Bench) -> None:
    """Inline assets are stored with their checksum and their type from the bytes, and not a second time."""
    record = asset("process.json", Inline(b'{"process_graph": {}}'))
    done = at.one(record)
    assert (done.media_type, done.size, done.reused) == ("application/json", 21, False)
    assert at.one(record).reused


def test_one_asset_named_twice_moves_once(server: FaultServer, at: Bench) -> None:
    """Two transfers of one key and identity are one request and two equal results."""
    one, two = at.move(asset("a.bin"), asset("a.bin"))
    assert one == two
    assert len(server.seen) == 1


def test_a_hosts_network_is_checked(server: FaultServer, tmp_path: Path) -> None:
    """Without trust a loopback address is refused, and said so with the setting to change."""
    with bench(tmp_path, server.url("")) as at:
        (failed,) = at.move(asset("a.bin"))
    assert "trusted_hosts" in str(failed)
    assert server.seen == []


def test_watchers_hear_every_byte(server: FaultServer, at: Bench) -> None:
    """Started, progress that adds up to the size, finished: for each asset, in this order."""
    server.files["/huge"] = File(os.urandom(3 << 20))
    at.one(asset("huge", size=3 << 20))
    assert at.told[0] == Started("cdse", "job-1", "cdse/c/i/huge", 3 << 20)
    assert sum(told.bytes for told in at.told if isinstance(told, Progress)) == 3 << 20
    assert at.told[-1] == Finished("cdse", "job-1", "cdse/c/i/huge", 3 << 20)


class _Down(SigningProvider):
    def sign(self, target: AssetRecord | PackageRecord, job: JobRecord, *, fresh: bool) -> Signed:
        del target, job, fresh
        raise Unavailable("the provider is down")


def test_a_provider_that_is_down_ends_the_transfer(tmp_path: Path) -> None:
    """`Unavailable` from signing is not the fault of one asset: it comes out, and the rest is not tried."""
    with bench(tmp_path, provider=_Down("")) as at, pytest.raises(Unavailable):
        at.move(*(asset(f"n{index}") for index in range(50)))


def test_a_full_store_ends_the_transfer(at: Bench, tmp_path: Path) -> None:
    """An error of the store is not the fault of one asset: it comes out."""
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "cdse").write_bytes(b"in the way")
    with pytest.raises(StorageError):
        at.move(asset("a.bin"))


@pytest.mark.parametrize("fault", [Fault(silent=20.0), Fault(drip=1.0)])
def test_a_stop_ends_everything_soon(server: FaultServer, at: Bench, fault: Fault) -> None:
    """Asked to stop, transfers that wait for a silent host end within a second."""
    server.files |= {f"/n{index}": File(SMALL) for index in range(20)}
    for index in range(20):
        server.fail(f"/n{index}", fault)
    threading.Timer(0.3, at.stop.set).start()
    begun = time.monotonic()
    with pytest.raises(Stopped):
        at.move(*(asset(f"n{index}") for index in range(20)))
    assert time.monotonic() - begun < 2.0


@pytest.mark.parametrize("offset", [2**62, 2**63, 2**64 - 1])
def test_a_tiff_that_points_far_beyond_its_end_is_mirrored(server: FaultServer, at: Bench, offset: int) -> None:
    """A large file whose header names a directory at an impossible place arrives as the TIFF that it says it is."""
    body = struct.pack("<2sHHHQ", b"II", 43, 8, 0, offset) + os.urandom(9 << 20)
    server.files["/far.tif"] = File(body)
    done = at.one(asset("far.tif"))
    assert (done.size, done.media_type) == (len(body), "image/tiff")
    at.ledger.assets.delete([done.key])
    assert at.one(asset("far.tif")).reused
