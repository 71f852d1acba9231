"""What every store promises, tried on a folder and on real S3 servers."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from stacsync.errors import Conflict, StorageError
from stacsync.storage import Storage, StorageOptions, StoredObject, open_storage

MIB = 1024 * 1024
JSON = "application/json"


def put(store: Storage, key: str, data: bytes = b"{}") -> StoredObject:
    return store.put(key, data, content_type=JSON)


def listed(store: Storage, prefix: str = "") -> list[str]:
    return [found.key for found in store.list(prefix)]


def noise(size: int, seed: int = 1) -> bytes:
    return hashlib.shake_128(str(seed).encode()).digest(size)


class TestObjects:
    def test_what_is_put_comes_back(self, store: Storage) -> None:
        """Bytes, size and ETag of a put object are those of the head, the get and the list."""
        done = put(store, "a/b/item.json", b'{"x": 1}')
        head = store.head("a/b/item.json")
        assert head is not None
        assert (head.key, head.size, head.etag) == ("a/b/item.json", 8, done.etag)
        assert head.modified is not None
        assert abs(head.modified - datetime.now(UTC)) < timedelta(minutes=5)
        assert store.get("a/b/item.json") == b'{"x": 1}'
        assert [(found.key, found.size, found.etag) for found in store.list()] == [("a/b/item.json", 8, done.etag)]

    def test_missing_is_an_answer_of_its_own(self, store: Storage) -> None:
        """A missing object is None from head and KeyError from every read, never an empty one."""
        put(store, "there")
        assert store.head("none/at/all") is None
        with pytest.raises(KeyError):
            store.get("none")
        with pytest.raises(KeyError):
            store.get_range("none", 0, 1)
        with pytest.raises(KeyError):
            next(store.stream("none"))

    def test_a_file_is_no_folder(self, store: Storage) -> None:
        """A key below an object's key, and a folder's name, are simply missing."""
        put(store, "a/b")
        assert store.head("a/b/c") is None
        assert store.head("a") is None

    def test_an_empty_object_is_an_object(self, store: Storage) -> None:
        """Zero bytes can be stored, read and told from a missing object."""
        put(store, "empty", b"")
        head = store.head("empty")
        assert head is not None
        assert head.size == 0
        assert store.get("empty") == b""
        assert b"".join(store.stream("empty")) == b""

    def test_put_replaces_whole(self, store: Storage) -> None:
        """A second put replaces the first, and its ETag differs."""
        first = put(store, "k", b"a long first version")
        second = put(store, "k", b"second")
        assert store.get("k") == b"second"
        assert first.etag != second.etag

    def test_ranges(self, store: Storage) -> None:
        """A range holds the bytes asked for, fewer at the end, none beyond it."""
        data = noise(3 * MIB)
        put(store, "r", data)
        assert store.get_range("r", 0, 10) == data[:10]
        assert store.get_range("r", 2 * MIB, 70_000) == data[2 * MIB : 2 * MIB + 70_000]
        assert store.get_range("r", 3 * MIB - 5, 100) == data[-5:]
        assert store.get_range("r", 9 * MIB, 100) == b""
        assert store.get_range("r", 2**62, 8) == b""
        assert store.get_range("r", 5, 0) == b""

    def test_stream_is_in_order_and_bounded(self, store: Storage) -> None:
        """A stream yields all bytes in order, in pieces of at most a few MiB."""
        data = noise(5 * MIB)
        put(store, "s", data)
        pieces = list(store.stream("s"))
        assert b"".join(pieces) == data
        assert max(map(len, pieces)) <= 2 * MIB

    def test_odd_but_allowed_keys(self, store: Storage) -> None:
        """Names of Zarr stores and names with unusual characters come back as they were given."""
        keys = ["z.zarr/.zgroup", "z.zarr/v/0.0", "a b/ü%41#?&+=~.txt", "x/(1)'!.json"]
        for key in keys:
            put(store, key, key.encode())
        assert sorted(listed(store)) == sorted(keys)
        assert [store.get(key) for key in keys] == [key.encode() for key in keys]
        assert [store.get_range(key, 0, 99) for key in keys] == [key.encode() for key in keys]
        store.delete(keys)
        assert listed(store) == []

    @pytest.mark.parametrize(
        "key", ["", "/a", "a//b", "../x", "a/../../x", "a/.", "a/", "a\\b", "a\nb", "k" * 1025, "\udc80"]
    )
    def test_what_is_no_key_is_refused(self, store: Storage, key: str) -> None:
        """A key that could leave the root, or that stores disagree on, is refused before anything is asked."""
        for act in (
            lambda: put(store, key),
            lambda: store.head(key),
            lambda: store.get(key),
            lambda: store.delete([key]),
        ):
            with pytest.raises(StorageError, match="cannot be the key"):
                act()


class TestLists:
    def test_by_key_and_by_folder(self, store: Storage) -> None:
        """A listing goes by key in byte order; a prefix is a folder, with or without its slash."""
        keys = ["a-b/1", "a/1", "a/b/2", "a/b.json", "ab", "b"]
        for key in keys:
            put(store, key)
        assert listed(store) == sorted(keys)
        assert listed(store, "a") == listed(store, "a/") == ["a/1", "a/b.json", "a/b/2"]
        assert listed(store, "none") == []
        assert listed(store, "b") == []

    def test_own_state_shows_only_when_asked_for(self, store: Storage) -> None:
        """Our own state is not part of the catalog's listing."""
        put(store, "a")
        put(store, ".stacsync/lease.json")
        assert listed(store) == ["a"]
        assert listed(store, ".stacsync") == [".stacsync/lease.json"]

    @pytest.mark.parametrize("kind", ["folder", "rclone", pytest.param("ceph", marks=pytest.mark.real)])
    def test_more_than_one_page(self, kind: str, options_of: Callable[[str], StorageOptions]) -> None:
        """A listing of more than a thousand objects is whole."""
        store = open_storage(options_of(kind))
        keys = [f"n/{number:04}" for number in range(1005)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda key: put(store, key, b"1"), keys))
        assert listed(store, "n") == keys
        store.delete(keys)
        assert listed(store) == []
        store.close()


class TestDeletes:
    def test_missing_ones_are_no_error(self, store: Storage) -> None:
        """Deleting is idempotent, and touches nothing else."""
        for key in ("d/1", "d/2", "d/3"):
            put(store, key)
        store.delete(["d/1", "none", "d/2"])
        store.delete(["d/1"])
        store.delete([])
        assert listed(store) == ["d/3"]


class TestConditions:
    def test_absent(self, store: Storage) -> None:
        """What must be absent is written once."""
        store.put("c", b"1", content_type=JSON, if_absent=True)
        with pytest.raises(Conflict):
            store.put("c", b"2", content_type=JSON, if_absent=True)
        assert store.get("c") == b"1"

    def test_match(self, store: Storage) -> None:
        """What must still be as it was read is replaced once; put, head and list tell the same ETag for that."""
        first = store.put("c", b"1", content_type=JSON)
        second = store.put("c", b"2", content_type=JSON, if_match=first.etag)
        with pytest.raises(Conflict):
            store.put("c", b"3", content_type=JSON, if_match=first.etag)
        head = store.head("c")
        assert head is not None
        assert head.etag == second.etag
        store.put("c", b"4", content_type=JSON, if_match=head.etag)
        store.put("c", b"5", content_type=JSON, if_match=next(iter(store.list())).etag)
        assert store.get("c") == b"5"

    def test_match_of_a_missing_object(self, store: Storage) -> None:
        """A condition on an object that is gone is a conflict, not a write."""
        with pytest.raises(Conflict):
            store.put("gone", b"1", content_type=JSON, if_match="0" * 32)
        assert store.head("gone") is None

    def test_many_that_want_to_be_first(self, store: Storage) -> None:
        """Where the store honours conditions, exactly one of many racing writers wins."""

        def attempt(number: int) -> int:
            try:
                store.put("race", str(number).encode(), content_type=JSON, if_absent=True)
            except Conflict:
                return 0
            return 1

        honoured = store.capabilities.conditional
        with ThreadPoolExecutor(8) as pool:
            winners = sum(pool.map(attempt, range(16)))
        assert winners == 1 if honoured else winners >= 1

    def test_probing_leaves_nothing(self, store: Storage, record_property: Callable[[str, object], None]) -> None:
        """The probe's objects are gone after it."""
        found = store.capabilities
        assert store.capabilities == found
        assert listed(store, ".stacsync/probe") == []
        record_property("conditional", "honoured" if found.conditional else "not honoured")
        record_property("attributes", "kept" if found.attributes else "not kept")


class TestAttributes:
    WANTED: ClassVar = {"identity": "0123abcd", "sha256": "f" * 64, "size": "42", "title": 'Öde "Höhe" — 1'}

    def test_kept_by_every_way_of_writing(self, store: Storage) -> None:
        """Where the store keeps attributes, head tells them for each way of writing; elsewhere there are none."""
        wanted = self.WANTED
        store.put("a", b"1", content_type=JSON, attributes=wanted)
        store.put_stream("b", [noise(9 * MIB)], content_type="image/tiff", attributes=wanted)
        upload = store.upload("c", content_type="image/tiff", attributes=wanted)
        upload.put_part(1, b"tail")
        upload.complete()
        put(store, "bare")
        for key in ("a", "b", "c"):
            head = store.head(key)
            assert head is not None
            assert head.attributes == (wanted if store.capabilities.attributes else {})
        bare = store.head("bare")
        assert bare is not None
        assert bare.attributes == {}

    def test_too_many_are_refused(self, store: Storage) -> None:
        """More than a store can carry is refused with the limit named."""
        with pytest.raises(StorageError, match="1500"):
            store.put("a", b"1", content_type=JSON, attributes={"x": "y" * 1500})
        assert store.head("a") is None


class TestStreams:
    @pytest.mark.parametrize("size", [0, 1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 21 * MIB + 3])
    def test_any_length_arrives_whole(self, store: Storage, size: int) -> None:
        """A stream of unknown length is stored whole, around and across the size of a part."""
        data = noise(size)
        pieces = (data[start : start + 700_001] for start in range(0, size, 700_001))
        done = store.put_stream("s", pieces, content_type="image/tiff")
        assert done.size == size
        assert hashlib.sha256(store.get("s")).digest() == hashlib.sha256(data).digest()

    @pytest.mark.parametrize("sent", [1, 25])
    def test_a_broken_stream_leaves_nothing(self, store: Storage, sent: int) -> None:
        """When the source breaks its own error comes out, no object appears, and the old one stays."""
        put(store, "old", b"old")

        def broken() -> Iterator[bytes]:
            for _ in range(sent):
                yield bytes(MIB)
            raise ConnectionResetError("the source broke")

        for key in ("new", "old"):
            with pytest.raises(ConnectionResetError, match="the source broke"):
                store.put_stream(key, broken(), content_type="image/tiff")
        assert store.head("new") is None
        assert store.get("old") == b"old"
        assert store.sweep_uploads(set(), older_than=timedelta(seconds=-60)) == 0

    def test_memory_does_not_grow_with_the_stream(self, store: Storage) -> None:
        """A stream of 96 MiB needs memory for a few parts only."""
        store.put("warm", b"", content_type=JSON)
        tracemalloc.start()
        store.put_stream("s", (bytes(MIB) for _ in range(96)), content_type="image/tiff")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 32 * MIB
        head = store.head("s")
        assert head is not None
        assert head.size == 96 * MIB


class TestUploads:
    SIZE = 5 * MIB

    def test_goes_on_in_another_process(self, store: Storage) -> None:
        """Parts that were sent are known to whoever opens the upload by its id, and only the rest is sent."""
        data = noise(2 * self.SIZE + 17)
        first = store.upload("big", content_type="image/tiff", part_size=self.SIZE)
        sent = first.put_part(1, data[: self.SIZE])
        assert store.head("big") is None
        again = store.upload("big", content_type="image/tiff", part_size=self.SIZE, upload_id=first.id)
        assert again.id == first.id
        assert again.parts() == [sent]
        again.put_part(2, memoryview(data)[self.SIZE : 2 * self.SIZE])
        again.put_part(3, bytearray(data[2 * self.SIZE :]))
        assert [(part.number, part.size) for part in again.parts()] == [(1, self.SIZE), (2, self.SIZE), (3, 17)]
        done = again.complete()
        assert done.size == len(data)
        head = store.head("big")
        assert head is not None
        assert head.size == len(data)
        assert store.get("big") == data

    def test_parts_in_any_order_and_sent_twice(self, store: Storage) -> None:
        """Parts may come from several threads, out of order, and again."""
        data = noise(3 * self.SIZE)
        upload = store.upload("big", content_type="image/tiff", part_size=self.SIZE)

        def send(number: int) -> None:
            upload.put_part(number, data[(number - 1) * self.SIZE : number * self.SIZE])

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(send, [2, 1, 3, 1]))
        upload.complete()
        assert store.get("big") == data

    def test_an_unknown_id_begins_anew(self, store: Storage) -> None:
        """An upload that the store no longer knows begins anew, and its id says so."""
        first = store.upload("big", content_type="image/tiff")
        first.abort()
        first.abort()
        again = store.upload("big", content_type="image/tiff", upload_id=first.id)
        assert again.id != first.id
        assert again.parts() == []
        again.abort()

    def test_a_missing_part_is_no_object(self, store: Storage) -> None:
        """An upload with a hole is not completed."""
        upload = store.upload("big", content_type="image/tiff", part_size=self.SIZE)
        upload.put_part(2, b"tail")
        with pytest.raises(StorageError, match="missing"):
            upload.complete()
        assert store.head("big") is None
        upload.abort()

    def test_nothing_sent_is_an_empty_object(self, store: Storage) -> None:
        """An upload without any byte completes to an empty object."""
        done = store.upload("none", content_type="image/tiff").complete()
        assert done.size == 0
        assert store.get("none") == b""

    def test_sweep_takes_what_is_old_and_not_kept(self, store: Storage) -> None:
        """Uploads in progress stay by id or by age; others below the root go, and those elsewhere are not ours."""
        kept = store.upload("kept", content_type="image/tiff", part_size=self.SIZE)
        kept.put_part(1, b"x")
        lost = store.upload("lost", content_type="image/tiff")
        assert store.sweep_uploads({kept.id}, older_than=timedelta(days=36_500)) == 0
        assert store.sweep_uploads({kept.id}, older_than=timedelta(seconds=-60)) == 1
        assert store.upload("lost", content_type="image/tiff", upload_id=lost.id).id != lost.id
        kept.complete()
        assert store.get("kept") == b"x"
        store.sweep_uploads(set(), older_than=timedelta(seconds=-60))


class TestProbe:
    def test_a_good_store(self, store: Storage) -> None:
        """A store with all rights passes each step, says what it honours, and holds nothing afterwards."""
        lines = store.probe()
        assert [line.ok for line in lines] == [True] * 4
        assert all(store.url in line.subject for line in lines)
        assert ("not honoured" in lines[-1].message) != store.capabilities.conditional
        assert listed(store, ".stacsync") == listed(store) == []
