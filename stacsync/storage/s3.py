"""A catalog in a bucket (`s3://bucket/prefix`), at AWS or any service that speaks S3.

Small objects and unbroken streams go through obstore's synchronous calls, uploads that must outlive the process through
`s3_uploads`. Conditions are trusted only after a probe saw the service honour them: some ignore them without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

import obstore

from stacsync.errors import Conflict, StorageError
from stacsync.provider import CheckLine, SourceStore
from stacsync.storage import s3_copies, s3_reading, s3_uploads
from stacsync.storage.contract import (
    ASSET_CACHE,
    DOCUMENT_CACHE,
    PART_SIZE,
    SWEEP_AGE,
    Capabilities,
    StoredObject,
    Upload,
)
from stacsync.storage.faults import Fault, Refusal
from stacsync.storage.keys import checked, folder, hidden, pack, unpack, valid
from stacsync.storage.probe import check_lines
from stacsync.storage.s3_access import Access
from stacsync.storage.s3_objects import object_store, told
from stacsync.storage.s3_probe import Honours, find_out
from stacsync.storage.s3_reading import bare
from stacsync.storage.s3_streams import Counted

_IN_FLIGHT = 2


class S3Storage:
    """`Storage` below `prefix` of a bucket that exists."""

    def __init__(self, access: Access, bucket: str, prefix: str, *, clock: Callable[[], datetime]) -> None:
        self._access = access
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._clock = clock
        self._objects = object_store(access, bucket, prefix)
        self._lock = Lock()
        self._honours: Honours | None = None
        self._bucket_seen = False
        self._closed: set[str] = set()  # buckets that we cannot copy from

    @property
    def url(self) -> str:
        """Return the store's URL."""
        return self._access.url

    @property
    def capabilities(self) -> Capabilities:
        """Return what the service honours. Raises `StorageError`."""
        return self._honoured().capabilities

    def _honoured(self) -> Honours:
        with self._lock:
            if self._honours is None:
                self._honours = self._access.persistently(self._probed, "probe the bucket", _dropped)
            return self._honours

    def _probed(self) -> Honours:
        with told(self._access, "probe the bucket"):
            return find_out(self._objects(0))

    def _check_bucket(self) -> None:
        """Tell a missing bucket from a missing object, once: S3 answers both alike to HEAD."""
        if not self._bucket_seen:
            try:
                self._access.ask("head_bucket", "look at the bucket", Bucket=self._bucket)
            except KeyError:
                raise self._access.refusal(Fault("NoSuchBucket", 404), "look at the bucket") from None
            except Refusal as error:
                if error.fault.status != 403:  # forbidden to look, so it is there
                    raise
            self._bucket_seen = True

    def _place(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + checked(key)}

    def head(self, key: str) -> StoredObject | None:
        """Return the object's facts, or None when there is no such object."""
        try:
            with told(self._access, f"look at {key}", key):
                found = obstore.get(self._objects(0), checked(key), options={"head": True})
        except KeyError:
            self._check_bucket()
            return None
        except Refusal as refusal:
            if refusal.fault.status == 403:  # to HEAD no service says why; asked with a body it names its reason
                self._ask_why(key)
            raise
        meta, headers = found.meta, found.attributes
        return StoredObject(
            key=key,
            size=meta["size"],
            etag=bare(meta["e_tag"]),
            attributes=unpack(headers.get("stacsync")),
            modified=meta["last_modified"],
        )

    def _ask_why(self, key: str) -> None:
        """Raise the refusal with its reason, if reading is refused as well."""
        with suppress(KeyError):
            self.get_range(key, 0, 1)

    def get(self, key: str) -> bytes:
        """Return the whole object. Raises `KeyError`."""
        with told(self._access, f"read {key}", key):
            return bytes(obstore.get(self._objects(PART_SIZE), checked(key)).bytes())

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return up to `length` bytes from `start`. Raises `KeyError`."""
        place = self._place(key)
        return s3_reading.read_range(self._access, place["Bucket"], place["Key"], start, length)

    def stream(self, key: str) -> Iterator[bytes]:
        """Yield the object in pieces, over broken connections. Raises `KeyError`, `Conflict`."""
        place = self._place(key)
        return s3_reading.read_stream(self._access, place["Bucket"], place["Key"], changed=Conflict)

    def put(
        self,
        key: str,
        data: bytes | memoryview,
        *,
        content_type: str,
        cache_control: str | None = None,
        if_absent: bool = False,
        if_match: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> StoredObject:
        """Store an object in one request. Raises `Conflict`."""
        mode: Any = None
        if if_absent or if_match is not None:
            honours = self._honoured()
            if honours.capabilities.conditional:
                mode = "create" if if_absent else {"e_tag": honours.quoted(if_match or "")}
            else:
                self._check_first(key, if_match)
        headers = _headers(content_type, cache_control or DOCUMENT_CACHE, attributes)
        doing = f"write {key}"

        def attempt() -> Any:
            with told(self._access, doing):
                return obstore.put(
                    self._objects(len(data)),
                    checked(key),
                    data,
                    attributes=_for_obstore(headers),
                    mode=mode,
                    use_multipart=False,
                )

        # A write under a condition is not repeated by obstore when its connection breaks. If it was done all the same,
        # repeating it is a Conflict, which callers resolve by looking.
        done = self._access.persistently(attempt, doing, _dropped) if mode else attempt()
        return StoredObject(key=key, size=len(data), etag=bare(done["e_tag"]), attributes=dict(attributes or {}))

    def _check_first(self, key: str, if_match: str | None) -> None:
        now = self.head(key)
        if if_match is None and now is not None:
            raise Conflict(f"{self.url}: there already is a {key}")
        if if_match is not None and (now is None or now.etag != bare(if_match)):
            raise Conflict(f"{self.url}: {key} is not what it was when it was read")

    def put_stream(
        self,
        key: str,
        chunks: Iterable[bytes],
        *,
        content_type: str,
        cache_control: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> StoredObject:
        """Store a stream: one request when it is short, else in parts, which are dropped again when it breaks."""
        cache = cache_control or ASSET_CACHE
        name, headers = checked(key), _headers(content_type, cache, attributes)
        pieces = Counted(chunks, self.url)
        first = pieces.begin(PART_SIZE)
        if first is not None:
            return self.put(key, first, content_type=content_type, cache_control=cache, attributes=attributes)
        try:
            with told(self._access, f"write {key}"):
                done = obstore.put(
                    self._objects(PART_SIZE),
                    name,
                    pieces,
                    attributes=_for_obstore(headers),
                    chunk_size=PART_SIZE,
                    max_concurrency=_IN_FLIGHT,
                )
        except StorageError as error:
            raise pieces.failure or error from None
        return StoredObject(key=key, size=pieces.size, etag=bare(done["e_tag"]), attributes=dict(attributes or {}))

    def upload(
        self,
        key: str,
        *,
        content_type: str,
        part_size: int = PART_SIZE,
        upload_id: str | None = None,
        cache_control: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> Upload:
        """Begin a multipart upload, or go on with one."""
        headers = _headers(content_type, cache_control or ASSET_CACHE, attributes)
        return s3_uploads.S3Upload(
            self._access, self._place(key), key, headers, part_size=part_size, upload_id=upload_id
        )

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield the objects in a folder and below, by key; foreign ones whose names are no keys are left out."""
        inside = folder(prefix)
        for found in s3_reading.sweep(self._access, self._bucket, self._prefix + inside):
            key = found.key.removeprefix(self._prefix)
            if valid(key) and not hidden(key, inside):
                yield StoredObject(key=key, size=found.size, etag=found.etag, modified=found.modified)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects, a thousand per request where the service takes that."""
        names = [checked(key) for key in keys]
        try:
            with told(self._access, "delete objects"):
                obstore.delete(self._objects(0), names)
        except Refusal as error:
            if not (error.fault.unsupported or error.fault.missing or error.fault.status == 400):
                raise
            for name in names:
                self._delete_one(name)

    def _delete_one(self, key: str) -> None:
        try:
            self._access.ask("delete_object", f"delete {key}", **self._place(key))
        except KeyError:
            self._check_bucket()

    def may_copy(self, source: SourceStore, bucket: str) -> bool:
        """Say whether the bucket lies in the same service, and was not found closed to us."""
        return self._access.account.same_service(source.endpoint_url) and bucket not in self._closed

    def copy_from(
        self,
        source: SourceStore,
        bucket: str,
        source_key: str,
        key: str,
        *,
        content_type: str,
        cache_control: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> StoredObject | None:
        """Copy inside the service, when the source lies in the same one and our credentials may read it."""
        if not self.may_copy(source, bucket):
            return None
        headers = _headers(content_type, cache_control or ASSET_CACHE, attributes)
        origin = {"Bucket": bucket.rpartition(":")[2], "Key": source_key}
        try:
            return s3_copies.copy(self._access, origin, self._place(key), key, headers)
        except Refusal as error:
            if error.fault.status == 403 or error.fault.unsupported or error.fault.code == "NoSuchBucket":
                self._closed.add(bucket)
            return None
        except (StorageError, KeyError):
            return None

    def sweep_uploads(self, keep: set[str], *, older_than: timedelta = SWEEP_AGE) -> int:
        """Abort multipart uploads below the prefix that nobody goes on with."""
        return s3_uploads.sweep_uploads(self._access, self._bucket, self._prefix, keep, self._clock() - older_than)

    def probe(self) -> Sequence[CheckLine]:
        """Write, read and delete a small object."""
        return check_lines(self)

    def close(self) -> None:
        """Release connections."""
        self._access.close()
        self._objects = object_store(self._access, self._bucket, self._prefix.rstrip("/"))  # obstore has no close


def _dropped(fault: Fault) -> bool:
    """Say whether a connection broke before there was an answer."""
    return fault.code == "Unreachable"


def _headers(content_type: str, cache_control: str, attributes: Mapping[str, str] | None) -> dict[str, Any]:
    packed = pack(attributes)
    return {
        "ContentType": content_type,
        "CacheControl": cache_control,
        "Metadata": {"stacsync": packed} if packed else {},
    }


def _for_obstore(headers: dict[str, Any]) -> Any:
    return {"Content-Type": headers["ContentType"], "Cache-Control": headers["CacheControl"], **headers["Metadata"]}
