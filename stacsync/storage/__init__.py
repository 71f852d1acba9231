"""Object stores by URL: `s3://bucket/prefix` and `file:///folder`, behind one Protocol.

`contract` is what callers may rely on; `s3` and `folder` keep it; `lease` is the right to write; `source` reads the
buckets that providers deliver into.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from stacsync.storage.contract import (
    ASSET_CACHE,
    DOCUMENT_CACHE,
    PART_SIZE,
    Capabilities,
    PartInfo,
    Storage,
    StoredObject,
    Upload,
)
from stacsync.storage.options import StorageOptions, bucket_of, folder_of, scheme_of, secret_of

__all__ = [
    "ASSET_CACHE",
    "DOCUMENT_CACHE",
    "PART_SIZE",
    "Capabilities",
    "PartInfo",
    "Storage",
    "StorageOptions",
    "StoredObject",
    "Upload",
    "open_storage",
]


def _now() -> datetime:
    return datetime.now(UTC)


def open_storage(
    options: StorageOptions, *, clock: Callable[[], datetime] = _now, sleep: Callable[[float], None] = time.sleep
) -> Storage:
    """Return the store at `options.url`; nothing is read or written yet. Raises `ConfigError` for a URL that is none."""
    if scheme_of(options.url) == "file":
        from stacsync.storage.folder import FolderStorage  # noqa: PLC0415  each kind loads its own libraries only

        return FolderStorage(folder_of(options.url), clock=clock)
    from stacsync.storage.s3 import S3Storage  # noqa: PLC0415  boto3 takes half a second
    from stacsync.storage.s3_access import Access, Account  # noqa: PLC0415  the same

    bucket, prefix = bucket_of(options.url)
    account = Account(
        endpoint_url=options.endpoint_url,
        region=options.region,
        access_key_id=secret_of(options.access_key_id),
        secret_access_key=secret_of(options.secret_access_key),
        ca_bundle=str(options.ca_bundle) if options.ca_bundle else None,
    )
    access = Access(account, f"s3://{bucket}/{prefix}".rstrip("/"), sleep=sleep)
    return S3Storage(access, bucket, prefix, clock=clock)
