# ruff: noqa: S101  # asserting is what a test class is for
"""What every provider has to keep to, as a pytest class: subclass it and give it a `provider` fixture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from stacsync.errors import JobNotReady, JobSkipped, JobUnusable
from stacsync.jobs import (
    AssetRecord,
    CollectionRecord,
    Contents,
    Inline,
    ItemRecord,
    JobRecord,
    JobResult,
    Member,
    Remote,
    SourceFolder,
    SourceObject,
)
from stacsync.provider import JobProvider, ReadsBuckets
from stacsync.testing.delivery import fetch, unpack

SIGNED = re.compile(
    r"(?i)[?&](?:x-(?:amz|goog)-[a-z-]+|signature|sig|expires?|[a-z_-]*token|key|api_?key|hmac)=|\bBearer\s+\S|eyJ[\w-]{10,}\."
)
"""What signed addresses and tokens look like, wherever they turn up."""


@dataclass(frozen=True, slots=True)
class Told:
    """A job and all that was told of it."""

    job: JobRecord
    result: JobResult
    collections: tuple[CollectionRecord, ...]
    items: tuple[ItemRecord, ...]

    @property
    def assets(self) -> list[AssetRecord]:
        """All assets, of Items and Collections."""
        return [asset for assets in self.holders for asset in assets]

    @property
    def holders(self) -> list[tuple[AssetRecord, ...]]:
        """The assets of each Item and each Collection."""
        return [item.assets for item in self.items] + [collection.assets for collection in self.collections]


class ProviderTests:
    """The contract of `stacsync.provider`, as tests. A subclass needs a fixture `provider` and may set what it expects."""

    expected_jobs: ClassVar[frozenset[str] | None] = None
    """Ids of the finished jobs; None: at least one."""
    refused_jobs: ClassVar[frozenset[str]] = frozenset()
    """Ids of listed jobs that `describe` has to refuse."""
    secrets: ClassVar[tuple[str, ...]] = ()
    """Tokens, keys, user names and ids that no record may hold."""

    def test_listing_is_repeatable(self, provider: JobProvider) -> None:
        """Asking twice tells the same jobs with the same fingerprints."""
        first, second = list(provider.finished_jobs()), list(provider.finished_jobs())
        assert {job.id: job.fingerprint for job in first} == {job.id: job.fingerprint for job in second}
        assert first, "the account under test has no finished job"

    def test_listing_is_complete(self, provider: JobProvider) -> None:
        """Every expected job is there, each once, with an id and a fingerprint."""
        jobs = list(provider.finished_jobs())
        ids = [job.id for job in jobs]
        assert len(ids) == len(set(ids))
        assert all(job.id and job.fingerprint for job in jobs)
        if self.expected_jobs is not None:
            assert set(ids) == self.expected_jobs

    def test_listing_is_lazy(self, provider: JobProvider) -> None:
        """The listing can be left after its first job."""
        assert next(iter(provider.finished_jobs())).id

    def test_times_know_their_zone(self, provider: JobProvider) -> None:
        """No record holds a time without a zone."""
        jobs = list(provider.finished_jobs())
        told = list(self.told(provider))
        found: list[datetime | None] = [
            t for job in jobs for t in (job.created, job.updated, job.finished, job.expires)
        ]
        for one in told:
            for item in one.items:
                found += [item.datetime, item.start_datetime, item.end_datetime, item.created, item.updated]
            for collection in one.collections:
                found += [collection.created, *(collection.interval or ())]
        assert all(moment.tzinfo is not None for moment in found if moment is not None)

    def test_refused_jobs_say_why(self, provider: JobProvider) -> None:
        """A job that cannot be published is refused with the error that says what happens next, and with a reason."""
        jobs = {job.id: job for job in provider.finished_jobs()}
        for job_id in self.refused_jobs:
            try:
                result = provider.describe(jobs[job_id])
                items = list(result.items(self.contents(provider, jobs[job_id], result)))
            except (JobUnusable, JobSkipped, JobNotReady) as reason:
                assert reason.message  # noqa: PT017  # any of the three will do
            else:
                raise AssertionError(f"{job_id} should be refused and told {len(items)} items")

    def test_description_is_repeatable(self, provider: JobProvider) -> None:
        """Describing a job again tells the same, to the last identity."""
        for one, again in zip(self.told(provider), self.told(provider), strict=True):
            assert one.collections == again.collections
            assert one.items == again.items

    def test_items_name_their_collection(self, provider: JobProvider) -> None:
        """Every Item belongs to a Collection of the same result; ids of Items are unique within it over all jobs."""
        seen: set[tuple[str, str]] = set()
        for one in self.told(provider):
            known = {collection.id for collection in one.collections}
            for item in one.items:
                assert item.id
                assert item.collection in known
                assert (item.collection, item.id) not in seen
                seen.add((item.collection, item.id))

    def test_assets_can_be_told_apart(self, provider: JobProvider) -> None:
        """Within an Item or Collection keys are unique; over all jobs an identity stands for one source."""
        sources: dict[str, object] = {}
        for one in self.told(provider):
            for assets in one.holders:
                keys = [asset.key for asset in assets]
                assert len(keys) == len(set(keys))
            for asset in one.assets:
                assert asset.identity
                assert asset.key
                assert asset.filename or isinstance(asset.source, SourceFolder)
                source = (one.job.id, asset.source)
                assert sources.setdefault(asset.identity, source) == source

    def test_some_job_has_files(self, provider: JobProvider) -> None:
        """The account under test delivers something to mirror."""
        assert any(one.assets for one in self.told(provider))

    def test_records_hold_no_secret(self, provider: JobProvider) -> None:
        """No record shows a signature, a token or one of the named secrets."""
        shown = [repr(job) for job in provider.finished_jobs()]
        for one in self.told(provider):
            shown += [repr(one.collections), repr(one.items), repr(one.result)]
        for text in shown:
            assert not SIGNED.search(text), SIGNED.search(text)
            for secret in self.secrets:
                assert secret not in text

    def test_signed_addresses_can_be_fetched(self, provider: JobProvider) -> None:
        """Every address that is handed out works, before and after asking for a fresh one, and shows nothing in its repr."""
        for one in self.told(provider):
            for asset in one.assets:
                if not isinstance(asset.source, Remote):
                    continue
                for fresh in (False, True):
                    signed = provider.sign(asset, one.job, fresh=fresh)
                    assert signed.url not in repr(signed)
                    data = fetch(signed)
                    assert asset.size is None or len(data) == asset.size

    def test_packages_have_names(self, provider: JobProvider) -> None:
        """Packages of a job differ in id, and members name packages that are there."""
        for one in self.told(provider):
            ids = [package.id for package in one.result.packages]
            assert len(ids) == len(set(ids))
            for asset in one.assets:
                if isinstance(asset.source, Member):
                    assert asset.source.package in ids

    def test_buckets_can_be_read(self, provider: JobProvider) -> None:
        """Who names objects in buckets can say how to read them."""
        kinds = {type(asset.source) for one in self.told(provider) for asset in one.assets}
        if kinds & {SourceObject, SourceFolder}:
            assert isinstance(provider, ReadsBuckets)
            assert "secret_access_key" not in repr(provider.source_store())
        assert kinds <= {Remote, SourceObject, SourceFolder, Member, Inline}

    def test_check_is_well(self, provider: JobProvider) -> None:
        """Signing in to a working account is reported as such, without secrets."""
        lines = list(provider.check())
        assert lines
        assert all(line.ok for line in lines), lines
        assert not any(secret in repr(lines) for secret in self.secrets)

    def told(self, provider: JobProvider) -> Iterator[Told]:
        """Describe every job that is not expected to be refused, and close each description again."""
        for job in list(provider.finished_jobs()):
            if job.id in self.refused_jobs:
                continue
            result = provider.describe(job)
            try:
                items = tuple(result.items(self.contents(provider, job, result)))
                yield Told(job, result, tuple(result.collections), items)
            finally:
                result.close()

    def contents(self, provider: JobProvider, job: JobRecord, result: JobResult) -> Contents:
        """Return the wanted members of the job's packages, fetched and unpacked in memory."""
        return {
            package.id: unpack(package, fetch(provider.sign(package, job, fresh=False))) for package in result.packages
        }
