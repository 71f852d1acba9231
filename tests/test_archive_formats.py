"""The readers of archives against everything that hypothesis and the standard library can write."""

from __future__ import annotations

import gzip
import io
import tarfile
import tempfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stacsync.errors import JobUnusable
from stacsync.mirror.archive import gunzip as gz
from stacsync.mirror.archive import tar, unzip
from stacsync.mirror.archive.gate import Gate, clean
from stacsync.mirror.archive.pull import Pull, Truncated
from stacsync.mirror.archive.tar import Kind
from stacsync.mirror.order import PackageLimits

SEGMENT = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60)
NAME = st.lists(SEGMENT, min_size=1, max_size=6).map("/".join)
BODY = st.binary(max_size=2000)
TREE = st.dictionaries(NAME, BODY, max_size=8)
FORM = st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
STEP = st.integers(1, 3000)


def cut(data: bytes, step: int) -> list[bytes]:
    return [data[start : start + step] for start in range(0, len(data), step)]


def written(tree: dict[str, bytes], form: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, body in tree.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return buffer.getvalue()


def read(data: bytes, step: int) -> dict[str, bytes]:
    stream = Pull(cut(data, step))
    return {member.name: stream.exactly(member.size) for member in tar.members(stream)}


@given(TREE, FORM, STEP)
def test_every_tar_is_read_as_it_was_written(tree: dict[str, bytes], form: int, step: int) -> None:
    """Names of any length and script and bytes of any size come out as they went in, however the stream is cut."""
    assert read(written(tree, form), step) == {name.rstrip("/"): body for name, body in tree.items()}


@given(TREE.filter(bool), FORM, st.data())
def test_a_tar_cut_anywhere_is_noticed(tree: dict[str, bytes], form: int, data: st.DataObject) -> None:
    """No prefix that ends before the mark of the end passes for a whole archive."""
    whole = written(tree, form)
    body = len(whole.rstrip(b"\0"))
    with pytest.raises(JobUnusable):
        read(whole[: data.draw(st.integers(0, body - 1))], 512)


@given(TREE, st.binary(max_size=512), st.data())
def test_a_damaged_tar_never_surprises(tree: dict[str, bytes], noise: bytes, data: st.DataObject) -> None:
    """Whatever bytes are changed: members that stay within the stream, or `JobUnusable`; no other error, no endless loop."""
    whole = bytearray(written(tree, tarfile.PAX_FORMAT))
    at = data.draw(st.integers(0, len(whole)))
    whole[at : at + len(noise)] = noise
    try:
        found = read(bytes(whole), 4096)
    except JobUnusable:
        return
    assert sum(map(len, found.values())) <= len(whole)


@given(TREE)
def test_skipped_members_are_read_past(tree: dict[str, bytes]) -> None:
    """A caller that takes no bytes still sees every member."""
    stream = Pull([written(tree, tarfile.PAX_FORMAT)])
    assert [(member.name, member.size) for member in tar.members(stream)] == [(n, len(b)) for n, b in tree.items()]


def test_old_forms_are_understood() -> None:
    """V7 headers without a mark, ustar prefixes and binary sizes are read."""
    info = tarfile.TarInfo("d" * 90 + "/" + "f" * 90)
    ustar = info.tobuf(tarfile.USTAR_FORMAT)
    assert next(iter(tar.members(Pull([ustar + bytes(1024)])))).name == info.name
    old = bytearray(tarfile.TarInfo("plain").tobuf(tarfile.USTAR_FORMAT))
    old[257:512] = bytes(255)
    old[148:156] = b"        "
    old[148:156] = b"%06o\0 " % sum(old)
    assert tar.looks_like_tar(bytes(old))
    assert next(iter(tar.members(Pull([bytes(old) + bytes(1024)])))).name == "plain"
    huge = tarfile.TarInfo("huge")
    huge.size = 20 << 30
    assert next(iter(tar.members(Pull([huge.tobuf(tarfile.GNU_FORMAT)])))).size == 20 << 30
    assert not tar.looks_like_tar(b"\0" * 512)
    assert not tar.looks_like_tar(b"x" * 512)


@given(st.lists(st.binary(max_size=5000), min_size=1, max_size=4), STEP, st.integers(0, 9))
def test_gzip_comes_out_as_it_went_in(parts: list[bytes], step: int, level: int) -> None:
    """Streams of several members, padded or not, are unpacked whole, in pieces of bounded size."""
    packed = b"".join(gzip.compress(part, level) for part in parts) + b"\0" * (level * 7)
    pieces = list(gz.gunzip(cut(packed, step), gz.Ratio(10_000, 1 << 30)))
    assert b"".join(pieces) == b"".join(parts)


@given(st.binary(min_size=1, max_size=5000), st.data())
def test_gzip_cut_anywhere_is_noticed(body: bytes, data: st.DataObject) -> None:
    """A gzip stream that ends early is truncated, at every byte."""
    packed = gzip.compress(body)
    with pytest.raises(Truncated):
        list(gz.gunzip([packed[: data.draw(st.integers(0, len(packed) - 1))]], gz.Ratio(10_000, 1 << 30)))


def test_zeros_come_out_in_pieces() -> None:
    """A thousandfold compression is unpacked piece by piece, all of it, and stopped once it looks like a bomb."""
    packed = gzip.compress(bytes(20 << 20))
    pieces = [len(piece) for piece in gz.gunzip([packed], gz.Ratio(10_000, 1 << 30))]
    assert sum(pieces) == 20 << 20
    assert max(pieces) <= gz.PIECE
    ratio = gz.Ratio(100, 1 << 20)
    with pytest.raises(JobUnusable, match="bomb"):
        list(gz.gunzip([packed], ratio))
    assert ratio.bytes_out <= 3 << 20


@given(TREE, st.binary(max_size=64), st.data())
def test_a_damaged_zip_never_surprises(tree: dict[str, bytes], noise: bytes, data: st.DataObject) -> None:
    """Whatever bytes of a ZIP are changed or missing: right members, or `JobUnusable`, never another error."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in tree.items():
            archive.writestr(name, body)
    whole = bytearray(buffer.getvalue())
    at = data.draw(st.integers(0, len(whole)))
    whole[at : at + data.draw(st.integers(0, 64))] = noise
    with tempfile.TemporaryFile() as file:
        file.write(whole)
        try:
            with unzip.opened(file, 100) as archive:
                for info in archive.infolist():
                    unzip.kind_of(info)
                    assert sum(map(len, unzip.pieces(archive, info))) == info.file_size
        except JobUnusable:
            pass


@given(st.text(max_size=60))
def test_a_clean_path_never_leads_out(name: str) -> None:
    """Whatever a member is called, its path is relative, without empty or dot segments, or it is refused."""
    try:
        path = clean(name, 700)
    except JobUnusable:
        return
    assert not path.startswith("/")
    assert all(part not in ("", ".", "..") for part in path.split("/")) or path == ""


@given(st.lists(NAME, max_size=12))
def test_what_a_gate_admits_can_lie_side_by_side(names: list[str]) -> None:
    """Admitted paths differ on case-blind file systems, and none is a folder of another."""
    gate = Gate(PackageLimits(path_bytes=5000), lambda _path: True, 1 << 20)
    admitted: list[str] = []
    for name in names:
        try:
            path = gate.admit(name, Kind.FILE, 1)
        except JobUnusable:
            continue
        assert path is not None or clean(name, 5000) == ""
        if path:
            admitted.append(path.casefold())
    assert len(set(admitted)) == len(admitted)
    assert not any(other.startswith(f"{path}/") for path in admitted for other in admitted)
