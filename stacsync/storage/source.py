"""Reading the buckets that providers deliver into; nothing is ever written there."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from stacsync.errors import AssetChanged, StorageError
from stacsync.provider import SourceStore
from stacsync.storage import s3_reading
from stacsync.storage.contract import StoredObject
from stacsync.storage.keys import unpack
from stacsync.storage.s3_access import Access, Account
from stacsync.storage.s3_reading import bare


class Source:
    """A read-only S3 service. Buckets may be named `<project>:<bucket>`, as some services show them.

    Keys are taken as they are, whatever characters they hold. Missing objects are None from `head` and `KeyError` from
    the rest; whatever else is refused raises `StorageError`.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._seen: set[str] = set()

    def list(self, bucket: str, prefix: str = "") -> Iterator[StoredObject]:
        """Yield the objects whose keys begin with `prefix`, by key, without folder markers; a thousand per request."""
        return s3_reading.sweep(self._access, real_bucket(bucket), prefix)

    def head(self, bucket: str, key: str) -> StoredObject | None:
        """Return an object's facts, or None when there is no such object."""
        try:
            found = self._access.ask("head_object", f"look at {key}", Bucket=real_bucket(bucket), Key=key)
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
                self._access.ask("head_bucket", f"look at bucket {bucket}", Bucket=bucket)
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
        return s3_reading.read_range(self._access, real_bucket(bucket), key, start, length)

    def stream(self, bucket: str, key: str, start: int = 0) -> Iterator[bytes]:
        """Yield an object's bytes from `start`, over broken connections. Raises `KeyError`, `AssetChanged`."""
        return s3_reading.read_stream(self._access, real_bucket(bucket), key, start=start, changed=AssetChanged)

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
        self._access.close()


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
    return Source(Access(account, store.endpoint_url or "s3://", settings="source", sleep=sleep))
