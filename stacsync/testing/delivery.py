# ruff: noqa: S101  # a failed fetch is a failed test
"""Fetching and unpacking in memory: what the mirror does on its way to a store, for small test deliveries."""

from __future__ import annotations

import io
import mimetypes
import tarfile
import zipfile
from collections.abc import Iterator
from hashlib import sha256

import requests

from stacsync.jobs import MemberFact, PackageRecord
from stacsync.provider import Signed

HEAD = 64 * 1024
WHOLE = 4 * 1024 * 1024
TEXTS = (".json", ".geojson", ".xml", ".txt", ".csv")


def fetch(signed: Signed) -> bytes:
    """Return the bytes behind a signed address. Fails the test when it does not work."""
    answer = requests.request(signed.method, signed.url, headers=dict(signed.headers), timeout=30)
    assert answer.status_code == 200, f"a signed address answers {answer.status_code}"
    return answer.content


def unpack(package: PackageRecord, data: bytes) -> tuple[MemberFact, ...]:
    """Return the wanted members of a tar, zip or single file, sorted by path."""
    found = ((path.removeprefix("./"), content) for path, content in _members(package, data))
    facts = [_fact(package, path, content) for path, content in found if package.wants(path)]
    return tuple(sorted(facts, key=lambda fact: fact.path))


def _members(package: PackageRecord, data: bytes) -> Iterator[tuple[str, bytes]]:
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as zipped:
            yield from ((entry.filename, zipped.read(entry)) for entry in zipped.infolist() if not entry.is_dir())
        return
    try:
        archive = tarfile.open(fileobj=io.BytesIO(data))  # noqa: SIM115  # closed below
    except tarfile.ReadError:
        yield package.id, data
        return
    with archive:
        for entry in archive:
            file = archive.extractfile(entry) if entry.isfile() else None
            if file is not None:
                yield entry.name, file.read()


def _fact(package: PackageRecord, path: str, content: bytes) -> MemberFact:
    text = path.lower().endswith(TEXTS)
    return MemberFact(
        path=path,
        key=f"packages/{package.id}/{path}",
        size=len(content),
        sha256=sha256(content).hexdigest(),
        media_type=mimetypes.guess_type(path)[0],
        head=content[: WHOLE if text else HEAD],
    )
