"""The provider of UP42's API of today: lists processing jobs, describes their items, signs one asset at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain

from stacsync.errors import AssetGone, JobNotReady, JobSkipped, JobUnusable, SignInFailed, StacsyncError, Unavailable
from stacsync.http import HttpError, Session, pages
from stacsync.http.oauth import TokenEndpoint, password
from stacsync.jobs import JSON, AssetRecord, Contents, ItemRecord, JobRecord, JobResult, PackageRecord, Remote, Standing
from stacsync.logs import get_logger
from stacsync.provider import CheckLine, Context, Signed
from stacsync.providers.up42.names import text
from stacsync.providers.up42.settings import CLIENT_ID, Up42Settings
from stacsync.providers.up42.v2.addresses import own
from stacsync.providers.up42.v2.assets import DOWNLOAD
from stacsync.providers.up42.v2.collections import collection_record, original_records
from stacsync.providers.up42.v2.items import OF_ANOTHER_JOB, belongs, item_record
from stacsync.providers.up42.v2.jobs import ENDED, FINISHED, UNDER_WAY, facts_of, job_record, status
from stacsync.providers.up42.v2.storage import Storage

JOBS = "/v2/processing/jobs"
_KNOWN = ENDED | UNDER_WAY | frozenset(FINISHED)

log = get_logger(__name__)


class Up42V2:
    """One UP42 account."""

    def __init__(self, settings: Up42Settings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._anonymous = Session(settings.token_url, context=context, trusted=settings.trusted_hosts)
        endpoint = TokenEndpoint(self._anonymous, settings.token_url, settings.client_id or CLIENT_ID)
        secret = settings.password.get_secret_value() if settings.password else ""
        self._auth = password(endpoint, settings.username or "", secret)
        self._session = Session(
            settings.url, context=context, auth=self._auth, timeout=(10, 120), trusted=settings.trusted_hosts
        )
        self._storage = Storage(self._session, settings.stac_path)
        self._mark = f"{settings.grouping}/{settings.originals}"
        self._unknown: set[str] = set()

    def check(self) -> Iterable[CheckLine]:
        """Sign in, list jobs, open the STAC storage."""
        try:
            self._auth.token()
        except StacsyncError as error:
            yield CheckLine(subject="sign-in", ok=False, message=error.message, remedy=error.remedy)
            return
        yield CheckLine(subject="sign-in", ok=True, message="signed in")
        for subject, probe in (("jobs", self._probe_jobs), ("storage", self._probe_storage)):
            try:
                yield CheckLine(subject=subject, ok=True, message=probe())
            except StacsyncError as error:
                yield CheckLine(subject=subject, ok=False, message=error.message, remedy=error.remedy)

    def finished_jobs(self) -> Iterator[JobRecord]:
        """Yield the jobs that were delivered, the first created first; those without results are told as skipped."""
        seen: set[str] = set()
        for payload in chain.from_iterable(self._job_pages()):
            if not self._is_finished(payload):
                continue
            record = job_record(payload, self._mark)
            if record is None:
                log.warning("job.without_id", provider=self._context.name)
            elif record.id not in seen:
                seen.add(record.id)
                yield record

    def describe(self, job: JobRecord) -> JobResult:
        """Tell the items of `job`. Raises `JobSkipped`, `JobNotReady`, `JobUnusable` or `Unavailable`."""
        if job.standing is Standing.SKIPPED:
            raise JobSkipped(job.reason)
        left_out: Counter[str] = Counter()
        found = self._items(job, left_out)
        first = next(found, None)
        if first is None:
            raise self._empty(job)
        settings, base = self._settings, self._session.base_url
        source = self._source(job)
        originals = original_records(source, job, base, settings.grouping, left_out) if settings.originals else ()
        collection = collection_record(
            job, source, provider=self._context.name, grouping=settings.grouping, originals=originals
        )

        def items(_: Contents) -> Iterator[ItemRecord]:
            records = (item_record(item, job, collection.id, base, left_out) for item in chain([first], found))
            return (record for record in records if record is not None)

        return JobResult(collections=(collection,), items=items, left_out=left_out)

    def sign(self, target: AssetRecord | PackageRecord, job: JobRecord, *, fresh: bool) -> Signed:  # noqa: ARG002  # every address is new
        """Return an address that UP42 signed just now; good for minutes, perhaps for seconds."""
        if isinstance(target, PackageRecord) or not isinstance(target.source, Remote):
            raise JobUnusable("UP42 signs assets alone", "report it as a defect of stacsync")
        if not target.mirrored and target.href:
            return Signed(url=target.href)
        try:
            answer = self._session.post_json(f"{target.source.path}{DOWNLOAD}")
        except HttpError as error:
            raise _of_asset(error) from None
        url = text(answer.get("url")) if isinstance(answer, dict) else None
        if url is None or not url.lower().startswith(("http://", "https://")):
            raise JobUnusable(f"UP42 gives no address for the asset {target.key!r}", "look at the asset at UP42")
        return Signed(url=url)

    def close(self) -> None:
        """Release connections."""
        self._session.close()
        self._anonymous.close()

    def _job_pages(self) -> Iterator[list[JSON]]:
        base = self._session.base_url
        first = self._session.url(
            JOBS,
            {"status": ",".join(FINISHED), "sort": "created,asc", "workspaceId": self._settings.workspace_id},
        )

        def following(page: JSON) -> str | None:
            href = next((link.get("href") for link in _objects(page.get("links")) if link.get("rel") == "next"), None)
            return (own(href, base) or href) if isinstance(href, str) and href else None

        for page in pages(first, self._page, following):
            yield _objects(page["jobs"])

    def _page(self, url: str) -> JSON:
        page = self._session.get_json(url)
        if not isinstance(page, dict) or not isinstance(page.get("jobs"), list):
            raise Unavailable("UP42 answers a listing of jobs with something else", "check the configured url")
        return page

    def _is_finished(self, payload: JSON) -> bool:
        value = status(payload)
        if value not in _KNOWN and value not in self._unknown:
            self._unknown.add(value)
            log.warning("job.unknown_status", provider=self._context.name, status=value)
        return value in FINISHED

    def _items(self, job: JobRecord, left_out: Counter[str]) -> Iterator[JSON]:
        seen: set[str] = set()
        for item in self._storage.items(job.id):
            key = str(item.get("id")) if isinstance(item, dict) else ""
            if not belongs(item, job):
                left_out[OF_ANOTHER_JOB] += 1
            elif not key or key not in seen:
                seen.add(key)
                yield item

    def _empty(self, job: JobRecord) -> StacsyncError:
        """Return what a job without items means: UP42 may still be reading its files, or it never will."""
        since = job.finished or job.updated or job.created
        patience = self._settings.give_up_after
        if since is not None and self._context.clock() - since > patience:
            return JobSkipped(f"its collection is still empty {patience.total_seconds() / 86400:g} days after its end")
        return JobNotReady(
            "its collection is still empty", "UP42 reads delivered files for a while before it lists them"
        )

    def _source(self, job: JobRecord) -> JSON | None:
        """Return the source Collection, None when UP42 does not show it: the items stand for themselves."""
        address = own(facts_of(job).collection or "", self._session.base_url)
        try:
            found = self._session.get_json(address) if address else None
        except HttpError as error:
            if isinstance(error, SignInFailed) or not _is_refusal(error.status):
                raise
            return None
        return found if isinstance(found, dict) else None

    def _probe_jobs(self) -> str:
        return "can list jobs" if next(self._job_pages(), None) else "can list jobs; there are none"

    def _probe_storage(self) -> str:
        return f"can open {self._storage.probe()}"


def _objects(value: object) -> list[JSON]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _is_refusal(status: int) -> bool:
    """Tell whether a status refuses this one request for good, rather than all of them for now."""
    return 400 <= status < 500 and status not in {408, 425, 429}


def _of_asset(error: HttpError) -> StacsyncError:
    """Return what a refused signature means: 404 and 410 that the asset is gone, other refusals that it is not ours."""
    if isinstance(error, SignInFailed) or not _is_refusal(error.status):
        return error
    if error.status in {404, 410}:
        return AssetGone("UP42 no longer has this asset", "it may have been deleted from the storage")
    return JobUnusable(f"UP42 refuses to hand out an asset: {error.message}", "the account may lack the right to it")
