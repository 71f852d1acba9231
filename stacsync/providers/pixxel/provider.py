"""The provider: listing, describing, asking for packages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

from stacsync.errors import JobUnusable, StacsyncError
from stacsync.http import HttpError, Session
from stacsync.jobs import AssetRecord, Contents, ItemRecord, JobRecord, JobResult, LinkRecord, PackageRecord, identity
from stacsync.provider import CheckLine, Context, Signed
from stacsync.providers.pixxel import area, collections, imagery, inside, tasks
from stacsync.providers.pixxel.inside import Setting
from stacsync.providers.pixxel.listing import Account, Workflow, workflow_of
from stacsync.providers.pixxel.package import Ask, Packages
from stacsync.providers.pixxel.settings import PixxelSettings
from stacsync.providers.pixxel.wanted import Wanted
from stacsync.providers.pixxel.words import Vocabulary

WHOLE = "job"
MOST_SCENES, MOST_AREAS = 20, 5
_LOOK_AWAY = (400, 403, 404, 405, 410, 422)


class _Key:
    """The API key as a header; there is no way to get a new one."""

    def __init__(self, settings: PixxelSettings) -> None:
        self._secret = settings.api_key
        self._raw = settings.auth_scheme == "raw"

    def headers(self) -> Mapping[str, str]:
        key = self._secret.get_secret_value().strip()
        # A key that was copied with its scheme is sent as it is.
        return {"Authorization": key if self._raw or " " in key else f"Bearer {key}"}

    def refresh(self) -> bool:
        return False


class Pixxel:
    """One account."""

    def __init__(self, settings: PixxelSettings, context: Context) -> None:
        """Connect to nothing yet."""
        self._settings = settings
        self._name = context.name
        self._session = Session(settings.url, context=context, auth=_Key(settings))
        self._vocabulary = Vocabulary(settings.done_statuses)
        self._packages = Packages(
            self._session, context, self._vocabulary, settings.package_attempts, settings.package_retry
        )

    def check(self) -> Iterable[CheckLine]:
        """Sign in and read the jobs of every workflow."""
        account = self._account()
        try:
            found = list(account.workflows())
            readable = [workflow for workflow in found if account.jobs(workflow) is not None]
        except StacsyncError as error:
            remedy = error.remedy or "check api_key, auth_scheme and url"
            return [CheckLine(subject="workflows", ok=False, message=error.message, remedy=remedy)]
        if not readable:
            what = "this API key may read no workflow" if found or account.forbidden else "there is no workflow yet"
            remedy = "give the key's owner access to a project, or check auth_scheme"
            return [CheckLine(subject="workflows", ok=False, message=what, remedy=remedy)]
        refused = f"; forbidden and left out: {', '.join(account.forbidden)}" if account.forbidden else ""
        return [CheckLine(subject="workflows", ok=True, message=f"{len(readable)} to be read{refused}")]

    def finished_jobs(self) -> Iterator[JobRecord]:
        """Yield the finished jobs of every workflow, then delivered imagery where it is wanted."""
        yield from self._account().finished_jobs()
        if self._settings.imagery:
            yield from imagery.delivered(self._session, self._vocabulary)

    def describe(self, job: JobRecord) -> JobResult:
        """Tell what a job delivered; its package is asked for when its bytes are wanted (`sign`)."""
        wanted = Wanted(self._settings.package_include, self._settings.package_exclude)
        if imagery.is_imagery(job):
            settings = [self._image(job)]
            collection = collections.of_imagery(self._name, job)
        else:
            collection = collections.of_workflow(self._name, workflow_of(job))
            settings = self._packed(job, workflow_of(job), collection.id, wanted)
        return JobResult(
            collections=(collection,),
            items=partial(_items, settings),
            complete=not job.details.get("partly"),
            left_out=wanted.left_out,
            packages=tuple(PackageRecord(id=one.package, identity=one.source, wants=wanted) for one in settings),
        )

    def sign(self, target: AssetRecord | PackageRecord, job: JobRecord, *, fresh: bool) -> Signed:
        """Return the address of a package, asked for now: it may stay valid for a moment only."""
        if isinstance(target, AssetRecord):
            raise JobUnusable(f"{target.key} lies in a package")
        ask = imagery.ask(job) if imagery.is_imagery(job) else _ask(job, target.id)
        return self._packages.signed(f"package:{job.id}:{target.id}", ask, fresh=fresh)

    def close(self) -> None:
        """Release connections."""
        self._session.close()

    def _account(self) -> Account:
        return Account(self._session, self._vocabulary, self._settings.workflows)

    def _image(self, job: JobRecord) -> Setting:
        return Setting(
            job=job,
            collection=collections.of_imagery(self._name, job).id,
            item=job.id,
            title=job.title,
            package=WHOLE,
            source=self._source(job, WHOLE),
            stac=job.details["imagery"],
        )

    def _packed(self, job: JobRecord, workflow: Workflow, collection: str, wanted: Wanted) -> list[Setting]:
        detail = self._detail(job)
        read = area.inputs(detail)
        looked = self._area(read)
        told = tasks.outputs(detail)
        properties = {
            "pixxel:workflow_id": workflow.id,
            "pixxel:status": "partial" if job.details.get("partly") else None,
            "processing:software": tasks.software(detail),
        }
        return [
            Setting(
                job=job,
                collection=collection,
                item=job.id if package == WHOLE else f"{job.id}-{package}",
                title=" ".join(part for part in (job.title, title) if part) or None,
                package=package,
                source=self._source(job, package),
                area=looked,
                outputs=told,
                links=tuple(LinkRecord("derived_from", url, "application/geo+json") for url in read.scenes),
                properties={name: value for name, value in properties.items() if value},
                job_id=job.id,
            )
            for package, title in self._chosen(detail, wanted).items()
        ]

    def _chosen(self, detail: Mapping[str, Any], wanted: Wanted) -> dict[str, str]:
        """Return the packages to take by id, with what their titles add to the job's."""
        if self._settings.granularity == "job":
            return {WHOLE: ""}
        found = tasks.finished(detail, self._vocabulary)
        if not found:
            raise JobUnusable("none of its tasks has results", 'set granularity = "job" for this provider')
        wanted.leave("tasks without results", len(tasks.tasks(detail)) - len(found))
        return found

    def _source(self, job: JobRecord, package: str) -> str:
        return identity("pixxel", urlsplit(self._settings.url).netloc, job.id, package, job.fingerprint)

    def _detail(self, job: JobRecord) -> Mapping[str, Any]:
        try:
            found = self._session.get_json(_path(job))
        except HttpError as error:
            if error.status in (400, 403, 404, 500):
                raise JobUnusable(f"its page cannot be read: {error.message}", error.remedy) from None
            raise
        page = found if isinstance(found, Mapping) else {}
        if page.get("error") and "id" not in page:
            raise JobUnusable("its page cannot be read: it holds an error alone", "the next pass asks again")
        return page

    def _area(self, told: area.Inputs) -> area.Area:
        """Look up where and when a job looked: its input scenes, else its area of interest; nothing of it must be there."""
        paths = [path for url in told.scenes[:MOST_SCENES] if (path := area.archive_path(url)) is not None]
        scenes = [found for path in paths if (found := self._looked_up(path)) is not None]
        seen = area.of_scenes(scenes)
        geometry, source = seen.geometry, seen.geometry_source
        if geometry is None:
            geometry = told.drawn or self._drawn(told.areas)
            source = area.AOI if geometry is not None else None
        dated = seen.start is not None
        return area.Area(
            geometry=geometry,
            geometry_source=source,
            start=seen.start if dated else told.start,
            end=seen.end if dated else told.end,
            datetime_source=seen.datetime_source or area.INPUTS,
        )

    def _drawn(self, areas: Iterable[str]) -> dict[str, Any] | None:
        for key in list(areas)[:MOST_AREAS]:
            answer = self._looked_up(f"/v0/aoi/{quote(key, safe='')}")
            found = None if answer is None else area.of_aoi(answer)
            if found is not None:
                return found
        return None

    def _looked_up(self, path: str) -> Mapping[str, Any] | None:
        found = self._session.get_json(path, accept_statuses=_LOOK_AWAY)
        return found if isinstance(found, Mapping) else None


def _path(job: JobRecord) -> str:
    return f"/v0/workflows/{quote(workflow_of(job).id, safe='')}/jobs/{quote(job.id, safe='')}"


def _ask(job: JobRecord, package: str) -> Ask:
    task = "" if package == WHOLE else f"/tasks/{quote(package, safe='')}"
    return Ask("PUT", f"{_path(job)}{task}/download")


def _items(settings: list[Setting], contents: Contents) -> Iterator[ItemRecord]:
    for setting in settings:
        yield from inside.items(setting, contents.get(setting.package, ()))


def connect(settings: PixxelSettings, context: Context) -> Pixxel:
    """Return the provider of one account."""
    return Pixxel(settings, context)
