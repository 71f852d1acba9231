"""Reading objects of a bucket: ranges, streams that survive a broken connection, listings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import urllib3

from stacsync.errors import StacsyncError
from stacsync.storage.contract import StoredObject
from stacsync.storage.faults import Fault, Refusal, from_network
from stacsync.storage.s3_access import ATTEMPTS, Access

CHUNK = 1024 * 1024
_RANGE = re.compile(r"bytes (\d+)-")


def bare(etag: str | None) -> str | None:
    """Return an ETag without quotes: some servers give them, some do not, some compare with, some without."""
    return etag.strip('"') if etag else None


def read_range(access: Access, bucket: str, key: str, start: int, length: int) -> bytes:
    """Return up to `length` bytes from `start`, none beyond the end. Raises `KeyError`, `StorageError`."""
    if length <= 0:
        return b""
    try:
        response = _open(access, bucket, key, {"Range": f"bytes={start}-{start + length - 1}"})
    except Refusal as error:
        if error.fault.status == 416:
            return b""
        raise
    skip = start - _begins(response)
    kept = bytearray()
    try:
        for piece in response.stream(CHUNK, decode_content=False):
            kept += piece[skip:]
            skip = max(0, skip - len(piece))
            if len(kept) >= length:
                break
    except urllib3.exceptions.HTTPError as error:
        raise access.refusal(from_network(error), f"read {key}") from error
    finally:
        response.close()
    return bytes(kept[:length])


def read_stream(
    access: Access, bucket: str, key: str, *, start: int = 0, changed: Callable[[str], StacsyncError]
) -> Iterator[bytes]:
    """Yield an object's bytes from `start`; a broken connection is opened again where it broke.

    Raises `KeyError`, `StorageError`, and what `changed` makes when the object is replaced meanwhile.
    """
    position, etag, failures = start, None, 0
    while True:
        response = _open(access, bucket, key, {"Range": f"bytes={position}-"} if position else {})
        now = bare(response.headers.get("ETag"))
        if (etag is not None and now != etag) or _begins(response) != position:
            response.close()
            raise changed(f"{access.url}: {key} changed while it was being read")
        etag = now
        try:
            for piece in response.stream(CHUNK, decode_content=False):
                position += len(piece)
                failures = 0
                yield piece
            response.release_conn()
        except urllib3.exceptions.HTTPError as error:
            failures += 1
            if failures == ATTEMPTS:
                raise access.refusal(from_network(error), f"read {key}") from error
        else:
            return
        finally:
            response.close()


def _begins(response: urllib3.BaseHTTPResponse) -> int:
    """Return where in the object a body begins: some servers answer a range with the whole object, some with status 200."""
    found = _RANGE.match(response.headers.get("Content-Range", ""))
    return int(found.group(1)) if found else 0


def _open(access: Access, bucket: str, key: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
    return access.send(
        "get_object", f"read {key}", headers={"Accept-Encoding": "identity", **headers}, Bucket=bucket, Key=key
    )


def sweep(access: Access, bucket: str, prefix: str) -> Iterator[StoredObject]:
    """Yield all objects whose full key begins with `prefix`, a thousand per request; folder markers are left out.

    Raises `StorageError`; a listing that cannot be read to its end never ends early in silence.
    """
    before = None
    doing = f"list {prefix or 'the bucket'}"
    for page in access.pages("list_objects_v2", doing, Bucket=bucket, Prefix=prefix):
        rows = page.get("Contents", ())
        if rows and rows[0]["Key"] == before:
            raise access.refusal(Fault("RepeatedPage"), doing)
        before = rows[0]["Key"] if rows else None
        for row in rows:
            if not row["Key"].endswith("/"):
                etag, modified = bare(row.get("ETag")), row.get("LastModified")
                yield StoredObject(key=row["Key"], size=int(row["Size"]), etag=etag, modified=modified)
