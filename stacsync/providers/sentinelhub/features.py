"""Describing a version 2 task: its manifest and execution database out of the bucket, an Item per delivered feature."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stacsync.errors import JobNotReady, JobSkipped, JobUnusable
from stacsync.jobs import Contents, ItemRecord, JobRecord, JobResult
from stacsync.providers.sentinelhub import records, stores, tasks_v2
from stacsync.providers.sentinelhub.bucket import Bucket, Denied
from stacsync.providers.sentinelhub.deliveries import Delivery
from stacsync.providers.sentinelhub.facts import mapping
from stacsync.providers.sentinelhub.locations import Address, address, own_folders, template
from stacsync.providers.sentinelhub.manifest import DELIVERED, PENDING, Manifest
from stacsync.providers.sentinelhub.reading import Reading
from stacsync.providers.sentinelhub.workplace import Workplace

_MANIFEST, _EXECUTION = "featureManifest-{}.gpkg", "execution-{}.sqlite"


def describe(reading: Reading, job: JobRecord) -> JobResult:
    """Tell what a task delivered. Raises `JobUnusable`, `JobNotReady`, `JobSkipped` or `Unavailable`."""
    task = _task(reading, job)
    results = reading.results(job, tasks_v2.request_facts(task))
    url = tasks_v2.delivery_url(task)
    place = Workplace()
    try:
        if tasks_v2.is_zarr(task):
            return _store(reading, results, task, url, place)
        return _features(reading, results, task, url, place)
    except BaseException:
        place.close()
        raise


def _task(reading: Reading, job: JobRecord) -> Mapping[str, Any]:
    """Return the task as the listing told it; one that was listed without its request is asked for."""
    task = mapping(job.details.get("task"))
    return task if mapping(task.get("request")) else reading.client.request(job.id)


def _features(
    reading: Reading, results: records.Results, task: Mapping[str, Any], url: str, place: Workplace
) -> JobResult:
    job = results.job
    done = tasks_v2.complete(task)
    manifest = _manifest(reading.bucket(address(url).bucket), url, job.id, place, done=done)
    counts = manifest.counts()
    if done and counts.get(PENDING):
        raise JobNotReady(
            f"the execution database still says that {counts[PENDING]} features are pending",
            "it is written now and then; the next pass reads it again",
        )
    if not done and not counts.get(DELIVERED):
        raise JobSkipped("the request ended before anything was delivered")
    delivery = reading.delivery(job.fingerprint, tasks_v2.delivery_region(task))
    if not delivery.reference:
        where = template(url)
        delivery, _ = reading.swept(delivery, place, ((where.bucket, where.prefix(job.id)),))
    return JobResult(
        collections=(reading.collection(results, task),),
        items=lambda _: _items(results, manifest, delivery),
        left_out={state: count for state, count in counts.items() if state != DELIVERED},
        complete=done,
        close=place.close,
    )


def _items(results: records.Results, manifest: Manifest, delivery: Delivery) -> Iterator[ItemRecord]:
    for feature in manifest.delivered():
        yield tasks_v2.feature_item(results, feature, delivery)


def _manifest(bucket: Bucket, url: str, job_id: str, place: Workplace, *, done: bool) -> Manifest:
    """Return the task's manifest with its outcomes. Raises `JobUnusable` when one of both cannot be had."""
    folders = own_folders(url, job_id)
    found, execution = place.path("manifest.gpkg"), place.path("execution.sqlite")
    folder = _fetch(bucket, folders, _MANIFEST.format(job_id), place, found.name)
    if folder is None and not done:
        raise JobSkipped("the request ended before its features were worked out")
    if folder is None:
        raise JobUnusable(
            f"the feature manifest {_MANIFEST.format(job_id)} is not in s3://{bucket.name}/{folders[0]}",
            "without it no geometry is known; look whether it was moved or deleted",
        )
    if _fetch(bucket, (folder, *folders), _EXECUTION.format(job_id), place, execution.name) is None:
        raise JobUnusable(
            f"the execution database {_EXECUTION.format(job_id)} is not in s3://{bucket.name}/{folder}",
            "without it nobody knows which features came out well; look whether it was moved or deleted",
        )
    manifest = Manifest(found, execution)
    place.at_close(manifest.close)
    return manifest


def _fetch(bucket: Bucket, folders: tuple[str, ...], name: str, place: Workplace, as_name: str) -> str | None:
    """Download `name` from the first folder that holds it and return that folder, None when none does.

    Without the right to list, S3 refuses what is missing as it refuses what is there: the refusal is told only when no
    folder holds the file.
    """
    refusal: Denied | None = None
    for folder in dict.fromkeys(folders):
        try:
            if bucket.download(f"{folder}{name}", place.path(as_name)):
                return folder
        except Denied as problem:
            refusal = problem
    if refusal is not None:
        raise refusal
    return None


def _store(
    reading: Reading, results: records.Results, task: Mapping[str, Any], url: str, place: Workplace
) -> JobResult:
    """Describe a task that made one Zarr store; its manifest, where there is one, tells the extent."""
    bucket = reading.bucket(address(url).bucket)
    folders = own_folders(url, results.job.id)
    extent = None
    stated: tuple[Address, ...] = ()
    if _fetch(bucket, folders, _MANIFEST.format(results.job.id), place, "manifest.gpkg") is not None:
        manifest = Manifest(place.path("manifest.gpkg"), None)
        place.at_close(manifest.close)
        extent, stated = stores.from_manifest(manifest)
    delivery = reading.delivery(results.job.fingerprint, tasks_v2.delivery_region(task))
    found = stores.find(bucket, url, results.job.id, stated)
    if found is None and not tasks_v2.complete(task):
        raise JobSkipped("the request ended before anything was delivered")
    item = stores.item(results, found, extent, delivery)

    def items(_: Contents) -> tuple[ItemRecord, ...]:
        return (item,)

    return JobResult(
        collections=(reading.collection(results, task),),
        items=items,
        complete=tasks_v2.complete(task),
        close=place.close,
    )
