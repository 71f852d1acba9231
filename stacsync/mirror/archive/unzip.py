"""Reads a ZIP archive from a local file, member by member, believing none of its claims."""

from __future__ import annotations

import errno
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import IO

from stacsync.errors import JobUnusable
from stacsync.mirror.archive.tar import Kind
from stacsync.mirror.order import MIB

MAGICS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
LARGEST_DIRECTORY = 64 * MIB
"""Bytes of the list of members, which is read whole: 200,000 members with long names need half of it."""
PIECE = 256 * 1024
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_LOCAL_HEADER = 30


@contextmanager
def opened(file: IO[bytes], members: int) -> Iterator[zipfile.ZipFile]:
    """Open the archive in `file`, of at most so many members. Raises `JobUnusable` for what is none, or too large a list."""
    with _readable():
        count, directory = _end_record(file)
    if count > members or directory > LARGEST_DIRECTORY:
        raise JobUnusable(f"the ZIP archive lists more than {members} members", "look at the package by hand")
    with _readable():
        archive = zipfile.ZipFile(file)
    with archive:
        _check_overlaps(archive.infolist())
        yield archive


def kind_of(info: zipfile.ZipInfo) -> Kind:
    """Return what a member is."""
    if info.flag_bits & 0x1:
        return Kind.ENCRYPTED
    mode = info.external_attr >> 16 if info.create_system == 3 else 0
    known = {
        stat.S_IFLNK: Kind.SYMBOLIC_LINK,
        stat.S_IFCHR: Kind.DEVICE,
        stat.S_IFBLK: Kind.DEVICE,
        stat.S_IFIFO: Kind.PIPE,
        stat.S_IFSOCK: Kind.OTHER,
    }
    if (found := known.get(stat.S_IFMT(mode))) is not None:
        return found
    return Kind.FOLDER if info.filename.endswith(("/", "\\")) else Kind.FILE


def name_of(info: zipfile.ZipInfo) -> str:
    """Return a member's name with forward slashes; what stands behind a NUL is not hidden."""
    return info.orig_filename.replace("\\", "/")


def pieces(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield a member's bytes, checked against its CRC. Raises `JobUnusable`."""
    with _readable(), archive.open(info) as member:
        while piece := member.read(PIECE):
            yield piece


def _check_overlaps(infos: list[zipfile.ZipInfo]) -> None:
    """Refuse members that share bytes: a small file could be unpacked into as many large ones as it likes."""
    ordered = sorted(infos, key=lambda info: info.header_offset)
    for one, other in pairwise(ordered):
        if one.header_offset + _LOCAL_HEADER + one.compress_size > other.header_offset:
            raise JobUnusable("members of the ZIP archive overlap: it looks like a bomb", "look at the package by hand")


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except NotImplementedError as error:
        raise JobUnusable(
            "the ZIP archive uses a compression that cannot be read", "look at the package by hand"
        ) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, RuntimeError, ValueError, OverflowError) as error:
        raise JobUnusable("the ZIP archive is broken or truncated") from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # what a seek to a place before the file's start says
            raise
        raise JobUnusable("the ZIP archive is broken or truncated") from error


def _end_record(file: IO[bytes]) -> tuple[int, int]:
    """Return the number of members and the bytes of their list, as the archive's end says."""
    size = file.seek(0, 2)
    tail = _read(file, max(0, size - 65_535 - _END.size), 65_535 + _END.size)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise JobUnusable("the ZIP archive has no end: it is truncated")
    _, _, _, _, count, directory, _, _ = _END.unpack_from(tail, at)
    locator = at - _LOCATOR.size
    if locator >= 0 and tail[locator : locator + 4] == b"PK\x06\x07":
        _, _, offset, _ = _LOCATOR.unpack_from(tail, locator)
        record = _read(file, offset, _END_64.size)
        if len(record) == _END_64.size and record[:4] == b"PK\x06\x06":
            _, _, _, _, _, _, _, count, directory, _ = _END_64.unpack(record)
    return count, directory


def _read(file: IO[bytes], start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)
