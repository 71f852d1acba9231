"""Reads a TAR archive from a stream, member by member, in constant memory.

The standard library's reader keeps the header of every member and reads long names and extended headers whole, however
long they claim to be; a foreign archive must not be given that. This one understands what archives in the wild hold
(POSIX.1-1988 ustar with prefix, POSIX.1-2001 pax, GNU long names and base-256 numbers, and the older V7 form), and tells
the kind of everything else so that it can be refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from stacsync.errors import JobUnusable
from stacsync.mirror.archive.pull import Pull

BLOCK = 512
LONGEST_HEADER = 64 * 1024
"""Bytes of a long name or of extended headers; real ones have a few hundred."""
_DIGITS = re.compile(r"[0-9]{1,20}")
"""A number in decimal digits: 64 bits, or as many as a writer pads to."""


class Kind(StrEnum):
    """What a member of an archive is."""

    FILE = "a file"
    FOLDER = "a folder"
    HARD_LINK = "a hard link"
    SYMBOLIC_LINK = "a symbolic link"
    DEVICE = "a device"
    PIPE = "a pipe"
    SPARSE = "a sparse file"
    ENCRYPTED = "an encrypted file"
    OTHER = "of an unknown kind"


_KINDS = {
    b"0": Kind.FILE,
    b"\0": Kind.FILE,
    b"7": Kind.FILE,
    b"1": Kind.HARD_LINK,
    b"2": Kind.SYMBOLIC_LINK,
    b"3": Kind.DEVICE,
    b"4": Kind.DEVICE,
    b"5": Kind.FOLDER,
    b"6": Kind.PIPE,
    b"S": Kind.SPARSE,
}
_EMPTY_KINDS = frozenset({Kind.HARD_LINK, Kind.SYMBOLIC_LINK, Kind.DEVICE, Kind.FOLDER, Kind.PIPE})
"""Members without data, whatever their size field claims."""


@dataclass(frozen=True, slots=True)
class TarMember:
    """One member; its bytes are the next `size` of the stream."""

    name: str
    kind: Kind
    size: int


def looks_like_tar(head: bytes) -> bool:
    """Say whether `head` begins with a TAR header, by its checksum (the older form has no other mark)."""
    block = head[:BLOCK]
    return len(block) == BLOCK and any(block) and _checksum_fits(block)


def members(stream: Pull) -> Iterator[TarMember]:
    """Yield the members; what the caller leaves of a member's bytes is read past.

    Raises `JobUnusable` (`Truncated` when the stream ends before the archive does).
    """
    extended: dict[str, str] = {}
    shared: dict[str, str] = {}
    while True:
        block = stream.exactly(BLOCK)
        if not any(block):
            _read_to_the_end(stream)
            return
        if not _checksum_fits(block):
            raise JobUnusable("the archive has a broken header")
        size, flag = _number(block[124:136]), block[156:157]
        if flag in (b"x", b"g", b"L", b"K"):
            text = _header_text(stream, size)
            _extend(shared if flag == b"g" else extended, flag, text)
            continue
        member = _member(block, size, flag, {**shared, **extended})
        extended = {}
        begin = stream.taken
        yield member
        padded = -(-member.size // BLOCK) * BLOCK
        stream.skip(begin + padded - stream.taken)


def _member(block: bytes, size: int, flag: bytes, extended: Mapping[str, str]) -> TarMember:
    name = extended.get("path") or _name(block)
    kind = _KINDS.get(flag, Kind.OTHER)
    if any(key.startswith("GNU.sparse.") for key in extended):
        kind = Kind.SPARSE
    if kind is Kind.FILE and name.endswith("/"):
        kind = Kind.FOLDER
    if "size" in extended:
        size = _decimal(extended["size"])
    return TarMember(name, kind, 0 if kind in _EMPTY_KINDS else size)


def _name(block: bytes) -> str:
    name = _text(block[:100])
    prefix = _text(block[345:500]) if block[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _text(field: bytes) -> str:
    raw = field.partition(b"\0")[0]
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _number(field: bytes) -> int:
    """Return a number in octal digits, or in GNU's binary form (first bit set)."""
    if field[0] & 0x80:
        value = int.from_bytes(field[1:], "big") if field[0] == 0x80 else -1
    else:
        digits = field.replace(b"\0", b" ").strip()
        value = int(digits, 8) if digits and all(digit in b"01234567" for digit in digits) else (-1 if digits else 0)
    if value < 0:
        raise JobUnusable("the archive has a broken header")
    return value


def _decimal(digits: str) -> int:
    if not _DIGITS.fullmatch(digits):
        raise JobUnusable("the archive has a broken extended header")
    return int(digits)


def _checksum_fits(block: bytes) -> bool:
    digits = block[148:156].replace(b"\0", b" ").strip()
    if not digits or any(digit not in b"01234567" for digit in digits):
        return False
    plain = sum(block[:148]) + 8 * ord(" ") + sum(block[156:])
    if int(digits, 8) == plain:
        return True
    return int(digits, 8) == plain - 256 * sum(byte > 127 for byte in block[:148] + block[156:])  # old signed sums


def _header_text(stream: Pull, size: int) -> bytes:
    if size > LONGEST_HEADER:
        raise JobUnusable(f"the archive has a header of {size} bytes, more than any real one ({LONGEST_HEADER})")
    text = stream.exactly(size)
    stream.skip(-size % BLOCK)
    return text


def _extend(extended: dict[str, str], flag: bytes, text: bytes) -> None:
    """Add what a long name or a pax header says of the members to come."""
    if flag == b"L":
        extended["path"] = _text(text)
    elif flag != b"K":
        while text:
            digits, _, rest = text.partition(b" ")
            length = _decimal(_text(digits))
            if not len(digits) + 1 < length <= len(text):
                raise JobUnusable("the archive has a broken extended header")
            key, _, value = rest[: length - len(digits) - 1].removesuffix(b"\n").partition(b"=")
            extended[_text(key)] = _text(value)
            text = text[length:]


def _read_to_the_end(stream: Pull) -> None:
    """Read past the padding, so that the compression around it is checked to its end too."""
    for piece in stream.remaining():
        if any(piece):
            raise JobUnusable("the archive goes on after its end")
