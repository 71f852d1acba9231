"""The bucket that results were delivered to, read with its own credentials; every refusal says what to set.

What no right or setting reaches is `JobUnusable`; a store that is down or overloaded is `Unavailable`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from stacsync.errors import JobUnusable, StacsyncError, StorageError, Unavailable
from stacsync.providers.sentinelhub.deliveries import Seen
from stacsync.storage.s3_access import Refusal
from stacsync.storage.source import Source

_REGION = frozenset({"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "400"})
_KEYS = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "NoCredentials"})
_NO_BUCKET = frozenset({"NoSuchBucket", "InvalidBucketName"})
_DENIED = frozenset({"AccessDenied", "AllAccessDisabled"})


class Denied(JobUnusable):
    """The credentials are good, but they have no right to this."""


class Bucket:
    """One source bucket, read-only."""

    def __init__(self, source: Source, name: str) -> None:
        self._source = source
        self.name = name

    def download(self, key: str, path: Path) -> bool:
        """Write the object to `path`; False when there is none. Raises `JobUnusable` or `Unavailable`."""
        with self._told(f"s3://{self.name}/{key}"):
            try:
                self._source.download(self.name, key, path)
            except KeyError:
                return False
        return True

    def head(self, key: str) -> Seen | None:
        """Return what the store says of an object, None when there is none. Raises as `download`."""
        with self._told(f"s3://{self.name}/{key}"):
            found = self._source.head(self.name, key)
            return Seen(found.size, found.etag) if found else None

    def get(self, key: str) -> bytes:
        """Return a small object. Raises `KeyError`, else as `download`."""
        with self._told(f"s3://{self.name}/{key}"):
            return self._source.get(self.name, key)

    def objects(self, prefix: str) -> Iterator[tuple[str, Seen]]:
        """Yield every object whose key begins with `prefix`. Raises as `download`."""
        with self._told(f"s3://{self.name}/{prefix}"):
            for found in self._source.list(self.name, prefix):
                yield found.key, Seen(found.size, found.etag)

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except StorageError as problem:
            raise explained(problem, self.name, what) from None


def explained(problem: StorageError, bucket: str, what: str) -> StacsyncError:
    """Return what a refusal of the source store means, in the words of this provider's settings."""
    code = problem.fault.code if isinstance(problem, Refusal) else ""
    status = problem.fault.status if isinstance(problem, Refusal) else 0
    if code in _NO_BUCKET:
        return JobUnusable(f"the source bucket {bucket} does not exist", "check source.endpoint_url and the request")
    if code in _KEYS:
        return JobUnusable(
            f"the source bucket {bucket} does not accept the credentials",
            "correct source.access_key_id and source.secret_access_key",
        )
    if code in _REGION or status in (301, 307):
        region = problem.fault.region if isinstance(problem, Refusal) else ""
        return JobUnusable(
            f"the source bucket {bucket} lies in another region or at another endpoint",
            f"set source.region to {region or 'that of the bucket'}, and source.endpoint_url if it is not on AWS",
        )
    if code in _DENIED or status == 403:
        return Denied(
            f"no right to read {what}",
            "give the source credentials s3:GetObject and s3:ListBucket on the bucket",
        )
    return Unavailable(f"the source bucket {bucket} cannot be read: {problem.message}", "the next pass tries again")


class Listing:
    """What is known of the objects of some prefixes, on disk; one sweep instead of a question for every object."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE objects (bucket TEXT, key TEXT, size INTEGER, etag TEXT, PRIMARY KEY (bucket, key)) WITHOUT ROWID"
        )

    def add(self, bucket: str, found: Iterable[tuple[str, Seen]]) -> None:
        """Take in the objects of one bucket."""
        self._db.execute("BEGIN")
        rows = ((bucket, key, seen.size, seen.etag) for key, seen in found)
        self._db.executemany("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)", rows)
        self._db.execute("COMMIT")

    def lookup(self, bucket: str, key: str) -> Seen | None:
        """Return what was seen of one object."""
        row = self._db.execute("SELECT size, etag FROM objects WHERE bucket = ? AND key = ?", (bucket, key)).fetchone()
        return Seen(*row) if row else None

    def close(self) -> None:
        """Release the file (it is not deleted)."""
        self._db.close()
