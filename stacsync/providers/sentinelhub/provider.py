"""The provider: lists finished requests of one account and hands each to the description that fits it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from stacsync.errors import JobNotReady, JobUnusable
from stacsync.http import HttpError
from stacsync.jobs import AssetRecord, JobRecord, JobResult, PackageRecord, Standing
from stacsync.provider import CheckLine, Context, Signed, SourceStore
from stacsync.providers.sentinelhub import byoc, checks, features, ingested, requests_v1, tasks_v2, tiles
from stacsync.providers.sentinelhub.client import Client
from stacsync.providers.sentinelhub.facts import mapping, text
from stacsync.providers.sentinelhub.reading import Reading
from stacsync.providers.sentinelhub.settings import SentinelHubSettings
from stacsync.providers.sentinelhub.shared import SharedCollections
from stacsync.storage.source import open_source

_FED = "fed-collections"


class SentinelHub:
    """A `JobProvider` that also reads buckets; opens nothing over the network before it is asked something."""

    def __init__(self, settings: SentinelHubSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        client = Client(settings, context)
        self._reading = Reading(
            name=context.name,
            settings=settings,
            client=client,
            source=open_source(settings.source_store(), sleep=context.sleep),
            shared=SharedCollections(client, context),
        )

    def check(self) -> Iterable[CheckLine]:
        """Sign in, list, and read the bucket that results went to."""
        return checks.lines(self._reading)

    def finished_jobs(self) -> Iterator[JobRecord]:
        """Yield finished requests, oldest first, then configured batch collections that none of them feeds."""
        self._reading.shared.forget()
        fed: set[str] = set()
        for stated in self._reading.client.requests():
            job = self._record(stated)
            if job is None:
                continue
            collection = self._feeds(stated)
            if collection:
                fed.add(collection)
            yield job
        yield from self._unfed(fed)

    def describe(self, job: JobRecord) -> JobResult:
        """Tell what a request delivered, or what a batch collection holds."""
        if job.id.startswith(byoc.JOB_PREFIX):
            return ingested.describe(self._reading, job)
        if self._settings.api == "v1":
            return tiles.describe(self._reading, job)
        return features.describe(self._reading, job)

    def sign(self, target: AssetRecord | PackageRecord, job: JobRecord, *, fresh: bool) -> Signed:  # noqa: ARG002 - the contract's words
        """Refuse: every result lies in a bucket, none behind an address."""
        raise JobUnusable(
            f"results of {job.id} lie in a bucket and have no address to sign", "read them from the bucket"
        )

    def source_store(self) -> SourceStore:
        """Return how to read the bucket that results were delivered to."""
        return self._settings.source_store()

    def close(self) -> None:
        """Release connections."""
        self._reading.client.close()
        self._reading.source.close()

    def _record(self, stated: Any) -> JobRecord | None:
        if self._settings.api == "v1":
            return requests_v1.job_record(stated, self._settings.partial, self._stable)
        return tasks_v2.job_record(stated, self._settings.partial)

    def _stable(self, job_id: str, fingerprint: str) -> bool:
        """Say whether the listing before this one said the same, and remember what this one says."""
        key = f"partial:{job_id}"
        before = self._context.memory.get(key)
        if before and before.get("fingerprint") == fingerprint:
            return True
        self._context.memory.put(key, {"fingerprint": fingerprint})
        return False

    def _feeds(self, stated: Any) -> str | None:
        request = mapping(stated)
        target = request if self._settings.api == "v1" else mapping(request.get("request"))
        collection = text(mapping(target.get("output")).get("collectionId"))
        return collection if self._settings.takes_collection(collection) else None

    def _unfed(self, fed: set[str]) -> Iterator[JobRecord]:
        """Yield the configured collections that no request feeds.

        Those that one fed in an earlier pass are left alone: the service deletes old requests, and their Items would be
        published a second time.
        """
        if isinstance(self._settings.collections, str):
            return
        known = {*(self._context.memory.get(_FED) or {}).get("ids", []), *fed}
        if fed:
            self._context.memory.put(_FED, {"ids": sorted(known)})
        for collection in self._settings.collections:
            if collection in known:
                continue
            if self._settings.api == "v1":
                yield _unlisted(collection)
            else:
                yield self._collection(collection)

    def _collection(self, collection: str) -> JobRecord:
        """Return the job of a configured collection; one that cannot be asked for is refused when it is described."""
        try:
            return byoc.job_record(collection, self._reading.client.collection_tiles(collection))
        except JobNotReady:
            return byoc.job_record(collection, ())
        except HttpError as problem:
            if problem.status not in (403, 410):
                raise
            return byoc.job_record(collection, ())


def _unlisted(collection: str) -> JobRecord:
    """Return the record of a version 1 collection without requests: the service lists no tiles of it."""
    return JobRecord(
        id=f"{byoc.JOB_PREFIX}{collection}",
        fingerprint="unlisted",
        title=f"Batch collection {collection}",
        standing=Standing.SKIPPED,
        reason="no request of the listing feeds this batch collection, and version 1 lists no tiles of its own",
    )
