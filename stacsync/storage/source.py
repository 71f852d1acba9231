"""Reading the buckets that providers deliver into; nothing is ever written there."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from stacsync.errors import AssetChanged, StorageError
from stacsync.provider import SourceStore
from stacsync.storage import s3_reading
from stacsync.storage.contract import StoredObject
from stacsync.storage.faults import BUCKET_REGION, Refusal, region_name
from stacsync.storage.keys import unpack
from stacsync.storage.s3_access import Access, Account
from stacsync.storage.s3_reading import bare

Answer = TypeVar("Answer")


class Source:
    """A read-only S3 service. Buckets may be named `<project>:<bucket>`, as some services show them.

    Keys are taken as they are, whatever characters they hold. Missing objects are None from `head` and `KeyError` from
    the rest; whatever else is refused raises `StorageError`. Without a configured region a bucket that lies elsewhere is
    found once, by what the service says of it.
    """

    def __init__(self, access: Access, settled: Callable[[Account], Access]) -> None:
        """`settled` opens another access to the same service, for an account with a region."""
        self._access = access
        self._settled = settled
        self._lock = Lock()
        self._regions: dict[str, Access] = {}
        self._places: dict[str, Access] = {}
        self._seen: set[str] = set()

    def list(self, bucket: str, prefix: str = "") -> Iterator[StoredObject]:
        """Yield the objects whose keys begin with `prefix`, by key, without folder markers; a thousand per request."""
        where = real_bucket(bucket)
        return self._read(where, lambda access: s3_reading.sweep(access, where, prefix))

    def head(self, bucket: str, key: str) -> StoredObject | None:
        """Return an object's facts, or None when there is no such object."""
        try:
            found = self._ask("head_object", f"look at {key}", Bucket=real_bucket(bucket), Key=key)
        except KeyError:
            self._check_bucket(real_bucket(bucket))
            return None
        return StoredObject(
            key=key,
            size=int(found["ContentLength"]),
            etag=bare(found.get("ETag")),
            attributes=unpack(found.get("Metadata", {}).get("stacsync")),
            modified=found.get("LastModified"),
        )

    def _check_bucket(self, bucket: str) -> None:
        if bucket not in self._seen:
            try:
                self._ask("head_bucket", f"look at bucket {bucket}", Bucket=bucket)
            except KeyError:
                raise StorageError(
                    f"{self._access.url}: the bucket {bucket} does not exist", "correct the provider's source settings"
                ) from None
            self._seen.add(bucket)

    def get(self, bucket: str, key: str) -> bytes:
        """Return a whole (small) object. Raises `KeyError`."""
        return b"".join(self.stream(bucket, key))

    def get_range(self, bucket: str, key: str, start: int, length: int) -> bytes:
        """Return up to `length` bytes from `start`. Raises `KeyError`."""
        where = real_bucket(bucket)
        return self._at(where, lambda access: s3_reading.read_range(access, where, key, start, length))

    def stream(self, bucket: str, key: str, start: int = 0) -> Iterator[bytes]:
        """Yield an object's bytes from `start`, over broken connections. Raises `KeyError`, `AssetChanged`."""
        where = real_bucket(bucket)
        return self._read(
            where, lambda access: s3_reading.read_stream(access, where, key, start=start, changed=AssetChanged)
        )

    def download(self, bucket: str, key: str, path: Path) -> int:
        """Write an object to the file `path`, whole or not at all; return its size. Raises `KeyError`, `AssetChanged`."""
        draft = path.with_name(f".{path.name}.part")
        try:
            with draft.open("wb") as file:
                for piece in self.stream(bucket, key):
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
            draft.replace(path)
        except OSError as error:
            raise StorageError(
                f"cannot write {path}: {os.strerror(error.errno or 0)}", "make room on the local disk"
            ) from error
        finally:
            draft.unlink(missing_ok=True)
        return size

    def close(self) -> None:
        """Release connections."""
        with self._lock:
            opened = [self._access, *self._regions.values()]
            self._regions.clear()
            self._places.clear()
        for access in opened:
            access.close()

    def _ask(self, operation: str, doing: str, **parameters: Any) -> Any:
        return self._at(parameters["Bucket"], lambda access: access.ask(operation, doing, **parameters))

    def _at(self, bucket: str, ask: Callable[[Access], Answer]) -> Answer:
        """Return what `ask` gets where the bucket lies."""
        asked = self._places.get(bucket, self._access)
        try:
            return ask(asked)
        except Refusal as refusal:
            access = self._elsewhere(bucket, asked, refusal)
        return ask(access)

    def _read(self, bucket: str, open_: Callable[[Access], Iterator[Answer]]) -> Iterator[Answer]:
        """Yield what `open_` reads where the bucket lies: that is known as soon as the first piece is there."""

        def begun(access: Access) -> tuple[list[Answer], Iterator[Answer]]:
            pieces = open_(access)
            return [piece for piece in (next(pieces, None),) if piece is not None], pieces

        first, rest = self._at(bucket, begun)
        yield from first
        yield from rest

    def _elsewhere(self, bucket: str, asked: Access, refusal: Refusal) -> Access:
        """Return the access to the region that the bucket lies in, instead of the one that was asked.

        Raises `refusal` when it is nothing of regions, when a region is configured, or when nobody tells a better one.
        """
        if asked.account.region is not None or not refusal.fault.elsewhere:
            raise refusal
        if bucket in self._places:
            return self._places[bucket]
        region = refusal.fault.region or self._told(bucket)
        if not region:
            raise refusal
        with self._lock:
            access = self._regions.get(region)
            if access is None:
                access = self._settled(replace(self._access.account, region=region))
                self._regions[region] = access
            self._places[bucket] = access
        return access

    def _told(self, bucket: str) -> str:
        """Return the region of a bucket as its service tells it, empty when it does not."""
        try:
            found = self._access.ask("head_bucket", f"look at bucket {bucket}", Bucket=bucket)
        except Refusal as refusal:
            return refusal.fault.region
        except KeyError:
            return ""
        return region_name(found["ResponseMetadata"]["HTTPHeaders"].get(BUCKET_REGION))


def real_bucket(bucket: str) -> str:
    """Return the name that S3 requests take: the part after `<project>:`."""
    return bucket.rpartition(":")[2]


def open_source(
    store: SourceStore, *, ca_bundle: str | None = None, sleep: Callable[[float], None] = time.sleep
) -> Source:
    """Return the reader of a provider's buckets; nothing is asked over the network yet."""
    account = Account(
        endpoint_url=store.endpoint_url,
        region=store.region,
        access_key_id=store.access_key_id,
        secret_access_key=store.secret_access_key,
        ca_bundle=ca_bundle,
    )

    def access(settled: Account) -> Access:
        return Access(settled, store.endpoint_url or "s3://", settings="source", sleep=sleep)

    return Source(access(account), access)
