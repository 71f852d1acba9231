"""What may come out of a foreign archive: names, kinds, counts and sizes, checked before a byte is stored. Pure.

Names and limits are checked for every member. Links, devices and clashes of names are refused where the member is
wanted; what nobody wants is only counted.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from hashlib import blake2b

from stacsync import layout
from stacsync.errors import JobUnusable
from stacsync.mirror.archive.tar import Kind
from stacsync.mirror.order import PackageLimits

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_REMEDY = "look at the package by hand; nothing of it was published"


class Gate:
    """Admits the members of one archive."""

    def __init__(self, limits: PackageLimits, wants: Callable[[str], bool], member_bytes: int) -> None:
        self._limits = limits
        self._wants = wants
        self._member_bytes = member_bytes
        self._count = 0
        self._bytes = 0
        self._files: set[bytes] = set()
        self._folders: set[bytes] = set()
        self.left: list[str] = []
        """Clean paths of what nobody wants."""

    def admit(self, name: str, kind: Kind, size: int) -> str | None:
        """Return the clean relative path of a member to store, None for one to leave. Raises `JobUnusable`."""
        self._count += 1
        if self._count > self._limits.members:
            raise JobUnusable(f"the archive has more than {self._limits.members} members", _REMEDY)
        self._bytes += size
        if self._bytes > self._limits.total_bytes:
            raise JobUnusable(f"the archive holds more than {self._limits.total_bytes} bytes", _REMEDY)
        path = clean(name, self._limits.path_bytes)
        if kind is Kind.FOLDER or not path:
            return None
        if not self._wants(path):
            self.left.append(path)
            return None
        if kind is not Kind.FILE:
            raise JobUnusable(f"the archive's member {shown(name)} is {kind}, which is never unpacked", _REMEDY)
        if size > self._member_bytes:
            raise JobUnusable(
                f"the archive's member {shown(name)} has {size} bytes, more than max_asset_size ({self._member_bytes})",
                "raise max_asset_size in [mirror]",
            )
        self._claim(path)
        return path

    def _claim(self, path: str) -> None:
        """Refuse a second file of the same name or place, also on case-blind file systems, and one that is a folder too."""
        named = unicodedata.normalize("NFC", path).casefold().split("/")
        stored = [layout.segment(part).lower() for part in path.split("/")]
        me = {_mark(named), _mark(stored)}
        above = {_mark(parts[:depth]) for parts in (named, stored) for depth in range(1, len(parts))}
        if not self._files.isdisjoint(me):
            raise JobUnusable(f"the archive holds {shown(path)} twice (but for upper and lower case)", _REMEDY)
        if not (self._folders.isdisjoint(me) and self._files.isdisjoint(above)):
            raise JobUnusable(f"in the archive {shown(path)} is both a file and a folder", _REMEDY)
        self._files |= me
        self._folders |= above


def clean(name: str, path_bytes: int) -> str:
    """Return the relative path that `name` means; "" for the top. Raises `JobUnusable` for one that leads elsewhere."""
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise JobUnusable(f"the archive has a member with an unprintable name: {shown(name)}", _REMEDY)
    if name.startswith(("/", "\\")) or _DRIVE.match(name):
        raise JobUnusable(f"the archive has a member with an absolute name: {shown(name)}", _REMEDY)
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or any(part.startswith("..\\") or "\\..\\" in part for part in parts):
        raise JobUnusable(f"the archive has a member that leads out of it: {shown(name)}", _REMEDY)
    path = "/".join(parts)
    if len(path.encode()) > path_bytes:
        raise JobUnusable(f"the archive has a member with a name of more than {path_bytes} bytes", _REMEDY)
    return path


def shown(name: str) -> str:
    """Return a foreign name as it may stand in a message."""
    return ascii(name if len(name) <= 80 else f"{name[:79]}…")


def _mark(parts: list[str]) -> bytes:
    return blake2b("/".join(parts).encode(), digest_size=16).digest()
