"""Resumable uploads to S3: multipart, each part put through an address signed for it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from stacsync.errors import StorageError
from stacsync.storage.contract import PartInfo, StoredObject
from stacsync.storage.faults import Refusal
from stacsync.storage.keys import unpack
from stacsync.storage.s3_access import Access
from stacsync.storage.s3_reading import bare

_UNKNOWN = frozenset({"NoSuchUpload", "NoSuchKey"})
"""How services say that they know no such upload; Ceph's gateway looks for it among its objects."""


class S3Upload:
    """`Upload` to a bucket. `headers` are the object's own: ContentType, CacheControl, Metadata."""

    def __init__(
        self,
        access: Access,
        place: dict[str, Any],
        key: str,
        headers: dict[str, Any],
        *,
        part_size: int,
        upload_id: str | None,
    ) -> None:
        self._access = access
        self._place = place
        self._headers = headers
        self.key = key
        self.part_size = part_size
        self._sent: dict[int, PartInfo] = {}
        self.id = upload_id or self._begin()
        if upload_id and not self._resume():
            self.id = self._begin()

    def _begin(self) -> str:
        self._sent = {}
        return str(self._ask("create_multipart_upload", "begin", **self._headers)["UploadId"])

    def _ask(self, operation: str, doing: str, **more: Any) -> Any:
        return self._access.ask(operation, f"{doing} the upload of {self.key}", **self._place, **more)

    def _resume(self) -> bool:
        try:
            self._sent = self._listed()
        except Refusal as error:
            if error.fault.code in _UNKNOWN or error.fault.unsupported:
                return False
            raise
        except KeyError:
            return False
        return True

    def _listed(self) -> dict[int, PartInfo]:
        pages = self._access.pages("list_parts", f"list the parts of {self.key}", **self._place, UploadId=self.id)
        rows = (row for page in pages for row in page.get("Parts", ()))
        return {row["PartNumber"]: PartInfo(row["PartNumber"], row["Size"], bare(row["ETag"]) or "") for row in rows}

    def parts(self) -> list[PartInfo]:
        """Return the parts that the store holds, by number."""
        return [self._sent[number] for number in sorted(self._sent)]

    def put_part(self, number: int, data: bytes | bytearray | memoryview) -> PartInfo:
        """Send one part."""
        response = self._access.send(
            "upload_part",
            f"write part {number} of {self.key}",
            body=data,
            **self._place,
            UploadId=self.id,
            PartNumber=number,
        )
        etag = bare(response.headers.get("ETag"))
        response.drain_conn()
        response.release_conn()
        if not etag:
            raise StorageError(f"{self._access.url}: part {number} of {self.key} got no ETag", "use another S3 server")
        part = self._sent[number] = PartInfo(number, len(data), etag)
        return part

    def complete(self) -> StoredObject:
        """Join the parts. An upload that was completed before, its answer lost on the way, is completed."""
        parts = self.parts()
        if not parts:
            self.put_part(1, b"")
            parts = self.parts()
        whole_but_last = all(part.size == self.part_size for part in parts[:-1])
        if [part.number for part in parts] != list(range(1, len(parts) + 1)) or not whole_but_last:
            raise StorageError(f"{self.key}: parts of the upload are missing", "the next pass sends them")
        size = sum(part.size for part in parts)
        named = [{"PartNumber": part.number, "ETag": f'"{part.etag}"'} for part in parts]
        try:
            done = self._ask(
                "complete_multipart_upload", "complete", UploadId=self.id, MultipartUpload={"Parts": named}
            )
            etag = bare(done.get("ETag"))
        except (Refusal, KeyError) as error:
            if isinstance(error, Refusal) and error.fault.code != "NoSuchUpload":
                raise
            etag = self._etag_of_completed(size, error)
        attributes = unpack(self._headers.get("Metadata", {}).get("stacsync"))
        return StoredObject(key=self.key, size=size, etag=etag, attributes=attributes)

    def _etag_of_completed(self, size: int, error: Exception) -> str | None:
        try:
            there = self._ask("head_object", "complete")
        except KeyError:
            there = {}
        if there.get("ContentLength") != size or there.get("Metadata", {}) != self._headers.get("Metadata", {}):
            raise StorageError(
                f"{self._access.url}: the upload of {self.key} is gone", "the next pass begins it anew"
            ) from error
        return bare(there.get("ETag"))

    def abort(self) -> None:
        """Drop the parts."""
        try:
            self._ask("abort_multipart_upload", "abort", UploadId=self.id)
        except KeyError:
            return
        except Refusal as error:
            if error.fault.code != "NoSuchUpload":
                raise


def sweep_uploads(access: Access, bucket: str, prefix: str, keep: set[str], before: datetime) -> int:
    """Abort uploads below `prefix`, begun before `before`, whose id is not in `keep`; 0 where the store lists none."""
    count = 0
    try:
        pages = list(access.pages("list_multipart_uploads", "list the uploads", Bucket=bucket, Prefix=prefix))
    except Refusal as error:
        if error.fault.unsupported:
            return 0
        raise
    for row in (row for page in pages for row in page.get("Uploads", ())):
        if row["Key"].startswith(prefix) and row["UploadId"] not in keep and row["Initiated"] < before:
            try:
                access.ask(
                    "abort_multipart_upload", "abort an upload", Bucket=bucket, Key=row["Key"], UploadId=row["UploadId"]
                )
            except KeyError:
                continue
            except Refusal as error:
                if error.fault.code != "NoSuchUpload":
                    raise
            count += 1
    return count
