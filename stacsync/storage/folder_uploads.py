"""Resumable uploads into a folder: a partial file and a list of the parts that are whole.

.stacsync/uploads/<id>/data     part n at byte (n - 1) * part_size
.stacsync/uploads/<id>/parts    first line: what is uploaded; then one line per part, written once its bytes are on disk
"""

from __future__ import annotations

import json
import os
import re
import shutil
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from stacsync.errors import StorageError
from stacsync.storage.contract import PartInfo, StoredObject
from stacsync.storage.disk import Disk, etag_of, set_attributes, settle
from stacsync.storage.keys import unpack

_ID = re.compile(r"[0-9a-f]{32}")
_LINE = re.compile(r"(\d+) (\d+) ([0-9a-f]{8})\n")


class FolderUpload:
    """`Upload` into a folder."""

    def __init__(self, disk: Disk, key: str, part_size: int, packed: str | None, upload_id: str | None) -> None:
        self._disk = disk
        self._packed = packed
        self.key = key
        self.part_size = part_size
        self._head = json.dumps({"key": key, "part_size": part_size}, sort_keys=True) + "\n"
        self.id = upload_id if upload_id and self._known(upload_id) else self._begin()

    @property
    def _folder(self) -> Path:
        return self._disk.uploads / self.id

    def _known(self, upload_id: str) -> bool:
        if not _ID.fullmatch(upload_id):
            return False
        folder = self._disk.uploads / upload_id
        try:
            with (folder / "parts").open(encoding="ascii") as file:
                return file.readline() == self._head and (folder / "data").is_file()
        except (OSError, UnicodeDecodeError):
            return False

    def _begin(self) -> str:
        upload_id = uuid4().hex
        folder = self._disk.uploads / upload_id
        with self._disk.guard(f"begin the upload of {self.key}"):
            folder.mkdir(parents=True)
            (folder / "data").touch()
            (folder / "parts").write_text(self._head, encoding="ascii")
        return upload_id

    def parts(self) -> list[PartInfo]:
        """Return the parts whose bytes are on disk, by number."""
        try:
            text = (self._folder / "parts").read_text(encoding="ascii")
        except FileNotFoundError:
            return []
        found = {int(n): PartInfo(int(n), int(size), crc) for n, size, crc in _LINE.findall(text.partition("\n")[2])}
        return [found[number] for number in sorted(found)]

    def put_part(self, number: int, data: bytes | bytearray | memoryview) -> PartInfo:
        """Write one part at its place."""
        part = PartInfo(number, len(data), f"{zlib.crc32(data):08x}")
        with self._disk.guard(f"write part {number} of {self.key}"):
            descriptor = os.open(self._folder / "data", os.O_WRONLY)
            try:
                _write_at(descriptor, memoryview(data), (number - 1) * self.part_size)
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
            with (self._folder / "parts").open("ab", buffering=0) as file:
                file.write(f"{part.number} {part.size} {part.etag}\n".encode())
        return part

    def complete(self) -> StoredObject:
        """Rename the partial file into place."""
        parts = self.parts()
        whole_but_last = all(part.size == self.part_size for part in parts[:-1])
        if [part.number for part in parts] != list(range(1, len(parts) + 1)) or not whole_but_last:
            raise StorageError(f"{self.key}: parts of the upload are missing", "the next pass sends them")
        with self._disk.guard(f"write {self.key}"):
            data = self._folder / "data"
            with data.open("r+b") as file:
                file.truncate(sum(part.size for part in parts))
                kept = self._packed is not None and set_attributes(data, self._packed)
                status = settle(data, file.fileno(), self._disk.place(self.key))
        self.abort()
        return StoredObject(
            key=self.key,
            size=status.st_size,
            etag=etag_of(status),
            attributes=unpack(self._packed) if kept else {},
            modified=datetime.fromtimestamp(status.st_mtime, UTC),
        )

    def abort(self) -> None:
        """Remove the partial file."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _write_at(descriptor: int, data: memoryview, offset: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written


def sweep(disk: Disk, keep: set[str], before: datetime) -> int:
    """Remove uploads (but those in `keep`) and temporary files last touched earlier than `before`; return how many."""
    count = 0
    for path in _entries(disk.uploads):
        if path.name not in keep and _touched(path) < before.timestamp():
            shutil.rmtree(path, ignore_errors=True)
            count += 1
    for path in _entries(disk.drafts):
        if _touched(path) < before.timestamp():
            path.unlink(missing_ok=True)
            count += 1
    return count


def _entries(folder: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError):
        yield from sorted(folder.iterdir())


def _touched(path: Path) -> float:
    """Return when anything of an entry changed last; a vanished one was touched just now."""
    times = [float("inf")]
    with suppress(FileNotFoundError):
        times = [path.stat().st_mtime, *(inner.stat().st_mtime for inner in (path.iterdir() if path.is_dir() else ()))]
    return max(times)
