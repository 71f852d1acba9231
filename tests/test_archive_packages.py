"""Packages as providers deliver them: unpacked from the stream, found again, and refused whole when hostile."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from stacsync.errors import AssetGone, JobUnusable, Stopped
from stacsync.jobs import MemberFact, PackageRecord
from stacsync.layout import segment
from stacsync.mirror import PackageLimits
from stacsync.mirror.archive import spool as spooling
from tests.kit.faults import EXPIRED, Fault, FaultServer, File, faulty
from tests.kit.mirroring import JOB, Bench, bench

TREE = {
    "output/scene/B04.tif": os.urandom(300_000),
    "output/a b:c.txt": b"a name that needs care",
    "output/empty": b"",
    "output/data.json": b'{"type": "FeatureCollection", "features": []}',
    "input/scene.tif": b"II*\0 licensed input",
}
PACKAGE = PackageRecord(id="pack", identity="0123456789abcdef", wants=lambda path: not path.startswith("input/"))
FOLDER = "cdse/packages/job-1/pack"


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with faulty() as running:
        yield running


@pytest.fixture
def at(server: FaultServer, tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path, server.url(""), frozenset({server.place})) as ready:
        yield ready


def tarred(files: Mapping[str, bytes], mode: str = "w:gz", form: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, format=form) as archive:  # type: ignore[call-overload]  # mode is any
        folder = tarfile.TarInfo("output/")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, body in files.items():
            add(archive, name, body)
    return buffer.getvalue()


def add(archive: tarfile.TarFile, name: str, body: bytes = b"", **fields: object) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(body)
    for field, value in fields.items():
        setattr(info, field, value)
    archive.addfile(info, io.BytesIO(body))


def zipped(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.mkdir("output")
        for name, body in files.items():
            archive.writestr(name, body)
    return buffer.getvalue()


def unpack(at: Bench, package: PackageRecord = PACKAGE) -> tuple[MemberFact, ...]:
    return at.mirror.unpack("cdse", JOB, at.provider, package)


def refused(server: FaultServer, at: Bench, body: bytes, package: PackageRecord = PACKAGE) -> str:
    """Serve `body`, expect the job to be refused with nothing left in the store, and return the message."""
    server.files["/pack"] = File(body)
    with pytest.raises(JobUnusable) as caught:
        unpack(at, package)
    assert list(at.storage.list("cdse")) == []
    assert at.ledger.assets.of_job("cdse", "job-1") == {}
    return str(caught.value)


FORMS: dict[str, Callable[[], bytes]] = {
    "tar.gz": lambda: tarred(TREE),
    "tar": lambda: tarred(TREE, "w"),
    "gnu tar": lambda: tarred(TREE, "w", tarfile.GNU_FORMAT),
    "ustar": lambda: tarred(TREE, "w", tarfile.USTAR_FORMAT),
    "zip": lambda: zipped(TREE),
    "stored zip": lambda: zipped(TREE, zipfile.ZIP_STORED),
    "two gzip members": lambda: b"".join(
        gzip.compress(tarred(TREE, "w")[part]) for part in (slice(0, 10_001), slice(10_001, None))
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_wanted_members_arrive(server: FaultServer, at: Bench, form: str) -> None:
    """Whatever the packing, each wanted file lies under its own path with the right bytes, size, checksum, type and head."""
    server.files["/pack"] = File(FORMS[form]())
    facts = unpack(at)
    assert [fact.path for fact in facts] == sorted(path for path in TREE if PACKAGE.wants(path))
    for fact in facts:
        body = TREE[fact.path]
        assert fact.key.startswith(FOLDER + "/output/")
        assert at.storage.get(fact.key) == body
        assert (fact.size, fact.sha256) == (len(body), hashlib.sha256(body).hexdigest())
        assert fact.head == body[: 64 * 1024]
    types = {fact.path: fact.media_type for fact in facts}
    assert types["output/data.json"] == "application/geo+json"
    assert set(at.ledger.assets.of_job("cdse", "job-1")) == {fact.key for fact in facts}


@pytest.mark.parametrize("lost", [False, True])
def test_an_unpacked_package_is_not_downloaded_again(server: FaultServer, tmp_path: Path, lost: bool) -> None:
    """A later pass, also one whose ledger was lost, finds the members with their heads and asks for nothing."""
    server.files["/pack"] = File(tarred(TREE))
    trusted = frozenset({server.place})
    with bench(tmp_path, server.url(""), trusted) as before:
        first = unpack(before)
    if lost:
        (tmp_path / "ledger.db").unlink()
    server.seen.clear()
    with bench(tmp_path, server.url(""), trusted) as after:
        assert unpack(after) == first
        assert len(after.ledger.assets.of_job("cdse", "job-1")) == len(first)
    assert server.seen == []


def test_a_damaged_or_newly_wanted_package_is_unpacked_again(server: FaultServer, at: Bench, tmp_path: Path) -> None:
    """A member that vanished, or one that is wanted only now, makes the package be read again, to the same folder."""
    server.files["/pack"] = File(tarred(TREE))
    facts = unpack(at)
    (tmp_path / "store" / facts[0].key).unlink()
    assert unpack(at) == facts
    more = unpack(at, replace(PACKAGE, wants=lambda _path: True))
    assert len(server.seen) == 3
    assert {fact.path for fact in more} == set(TREE)
    assert {fact.key for fact in facts} < {fact.key for fact in more}
    assert unpack(at) == facts
    assert len(server.seen) == 3


def test_a_changed_package_goes_beside_the_old_one(server: FaultServer, at: Bench) -> None:
    """Members of the version that documents name stay as they are until nobody names them."""
    server.files["/pack"] = File(tarred(TREE))
    first = unpack(at)
    server.files["/pack"] = File(tarred({**TREE, "output/data.json": b"{}"}))
    second = unpack(at, replace(PACKAGE, identity="fedcba9876543210"))
    assert {fact.key for fact in first}.isdisjoint(fact.key for fact in second)
    assert all(at.storage.head(fact.key) for fact in (*first, *second))


def test_an_interrupted_download_goes_on(server: FaultServer, at: Bench) -> None:
    """A broken connection and an expired address in the middle of an archive are healed where they happened."""
    server.files["/pack"] = File(tarred(TREE))
    server.fail("/pack", Fault(reset_after=200_000), Fault(status=403, body=EXPIRED))
    assert len(unpack(at)) == 4
    assert server.seen[-1].headers["range"].startswith("bytes=")
    assert server.seen[-1].query == "fresh=1"


def test_a_host_that_cannot_continue_is_read_anew(server: FaultServer, at: Bench) -> None:
    """Without a validator a broken archive is begun again from its first byte."""
    server.files["/pack"] = File(tarred(TREE), etag="")
    server.fail("/pack", Fault(reset_after=200_000))
    assert len(unpack(at)) == 4


def test_a_package_that_is_gone_says_so(at: Bench) -> None:
    """404 with a fresh address too is `AssetGone`."""
    with pytest.raises(AssetGone):
        unpack(at)


def test_a_single_file_is_a_package_too(server: FaultServer, at: Bench) -> None:
    """What is no archive is one member, named as the host names it; a gzip of something else stays as it is."""
    disposition = {"Content-Disposition": 'attachment; filename="scene.tif"'}
    server.files["/pack"] = File(b"II*\0 not much of an image", headers=disposition)
    (fact,) = unpack(at)
    assert (fact.path, fact.media_type) == ("scene.tif", "image/tiff")
    packed = gzip.compress(b"some text, no archive" * 100)
    server.files["/other"] = File(packed)
    (fact,) = unpack(at, replace(PACKAGE, id="other"))
    assert (fact.path, fact.media_type, at.storage.get(fact.key)) == ("other", "application/gzip", packed)


def test_a_real_archive_is_unpacked(server: FaultServer, at: Bench) -> None:
    """An archive as UP42 made them, whose description comes last, gives its image and the description whole."""
    recording = Path(__file__).parent / "recordings" / "up42"
    server.files["/pack"] = File((recording / "legacy_result.tgz").read_bytes())
    described, image = sorted(unpack(at), key=lambda fact: fact.size)
    assert described.path == "output/data.json"
    assert described.head == (recording / "legacy_output_data.json").read_bytes()
    assert (image.size, image.media_type) == (2_362_759, "image/tiff; application=geotiff")


def test_a_web_page_is_no_package(server: FaultServer, at: Bench) -> None:
    """A sign-in page with status 200 is not published as a result; neither is nothing at all."""
    assert "web page" in refused(server, at, b"<!DOCTYPE html><html><body>Sign in</body></html>")
    assert "empty" in refused(server, at, b"")


def link(kind: bytes, name: str = "output/x", to: str = "/etc/passwd") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        add(archive, "output/good.txt", b"good")
        add(archive, name, type=kind, linkname=to)
    return buffer.getvalue()


def sparse() -> bytes:
    """A pax archive whose one member claims to be sparse, in the form that GNU tar 1.0 writes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        add(archive, "output/x", b"1\n0\n1\n", pax_headers={"GNU.sparse.major": "1", "GNU.sparse.realsize": "9" * 15})
    return buffer.getvalue()


def claim(size: bytes) -> bytes:
    """A TAR whose long name claims to have `size` (octal) bytes."""
    info = tarfile.TarInfo("././@LongLink")
    info.type = tarfile.GNUTYPE_LONGNAME
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[124:136] = size
    block[148:156] = b"        "
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + b"x" * 2048


def extended(header: bytes) -> bytes:
    """A TAR whose extended header is `header`."""
    info = tarfile.TarInfo("output/x")
    info.type, info.size = tarfile.XHDTYPE, len(header)
    return info.tobuf(tarfile.USTAR_FORMAT) + header + bytes(-len(header) % 512) + tarred({"output/x": b"x"}, "w")


def far_zip(offset: int) -> bytes:
    """A ZIP that says that its 64-bit end record stands at `offset`."""
    body = zipped({"output/x": b"x"})
    return body[:-22] + struct.pack("<4sLQL", b"PK\x06\x07", 0, offset, 1) + body[-22:]


def encrypted_zip() -> bytes:
    body = bytearray(zipped({"output/x": b"secret"}))
    at = body.find(b"PK\x01\x02", body.find(b"PK\x01\x02") + 1)
    body[at + 8] |= 1
    return bytes(body)


def linked_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("output/link")
        info.create_system, info.external_attr = 3, 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    return buffer.getvalue()


def overlapping_zip() -> bytes:
    """Two entries of the list that share one member's bytes."""
    body = zipped({"output/x": os.urandom(1000), "output/y": os.urandom(1000)})
    places = [index for index in range(len(body)) if body.startswith(b"PK\x01\x02", index)]
    shared = bytearray(body)
    shared[places[2] + 42 : places[2] + 46] = shared[places[1] + 42 : places[1] + 46]
    return bytes(shared)


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "absolute name": (lambda: tarred({"/etc/passwd": b"x"}), "absolute"),
    "drive name": (lambda: zipped({"C:\\windows\\x": b"x"}), "absolute"),
    "name that leads out": (lambda: tarred({"output/../../x": b"x"}), "leads out"),
    "name that leads out of a zip": (lambda: zipped({"output\\..\\..\\x": b"x"}), "leads out"),
    "name with a line break": (lambda: tarred({"output/a\nb": b"x"}), "unprintable"),
    "name without end": (lambda: tarred({"output/" + "d/" * 600 + "x": b"x"}), "700 bytes"),
    "name that is too long once it is safe": (lambda: tarred({"a b/" * 140 + "x": b"x"}), "too long"),
    "symbolic link": (lambda: link(tarfile.SYMTYPE), "symbolic link"),
    "hard link": (lambda: link(tarfile.LNKTYPE), "hard link"),
    "character device": (lambda: link(tarfile.CHRTYPE), "a device"),
    "block device": (lambda: link(tarfile.BLKTYPE), "a device"),
    "pipe": (lambda: link(tarfile.FIFOTYPE), "a pipe"),
    "unknown kind": (lambda: link(b"Z"), "unknown kind"),
    "old sparse file": (lambda: link(tarfile.GNUTYPE_SPARSE), "sparse"),
    "new sparse file": (sparse, "sparse"),
    "link in a zip": (linked_zip, "symbolic link"),
    "encrypted zip": (encrypted_zip, "encrypted"),
    "overlapping zip": (overlapping_zip, "overlap"),
    "case clash": (lambda: tarred({"output/A.tif": b"1", "output/a.TIF": b"2"}), "twice"),
    "unicode clash": (lambda: tarred({"output/\u00e9": b"1", "output/e\u0301": b"2"}), "twice"),
    "place clash": (lambda: tarred({"output/a:b": b"1", f"output/{segment('a:b')}": b"2"}), "twice"),
    "place that is a folder": (lambda: tarred({"output/a:b/x": b"1", f"output/{segment('a:b')}": b"2"}), "both a file"),
    "file that is a folder": (lambda: tarred({"output/x": b"1", "output/x/y": b"2"}), "both a file and a folder"),
    "folder that is a file": (lambda: tarred({"output/x/y": b"1", "output/x": b"2"}), "both a file and a folder"),
    "truncated tar.gz": (lambda: tarred(TREE)[:-5000], "truncated"),
    "truncated tar": (lambda: tarred(TREE, "w")[:200_000], "truncated"),
    "tar without an end": (lambda: tarred({"output/x": b"1"}, "w")[: 3 * 512], "truncated"),
    "truncated zip": (lambda: zipped(TREE)[:-10], "truncated"),
    "damaged gzip": (lambda: tarred(TREE)[:100_000] + bytes(300_000), "broken"),
    "damaged zip": (lambda: zipped(TREE)[:100] + zipped(TREE)[140:], "broken"),
    "damaged member": (lambda: _flipped(zipped(TREE, zipfile.ZIP_STORED)), "broken"),
    "endless long name": (lambda: claim(b"77777777777\0"), "header of"),
    "negative size": (lambda: claim(b"\xff" * 12), "broken header"),
    "extended header of endless length": (lambda: extended(b"9" * 5000 + b" a=b\n"), "broken extended header"),
    "extended size without end": (lambda: extended(b"5011 size=" + b"9" * 5000 + b"\n"), "broken extended header"),
    "zip that ends beyond any disk": (lambda: far_zip(1 << 62), "broken"),
    "zip that ends beyond any number": (lambda: far_zip(1 << 63), "broken"),
    "gzip bomb": (lambda: tarred({"output/zeros": bytes(80 << 20)}), "bomb"),
    "zip bomb": (lambda: zipped({"output/zeros": bytes(80 << 20)}), "bomb"),
}


def _flipped(body: bytes) -> bytes:
    at = body.find(TREE["output/a b:c.txt"])
    return body[:at] + b"A" + body[at + 1 :]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_leave_nothing(server: FaultServer, at: Bench, name: str) -> None:
    """Each is refused with its reason, and nothing of it, good members included, stays in the store or in the ledger."""
    make, reason = HOSTILE[name]
    assert reason in refused(server, at, make())


def test_two_files_of_one_name_are_refused(server: FaultServer, at: Bench) -> None:
    """A duplicate would leave it open which bytes are published."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        add(archive, "output/x", b"1")
        add(archive, "./output//x", b"2")
    assert "twice" in refused(server, at, buffer.getvalue())


def test_what_nobody_wants_may_be_odd(server: FaultServer, at: Bench) -> None:
    """A link in a folder that is left out does not cost the job its results."""
    server.files["/pack"] = File(link(tarfile.SYMTYPE, "input/link"))
    assert [fact.path for fact in unpack(at)] == ["output/good.txt"]


def test_nothing_outside_the_folder_is_touched(server: FaultServer, at: Bench, tmp_path: Path) -> None:
    """However an archive names its members, the store has them below the package's folder and nowhere else."""
    server.files["/pack"] = File(tarred({"a:b": b"1", ".hidden": b"2", "con": b"3", "catalog.json": b"4", "ü/ü": b"5"}))
    assert len(unpack(at)) == 5
    written = [str(path.relative_to(tmp_path / "store")) for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert all(path.startswith((f"{FOLDER}/", ".stacsync/")) for path in written)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (PackageLimits(members=3), "more than 3 members"),
        (PackageLimits(total_bytes=100_000), "larger than allowed"),
        (PackageLimits(total_bytes=305_000), "more than 305000 bytes"),
        (PackageLimits(path_bytes=10), "10 bytes"),
    ],
)
@pytest.mark.parametrize("form", ["tar", "zip"])
def test_limits_are_kept(server: FaultServer, tmp_path: Path, limits: PackageLimits, reason: str, form: str) -> None:
    """Count, bytes and names are bounded by what the archive really holds."""
    files = {**TREE, "output/more": bytes(10_000)}
    body = tarred(files) if form == "tar" else zipped(files)
    with bench(tmp_path, server.url(""), frozenset({server.place}), package_limits=limits) as at:
        message = refused(server, at, body)
    assert reason in message or (form == "zip" and limits.members == 3 and "lists more than 3" in message)


def test_a_member_over_the_ceiling_is_refused(server: FaultServer, tmp_path: Path) -> None:
    """max_asset_size holds for members too, and nothing is cut short."""
    with bench(tmp_path, server.url(""), frozenset({server.place}), max_asset_size=200_000) as at:
        assert "max_asset_size" in refused(server, at, tarred(TREE))


def test_a_zip_needs_room(server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ZIP larger than the quota, or than the disk has room for, is refused; TAR never needs the disk."""
    limits = PackageLimits(spool_bytes=100_000)
    with bench(tmp_path, server.url(""), frozenset({server.place}), package_limits=limits) as at:
        assert "does not fit" in refused(server, at, zipped(TREE))
    monkeypatch.setattr(spooling, "LEFT_FREE", 1 << 60)
    with bench(tmp_path, server.url(""), frozenset({server.place})) as at:
        assert "TMPDIR" in refused(server, at, zipped(TREE))
        server.files["/pack"] = File(tarred(TREE))
        assert len(unpack(at)) == 4


def test_tar_uses_no_temporary_file(server: FaultServer, at: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members of a TAR go from the connection to the store."""
    monkeypatch.setattr(spooling.Spool, "file", None)
    server.files["/pack"] = File(tarred(TREE))
    assert len(unpack(at)) == 4


def test_many_tiny_members_need_little_memory(server: FaultServer, at: Bench) -> None:
    """A thousand members are unpacked within a few MiB."""
    server.files["/pack"] = File(tarred({f"output/d{index % 7}/f{index}": b"x" * 100 for index in range(1000)}))
    tracemalloc.start()
    facts = unpack(at)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(facts) == 1000
    assert peak < 16 << 20


def test_large_members_need_little_memory(server: FaultServer, at: Bench) -> None:
    """Members of 40 MiB pass through a few MiB of memory."""
    server.files["/pack"] = File(tarred({f"output/{index}": os.urandom(40 << 20) for index in range(2)}, "w"))
    tracemalloc.start()
    facts = unpack(at)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [fact.size for fact in facts] == [40 << 20] * 2
    assert peak < 40 << 20


def test_an_attempt_that_was_killed_leaves_nothing_behind(server: FaultServer, at: Bench) -> None:
    """Objects that an earlier, interrupted attempt left in the folder are gone after the next one."""
    at.storage.put(f"{FOLDER}/output/stale", b"x", content_type="text/plain")
    server.files["/pack"] = File(tarred(TREE))
    unpack(at)
    assert at.storage.head(f"{FOLDER}/output/stale") is None


def test_a_stop_leaves_nothing_half_done(server: FaultServer, at: Bench) -> None:
    """Asked to stop while an archive comes in, unpacking ends soon and the store holds nothing of it."""
    server.files["/pack"] = File(tarred(TREE))
    server.fail("/pack", Fault(drip=0.01))
    at.stop.set()
    with pytest.raises(Stopped):
        unpack(at)
    assert list(at.storage.list("cdse")) == []
