"""Copies inside one S3 service: no byte passes through here."""

from __future__ import annotations

from typing import Any

from stacsync.errors import StorageError
from stacsync.storage.contract import StoredObject
from stacsync.storage.keys import unpack
from stacsync.storage.s3_access import Access
from stacsync.storage.s3_reading import bare

SINGLE_LIMIT = 5 * 1024**3
"""Bytes; S3 copies larger objects in parts only."""
PART = 1024**3


def copy(
    access: Access, source: dict[str, str], place: dict[str, str], key: str, headers: dict[str, Any]
) -> StoredObject | None:
    """Copy `source` to `place` (Bucket and Key each); None when it did not arrive whole. Raises `StorageError`, `KeyError`."""
    facts = access.ask("head_object", "read the source", **source)
    size, etag = int(facts["ContentLength"]), facts["ETag"]
    if size <= SINGLE_LIMIT:
        written = _whole(access, source, place, headers, etag)
    else:
        written = _parts(access, source, place, headers, etag, size)
    if int(access.ask("head_object", "read the copy", **place)["ContentLength"]) != size:
        return None
    return StoredObject(key=key, size=size, etag=bare(written), attributes=unpack(headers["Metadata"].get("stacsync")))


def _whole(
    access: Access, source: dict[str, str], place: dict[str, str], headers: dict[str, Any], etag: str
) -> str | None:
    done = access.ask(
        "copy_object",
        "copy",
        **place,
        **headers,
        CopySource=source,
        CopySourceIfMatch=etag,
        MetadataDirective="REPLACE",
    )
    found: str | None = done["CopyObjectResult"].get("ETag")
    return found


def _parts(
    access: Access, source: dict[str, str], place: dict[str, str], headers: dict[str, Any], etag: str, size: int
) -> str | None:
    upload = {
        **place,
        "UploadId": access.ask("create_multipart_upload", "begin the copy", **place, **headers)["UploadId"],
    }
    try:
        parts = []
        for number, start in enumerate(range(0, size, PART), start=1):
            piece = f"bytes={start}-{min(start + PART, size) - 1}"
            done = access.ask(
                "upload_part_copy",
                "copy a part",
                **upload,
                CopySource=source,
                CopySourceIfMatch=etag,
                CopySourceRange=piece,
                PartNumber=number,
            )
            parts.append({"PartNumber": number, "ETag": done["CopyPartResult"]["ETag"]})
        joined = access.ask(
            "complete_multipart_upload", "complete the copy", **upload, MultipartUpload={"Parts": parts}
        )
        found: str | None = joined.get("ETag")
    except (StorageError, KeyError):
        access.ask("abort_multipart_upload", "abort the copy", **upload)
        raise
    return found
