"""Object stores by URL: `s3://bucket/prefix` and `file:///folder`, behind one Protocol.

`contract` is what callers may rely on; `s3` and `folder` keep it; `lease` is the right to write; `source` reads the
buckets that providers deliver into.
"""

from __future__ import annotations

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

__all__ = [
    "ASSET_CACHE",
    "DOCUMENT_CACHE",
    "PART_SIZE",
    "Capabilities",
    "PartInfo",
    "Storage",
    "StoredObject",
    "Upload",
]
