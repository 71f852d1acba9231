"""What only a folder has: files, links, rights, disks."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from stacsync.errors import StorageError
from stacsync.provider import SourceStore
from stacsync.storage.folder import FolderStorage

JSON = "application/json"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "srv" / "stac"


@pytest.fixture
def store(root: Path) -> FolderStorage:
    return FolderStorage(root, clock=lambda: datetime.now(UTC))


def drafts(root: Path) -> list[Path]:
    return list((root / ".stacsync/tmp").iterdir())


def test_files_can_be_served_as_they_are(store: FolderStorage, root: Path) -> None:
    """An object is a plain file below the root, readable as the process's umask allows."""
    before = os.umask(0o022)
    try:
        store.put("a/b.json", b"{}", content_type=JSON)
    finally:
        os.umask(before)
    assert (root / "a/b.json").read_bytes() == b"{}"
    assert (root / "a/b.json").stat().st_mode & 0o777 == 0o644
    assert drafts(root) == []


def test_opening_and_reading_make_nothing(store: FolderStorage, root: Path) -> None:
    """Looking into a folder that is not there finds nothing and creates nothing."""
    assert store.head("a") is None
    assert list(store.list()) == []
    store.delete(["a/b"])
    assert not root.exists()


def test_empty_folders_go(store: FolderStorage, root: Path) -> None:
    """Deleting the last file of a folder deletes the folder, up to the root, which stays."""
    for key in ("a/b/c/1", "a/b/2"):
        store.put(key, b"", content_type=JSON)
    store.delete(["a/b/c/1"])
    assert [path.name for path in (root / "a/b").iterdir()] == ["2"]
    store.delete(["a/b/2"])
    assert [path.name for path in root.iterdir()] == [".stacsync"]


def test_links_that_lead_out_are_not_followed(store: FolderStorage, root: Path, tmp_path: Path) -> None:
    """A symbolic link below the root never lets a read, a write, a listing or a delete out of it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    root.mkdir(parents=True)
    (root / "door").symlink_to(outside)
    (root / "window").symlink_to(outside / "secret")
    with pytest.raises(StorageError, match="leads out"):
        store.put("door/new", b"", content_type=JSON)
    with pytest.raises(StorageError, match="leads out"):
        store.get("door/secret")
    with pytest.raises(StorageError, match="leads out"):
        store.head("window")
    with pytest.raises(StorageError, match="leads out"):
        store.delete(["door/secret"])
    assert list(store.list()) == []
    store.put("window", b"ours", content_type=JSON)
    assert (outside / "secret").read_text() == "secret"
    assert [path.name for path in outside.iterdir()] == ["secret"]


def test_a_root_that_is_a_link_is_fine(root: Path, tmp_path: Path) -> None:
    """The root itself may be a link to another disk."""
    root.mkdir(parents=True)
    (tmp_path / "link").symlink_to(root)
    linked = FolderStorage(tmp_path / "link", clock=lambda: datetime.now(UTC))
    linked.put("a", b"1", content_type=JSON)
    assert (root / "a").read_bytes() == b"1"


def test_a_reader_keeps_what_it_opened(store: FolderStorage) -> None:
    """A file replaced while it is read is read to its end as it was."""
    store.put("a", bytes(3 * 1024 * 1024), content_type=JSON)
    pieces = store.stream("a")
    first = next(pieces)
    store.put("a", b"new", content_type=JSON)
    assert first + b"".join(pieces) == bytes(3 * 1024 * 1024)


def test_a_file_in_the_way_is_told(store: FolderStorage) -> None:
    """A file where a folder has to be, and the other way round, is an error with the way out."""
    store.put("a/b", b"", content_type=JSON)
    with pytest.raises(StorageError, match=r"a/b/c: a file is in the way.*\(move it away"):
        store.put("a/b/c", b"", content_type=JSON)
    with pytest.raises(StorageError, match="a folder is in the way"):
        store.put("a", b"", content_type=JSON)


def test_a_state_folder_on_another_disk_is_told(store: FolderStorage, root: Path) -> None:
    """Files are renamed into place, which no disk does for another: that is said, not that the system failed."""
    elsewhere = Path("/dev/shm")
    second = elsewhere.is_dir() and elsewhere.stat().st_dev != root.parents[1].stat().st_dev
    assert second, "needs a second file system: mount -t tmpfs tmpfs /dev/shm"
    with TemporaryDirectory(dir=elsewhere) as folder:
        (root / ".stacsync").mkdir(parents=True)
        (root / ".stacsync/tmp").symlink_to(folder)
        with pytest.raises(StorageError, match="on another file system") as refused:
            store.put("a.json", b"{}", content_type=JSON)
    assert "one file system" in refused.value.remedy


def test_a_name_too_long_for_the_disk_is_told(store: FolderStorage) -> None:
    """A segment that no file system takes is an error of the store, not a crash."""
    with pytest.raises(StorageError, match="longer than the file system takes"):
        store.put("n" * 300, b"", content_type=JSON)
    assert store.head("fine") is None


def test_a_disk_that_cannot_take_more(store: FolderStorage, root: Path) -> None:
    """A write that the system cuts short leaves neither object nor temporary file, and says what to do."""
    store.put("a", b"old", content_type=JSON)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(StorageError, match="cannot write a: the file is larger"):
            store.put_stream("a", [bytes(800), bytes(800)], content_type="image/tiff")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert store.get("a") == b"old"
    assert drafts(root) == []


def test_a_full_disk(tmp_path: Path) -> None:
    """A full disk is a StorageError that tells to make room."""
    (tmp_path / "full").symlink_to("/dev/full")
    store = FolderStorage(tmp_path, clock=lambda: datetime.now(UTC))
    with pytest.raises(StorageError, match=r"the disk is full \(make room"), store._disk.guard("write a"):
        (tmp_path / "full").write_bytes(b"x")


def test_a_root_without_rights(tmp_path: Path) -> None:
    """A root that cannot be made is told by `check`, with the way out, and raises nothing."""
    (tmp_path / "file").write_text("")
    [line] = FolderStorage(tmp_path / "file" / "stac", clock=lambda: datetime.now(UTC)).probe()
    assert (line.ok, line.remedy != "") == (False, True)
    assert "in the way" in line.message


def test_no_copy_inside(store: FolderStorage) -> None:
    """No bucket copies into a folder by itself."""
    assert store.copy_from(SourceStore(), "b", "k", "a", content_type=JSON) is None


def test_sweep_takes_what_killed_processes_left(root: Path) -> None:
    """Temporary files and uploads are swept once they are old, by the clock that was given."""
    now = datetime.now(UTC)
    early = FolderStorage(root, clock=lambda: now)
    early.put("a", b"", content_type=JSON)
    (root / ".stacsync/tmp/left").write_bytes(b"half")
    upload = early.upload("b", content_type="image/tiff")
    upload.put_part(1, b"half")
    assert early.sweep_uploads(set()) == 0
    later = FolderStorage(root, clock=lambda: now + timedelta(hours=25))
    assert later.sweep_uploads({upload.id}) == 1
    assert later.sweep_uploads(set()) == 1
    assert drafts(root) == []
    assert [found.key for found in later.list()] == ["a"]


def test_part_lines_cut_short_by_a_crash_do_not_count(store: FolderStorage, root: Path) -> None:
    """A part whose record was not finished is not whole."""
    upload = store.upload("b", content_type="image/tiff", part_size=4)
    upload.put_part(1, b"1234")
    with (root / f".stacsync/uploads/{upload.id}/parts").open("ab") as file:
        file.write(b"2 4 0000")
    again = store.upload("b", content_type="image/tiff", part_size=4, upload_id=upload.id)
    assert [part.number for part in again.parts()] == [1]


def test_an_upload_of_other_words_begins_anew(store: FolderStorage) -> None:
    """An id that belongs to another key or part size, or is a path, is never gone on with."""
    first = store.upload("b", content_type="image/tiff", part_size=4)
    for key, size, known in (("c", 4, first.id), ("b", 5, first.id), ("b", 4, "../../etc"), ("b", 4, "")):
        assert store.upload(key, content_type="image/tiff", part_size=size, upload_id=known).id != first.id


def test_conditions_hold_among_processes(store: FolderStorage, root: Path) -> None:
    """Many processes that add one to a number under if_match lose none of their additions."""
    store.put("n", b"0", content_type=JSON)
    code = f"""
from datetime import UTC, datetime
from pathlib import Path
from stacsync.errors import Conflict
from stacsync.storage.folder import FolderStorage
store = FolderStorage(Path({str(root)!r}), clock=lambda: datetime.now(UTC))
done = 0
while done < 20:
    head = store.head("n")
    number = int(store.get("n"))
    try:
        store.put("n", str(number + 1).encode(), content_type="text/plain", if_match=head.etag)
        done += 1
    except Conflict:
        pass
"""
    workers = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    assert store.get("n") == b"60"


def test_a_killed_writer_leaves_the_old_object(store: FolderStorage, root: Path) -> None:
    """SIGKILL in the middle of a stream leaves the old object whole."""
    store.put("a", b"old", content_type=JSON)
    code = f"""
import os, signal
from datetime import UTC, datetime
from pathlib import Path
from stacsync.storage.folder import FolderStorage
def chunks():
    yield bytes(100_000)
    os.kill(os.getpid(), signal.SIGKILL)
FolderStorage(Path({str(root)!r}), clock=lambda: datetime.now(UTC)).put_stream("a", chunks(), content_type="image/tiff")
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    assert store.get("a") == b"old"
    assert [found.key for found in store.list()] == ["a"]
    assert len(drafts(root)) == 1


def test_a_delete_beside_a_write_takes_no_new_file(store: FolderStorage) -> None:
    """A folder removed by one thread just when another writes into it is made again."""

    def pieces() -> Iterator[bytes]:
        yield b"1"
        store.delete(["f/old"])

    store.put("f/old", b"", content_type=JSON)
    store.put_stream("f/new", pieces(), content_type=JSON)
    assert [found.key for found in store.list()] == ["f/new"]
