"""The provider of UP42's first API: lists a project's jobs, describes their archives, signs their addresses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from stacsync.errors import AssetGone, JobSkipped, JobUnusable, SignInFailed, StacsyncError, Unavailable
from stacsync.jobs import (
    AssetRecord,
    Contents,
    ItemRecord,
    JobRecord,
    JobResult,
    PackageRecord,
    Remote,
    Standing,
    identity,
)
from stacsync.logs import get_logger
from stacsync.provider import CheckLine, Context, Signed
from stacsync.providers.up42.names import text
from stacsync.providers.up42.settings import Up42Settings
from stacsync.providers.up42.v1 import tasks as steps
from stacsync.providers.up42.v1.client import GONE, Client
from stacsync.providers.up42.v1.collections import collection_record
from stacsync.providers.up42.v1.envelope import EnvelopeError
from stacsync.providers.up42.v1.items import Output, Surroundings, item_records, publishable
from stacsync.providers.up42.v1.jobs import is_finished, job_record
from stacsync.providers.up42.v1.members import wanted
from stacsync.providers.up42.v1.quicklooks import Quicklook, quicklooks
from stacsync.providers.up42.v1.tasks import Task

RESULTS = "results"
"""Id of the package that holds the job's own results; those of tasks are `task-<id>`."""
_TASK = "task-"
_NO_PICTURES = frozenset({400, 403, 404, 410})
_ENDED = 'UP42 announced the end of this API for May 2024: if it is gone, set api = "v2"'

log = get_logger(__name__)


class Up42V1:
    """One project of UP42's first API."""

    def __init__(self, settings: Up42Settings, context: Context) -> None:
        self._settings = settings
        self._name = context.name
        self._client = Client(settings, context)
        self._mark = f"{settings.grouping}/{settings.every_task}"

    def check(self) -> Iterable[CheckLine]:
        """Sign in, then list jobs."""
        try:
            self._client.auth.token()
        except StacsyncError as error:
            yield CheckLine(subject="sign-in", ok=False, message=error.message, remedy=error.remedy)
            return
        yield CheckLine(subject="sign-in", ok=True, message="signed in to the project")
        try:
            first = next(self._client.jobs(), None)
        except StacsyncError as error:
            yield CheckLine(subject="jobs", ok=False, message=error.message, remedy=error.remedy or _ENDED)
            return
        yield CheckLine(subject="jobs", ok=True, message="can list jobs" if first else "can list jobs; there are none")

    def finished_jobs(self) -> Iterator[JobRecord]:
        """Yield the jobs that succeeded; test queries among them are told as skipped."""
        try:
            for payload in self._client.jobs():
                if is_finished(payload):
                    record = job_record(payload, self._mark)
                    if record is None:
                        log.warning("job.without_id", provider=self._name)
                    else:
                        yield record
        except EnvelopeError as error:
            raise Unavailable(error.message, _ENDED if error.status in GONE else error.remedy) from None

    def describe(self, job: JobRecord) -> JobResult:
        """Tell the archives and items of `job`. Raises `JobSkipped`, `JobUnusable` or `Unavailable`."""
        if job.standing is Standing.SKIPPED:
            raise JobSkipped(job.reason)
        try:
            return self._describe(job)
        except EnvelopeError as error:
            raise _of_job(error) from None

    def sign(self, target: AssetRecord | PackageRecord, job: JobRecord, *, fresh: bool) -> Signed:
        """Return the address of an archive (signed by UP42) or of a quicklook (our token in a header)."""
        if isinstance(target, PackageRecord):
            return Signed(url=self._archive(target.id, job))
        if not isinstance(target.source, Remote):
            raise JobUnusable(f"asset {target.key!r} has no address to sign")
        if fresh:
            self._client.auth.refresh()
        return Signed(url=self._client.url(target.source.path), headers=self._client.auth.headers())

    def close(self) -> None:
        """Release connections."""
        self._client.close()

    def _describe(self, job: JobRecord) -> JobResult:
        ran = steps.tasks(self._client.data_or_none(f"{_job(job.id)}/tasks"))
        left_out: Counter[str] = Counter()
        outputs = [self._output(job, None, left_out)]
        if self._settings.every_task:
            own = steps.last(ran)
            further = [self._output(job, task, left_out) for task in ran if task.succeeded and task != own]
            outputs += [output for output in further if output.scenes != ()]
        collection = collection_record(job, self._name, self._settings.grouping)
        around = Surroundings(collection=collection.id, software=steps.software(ran), pictures=self._pictures(job, ran))

        def items(contents: Contents) -> Iterable[ItemRecord]:
            return item_records(job, outputs, contents, around, left_out)

        return JobResult(
            collections=(collection,),
            items=items,
            packages=tuple(output.package for output in outputs),
            left_out=left_out,
        )

    def _output(self, job: JobRecord, task: Task | None, left_out: Counter[str]) -> Output:
        """Return what the job or one of its tasks put out: all of it is wanted when only the archive tells what it is."""
        where = f"{_job(job.id)}/tasks/{quote(task.id, safe='')}" if task else _job(job.id)
        document = self._client.collection(f"{where}/outputs/data-json")
        found = None if document is None else publishable(document, task, left_out)
        unwanted: set[str] = set()
        paths = [path for scene in found or () for path in scene.paths]
        package = PackageRecord(
            id=f"{_TASK}{task.id}" if task else RESULTS,
            identity=identity("up42-v1", job.id, job.finished, task.id if task else None),
            wants=(lambda _: True) if found is None else wanted(paths, unwanted),
        )
        return Output(package=package, task=task, scenes=found, unwanted=unwanted)

    def _pictures(self, job: JobRecord, ran: tuple[Task, ...]) -> list[Quicklook]:
        """Return the quicklooks of every data task; having none is usual."""
        found: list[Quicklook] = []
        for task in ran:
            if task.is_data:
                path = f"{_job(job.id)}/tasks/{quote(task.id, safe='')}/outputs/quicklooks"
                found += quicklooks(task.id, self._client.data_or_none(path, _NO_PICTURES))
        return found

    def _archive(self, package: str, job: JobRecord) -> str:
        task = package.removeprefix(_TASK) if package != RESULTS else None
        where = f"{_job(job.id)}/tasks/{quote(task, safe='')}" if task else _job(job.id)
        try:
            answer = self._client.data(f"{where}/downloads/results")
        except EnvelopeError as error:
            raise _of_job(error, gone=AssetGone) from None
        url = text(answer.get("url")) if isinstance(answer, dict) else None
        if url is None or not url.lower().startswith(("http://", "https://")):
            raise JobUnusable("UP42 gives no address for the job's archive", "look at the job's results at UP42")
        return url


def _job(job_id: str) -> str:
    return f"jobs/{quote(job_id, safe='')}"


def _of_job(error: EnvelopeError, gone: type[JobUnusable] = JobUnusable) -> StacsyncError:
    """Return what an error means for one job: a refusal (4xx) is its own, anything else the provider's."""
    if error.status == 401:
        return SignInFailed(error.message, "check project_id and project_api_key")
    if error.status in GONE:
        return gone(error.message, "UP42 no longer has these results")
    if error.status is not None and 400 <= error.status < 500 and error.status not in {408, 425, 429}:
        return JobUnusable(error.message, "the project key may lack the right to these results")
    return Unavailable(error.message, "try again later")
