"""Files in the source bucket as asset records, to be copied or to be pointed at. Pure.

Copied: the mirror reads `SourceObject`. Referenced: the `s3://` address is published with the storage extension (v2.0.0:
`storage:schemes` on the item, `storage:refs` on the asset), and nothing is copied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stacsync.jobs import AssetRecord, SourceFolder, SourceObject, identity

_SCHEME = "source"
_AWS_PLATFORM = "https://{bucket}.s3.{region}.amazonaws.com"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a listing of the bucket says of one object."""

    size: int
    etag: str | None


Lookup = Callable[[str, str], Seen | None]
"""(bucket, key) -> what a listing says of it."""


def unseen(bucket: str, key: str) -> Seen | None:  # noqa: ARG001 - the answer of a listing that was never made
    """Know nothing of any object."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How the files of one job become assets."""

    provider: str
    version: str
    """Of the job's results: stands in for an object's own e-tag where no listing knows it."""
    reference: bool = False
    endpoint_url: str | None = None
    region: str | None = None
    lookup: Lookup = unseen

    def asset(
        self,
        name: str,
        place: SourceObject,
        *,
        media_type: str | None,
        roles: tuple[str, ...] = ("data",),
        etag: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> AssetRecord:
        """Return the record of one object; `etag` is what its provider says of it, if anything."""
        seen = self.lookup(place.bucket, place.key)
        marks = (seen.etag, seen.size) if seen and seen.etag else (etag or self.version, None)
        return AssetRecord(
            key=name,
            source=place,
            filename=place.key.rpartition("/")[2] or name,
            identity=identity("s3", self.endpoint_url, place.bucket, place.key, *marks),
            media_type=media_type,
            roles=roles,
            size=seen.size if seen else None,
            extra={**(extra or {}), **self._refs()},
            mirrored=not self.reference,
            href=f"s3://{place.bucket}/{place.key}" if self.reference else None,
        )

    def folder(
        self, name: str, place: SourceFolder, *, version: str, filename: str, media_type: str, extra: Mapping[str, Any]
    ) -> AssetRecord:
        """Return the record of everything below a prefix; `version` names its content."""
        return AssetRecord(
            key=name,
            source=place,
            filename=filename,
            identity=identity("s3", self.endpoint_url, place.bucket, place.prefix, version),
            media_type=media_type,
            extra={**extra, **self._refs()},
            mirrored=not self.reference,
            href=f"s3://{place.bucket}/{place.prefix}" if self.reference else None,
        )

    def properties(self, bucket: str) -> dict[str, Any]:
        """Return the item properties that say where referenced files lie; none when files are copied."""
        if not self.reference:
            return {}
        kind = {"type": "custom-s3", "platform": self.endpoint_url}
        if self.endpoint_url is None:
            kind = {"type": "aws-s3", "platform": _AWS_PLATFORM}
        return {
            "storage:schemes": {
                _SCHEME: {**kind, "bucket": bucket, **({"region": self.region} if self.region else {})},
            }
        }

    def _refs(self) -> dict[str, Any]:
        return {"storage:refs": [_SCHEME]} if self.reference else {}
