"""Files below one root folder: where a key lies, how a file is written whole, and what a disk's refusal means."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from stacsync.errors import StorageError
from stacsync.layout import STATE
from stacsync.storage.keys import checked

_ROOM = "make room or raise the quota; the next pass goes on where this one stopped"
_RIGHTS = "give the user that stacsync runs as the right to read and write there"
_TOLD = {
    errno.ENOSPC: ("the disk is full", _ROOM),
    errno.EDQUOT: ("the quota is used up", _ROOM),
    errno.EFBIG: ("the file is larger than the file system takes", "use another file system"),
    errno.EROFS: ("the file system is read-only", "mount it for writing, or correct storage.url"),
    errno.EACCES: ("access is denied", _RIGHTS),
    errno.EPERM: ("access is denied", _RIGHTS),
    errno.ENAMETOOLONG: ("the name is longer than the file system takes", "use another file system"),
    errno.ENOTDIR: ("a file is in the way of a folder", "move it away: the folder belongs to stacsync alone"),
    errno.EEXIST: ("a file is in the way of a folder", "move it away: the folder belongs to stacsync alone"),
    errno.EISDIR: ("a folder is in the way of a file", "move it away: the folder belongs to stacsync alone"),
    errno.EXDEV: (
        f"{STATE} in it, or another folder, is on another file system, and files are renamed into place",
        "keep the whole folder on one file system, without mounts in it and links to others",
    ),
    errno.EIO: ("the disk failed", "look into the system's log"),
}


def etag_of(status: os.stat_result) -> str:
    """Return what names the content of a file: no two writes of ours share inode and nanosecond."""
    return f"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"


class Draft:
    """A file being written that nobody sees yet."""

    def __init__(self, path: Path, file: FileIO) -> None:
        self.path = path
        self.published = False
        self._file = file

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes. Raises `OSError`."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]

    def mark(self, packed: str) -> bool:
        """Attach attributes; return whether the file system keeps them."""
        return set_attributes(self.path, packed)

    def publish(self, path: Path) -> os.stat_result:
        """Make the file appear at `path`, durably, replacing what is there. Raises `OSError`."""
        status = settle(self.path, self._file.fileno(), path)
        self.published = True
        return status


def set_attributes(path: Path, packed: str) -> bool:
    """Attach packed attributes to a file; return whether the file system keeps them."""
    if not hasattr(os, "setxattr"):
        return False
    try:
        os.setxattr(path, "user.stacsync", packed.encode())
    except OSError:
        return False
    return True


def settle(draft: Path, descriptor: int, path: Path) -> os.stat_result:
    """Flush a draft to the disk and rename it to `path`, making its folders. Raises `OSError`."""
    now = time.time_ns()
    os.utime(descriptor, ns=(now, now))
    os.fsync(descriptor)
    status = os.fstat(descriptor)
    for attempt in range(5):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.replace(path)
            break
        except FileNotFoundError:  # a delete elsewhere took the folder away while it was still empty
            if attempt == 4:
                raise
    flush_folder(path.parent)
    return status


def flush_folder(path: Path) -> None:
    """Make names in a folder durable, where the system can."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Disk:
    """The files below `root`. A key whose path leads out of it through a symbolic link is refused."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self.uploads = self.root / STATE / "uploads"
        self.drafts = self.root / STATE / "tmp"

    @contextmanager
    def guard(self, doing: str) -> Iterator[None]:
        """Turn the disk's refusals into `StorageError` with the way out."""
        try:
            yield
        except OSError as error:
            words, remedy = _TOLD.get(
                error.errno or 0, (os.strerror(error.errno or errno.EIO), "look into the system's log")
            )
            raise StorageError(f"file://{self.root}: cannot {doing}: {words}", remedy) from error

    def place(self, key: str) -> Path:
        """Return where `key` is written; the file itself may be a link, which a write replaces. Raises `StorageError`."""
        path = self.root / checked(key)
        if not self._inside(key.split("/")[:-1]):
            raise StorageError(f"file://{self.root}: {key} leads out of the folder through a link", "remove the link")
        return path

    def _inside(self, folders: list[str]) -> bool:
        """Say whether a path of folders below the root stays there."""
        folder = str(self.root)
        for name in folders:
            folder = f"{folder}/{name}"
            if os.path.islink(folder):  # noqa: PTH114  asked for every document, and a Path costs more than the look
                whole = self.root.joinpath(*folders)
                return Path(os.path.realpath(whole)).is_relative_to(self.root)
        return True

    def existing(self, key: str) -> Path | None:
        """Return the regular file that `key` names, or None. Raises `StorageError`."""
        path = self.place(key)
        with self.guard(f"look at {key}"):
            if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(self.root):
                problem = f"file://{self.root}: {key} leads out of the folder through a link"
                raise StorageError(problem, "remove the link")
            try:
                return path if path.is_file() else None
            except NotADirectoryError:
                return None

    def folder(self, prefix: str) -> Path | None:
        """Return the folder of a prefix (with its slash, or ""), None when there is none."""
        path = self.place(f"{prefix}x").parent if prefix else self.root
        return path if path.is_dir() else None

    @contextmanager
    def reading(self, key: str) -> Iterator[BinaryIO]:
        """Open the file of `key`. Raises `KeyError` when there is none."""
        path = self.existing(key)
        if path is None:
            raise KeyError(key)
        with self.guard(f"read {key}"):
            try:
                file = path.open("rb")
            except FileNotFoundError:
                raise KeyError(key) from None
        with file:
            yield file

    @contextmanager
    def draft(self) -> Iterator[Draft]:
        """Open a temporary file, removed at the end unless it was published."""
        path = self.drafts / uuid4().hex
        with self.guard("write a temporary file"):
            try:
                file = FileIO(path, "x")
            except FileNotFoundError:
                self.drafts.mkdir(parents=True, exist_ok=True)
                file = FileIO(path, "x")
        draft = Draft(path, file)
        try:
            with file:
                yield draft
        finally:
            if not draft.published:
                path.unlink(missing_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep all other conditional writers of this folder out, in every process."""
        with self.guard("lock the folder"):
            path = self.root / STATE / "lock"
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("ab")
        with file:
            with self.guard("lock the folder"):
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def walk(self, folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
        """Yield (key, path) of the regular files in a folder and below, in the order of their keys."""
        with self.guard(f"list {prefix or 'the folder'}"):
            try:
                entries = list(os.scandir(folder))
            except FileNotFoundError:
                return
        kinds = [(f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name, entry) for entry in entries]
        for name, entry in sorted(kinds, key=lambda pair: pair[0].encode("utf-8", "surrogateescape")):
            if name.endswith("/"):
                yield from self.walk(Path(entry.path), prefix + name)
            elif entry.is_file(follow_symlinks=False):
                yield prefix + name, Path(entry.path)

    def remove(self, key: str) -> None:
        """Delete a file and the folders that become empty by it, up to the root. A missing file is no error."""
        path = self.place(key)
        with self.guard(f"delete {key}"):
            try:
                path.unlink()
            except (FileNotFoundError, NotADirectoryError):
                return
        for folder in path.relative_to(self.root).parents:
            if folder.name in {"", STATE}:
                return
            try:
                (self.root / folder).rmdir()
            except OSError:
                return
