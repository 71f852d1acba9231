"""What `stacsync check` tries: sign-in, the listing, and reading the bucket that the newest results went to."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from stacsync.errors import JobUnusable, SignInFailed, StacsyncError, Unavailable
from stacsync.provider import CheckLine
from stacsync.providers.sentinelhub import layout_v1, requests_v1, tasks_v2
from stacsync.providers.sentinelhub.bucket import Bucket
from stacsync.providers.sentinelhub.facts import mapping
from stacsync.providers.sentinelhub.locations import template
from stacsync.providers.sentinelhub.reading import Reading
from stacsync.providers.sentinelhub.redaction import cleaned

_LOOKED_AT = 100


def lines(reading: Reading) -> Iterator[CheckLine]:
    """Yield a line for each right that a pass needs; never raises for what it finds wrong."""
    try:
        seen = list(islice(reading.client.requests(), _LOOKED_AT))
    except SignInFailed as problem:
        yield _failed("sign-in", problem)
        return
    except Unavailable as problem:
        yield _failed("listing", problem)
        return
    yield CheckLine(subject="sign-in", ok=True, message="signed in")
    yield CheckLine(subject="listing", ok=True, message=f"batch requests can be listed ({_some(len(seen))})")
    places = dict.fromkeys(place for one in seen if (place := _delivered(reading, one)))
    if not places:
        yield CheckLine(subject="source bucket", ok=True, message="not tried: no request has delivered anything yet")
    buckets: dict[str, str] = {}
    for bucket, prefix in places:
        buckets.setdefault(bucket, prefix)
    for bucket, prefix in buckets.items():
        yield _readable(reading.bucket(bucket), prefix)


def _readable(bucket: Bucket, prefix: str) -> CheckLine:
    subject = f"source bucket {bucket.name}"
    try:
        first = next(bucket.objects(prefix), None)
        if first is not None:
            bucket.head(first[0])
    except StacsyncError as problem:
        return _failed(subject, problem)
    found = "can be listed and read" if first else f"can be listed; nothing lies below {prefix or 'its root'}"
    return CheckLine(subject=subject, ok=True, message=found)


def _delivered(reading: Reading, request: Any) -> tuple[str, str] | None:
    """Return the bucket and folder of a finished request, None when it is not finished or does not say."""
    stated = mapping(cleaned(request))
    try:
        if reading.settings.api == "v1":
            if not requests_v1.complete(stated):
                return None
            url = requests_v1.zarr_url(stated)
            if url is None:
                return layout_v1.layout(stated).folders(str(stated.get("id")))[0]
        elif not tasks_v2.complete(stated):
            return None
        else:
            url = tasks_v2.delivery_url(stated)
        where = template(url)
    except JobUnusable:
        return None
    return where.bucket, where.prefix(str(stated.get("id")))


def _failed(subject: str, problem: StacsyncError) -> CheckLine:
    return CheckLine(subject=subject, ok=False, message=problem.message, remedy=problem.remedy)


def _some(count: int) -> str:
    return f"{count} or more there" if count == _LOOKED_AT else f"{count} there"
