"""The provider: listing, describing, asking for packages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial
from itertools import chain
from typing import Any
from urllib.parse import quote, urlsplit

from stacsync.errors import JobUnusable, StacsyncError
from stacsync.http import HttpError, Session
from stacsync.jobs import (
    AssetRecord,
    CollectionRecord,
    Contents,
    ItemRecord,
    JobRecord,
    JobResult,
    PackageRecord,
    identity,
)
from stacsync.provider import CheckLine, Context, Signed
from stacsync.providers.pixxel import imagery, inside
from stacsync.providers.pixxel.area import Area, inputs, outline, tasks
from stacsync.providers.pixxel.listing import Workflow, finished_jobs, workflow_of, workflows
from stacsync.providers.pixxel.package import Ask, Packages
from stacsync.providers.pixxel.settings import PixxelSettings

ORGANISATION = {"name": "Pixxel", "roles": ["producer", "processor"], "url": "https://www.pixxel.space"}
WHOLE = "job"


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
        self._packages = Packages(self._session, context, settings.package_attempts)

    def check(self) -> Iterable[CheckLine]:
        """Sign in and read the workflows."""
        try:
            found = list(workflows(self._session, self._settings.workflows))
        except StacsyncError as error:
            remedy = error.remedy or "check api_key, auth_scheme and url"
            return [CheckLine(subject="workflows", ok=False, message=error.message, remedy=remedy)]
        if not found:
            remedy = "give the key's owner access to a project"
            return [CheckLine(subject="workflows", ok=False, message="this API key sees no workflow", remedy=remedy)]
        return [CheckLine(subject="workflows", ok=True, message=f"{len(found)} to be read")]

    def finished_jobs(self) -> Iterator[JobRecord]:
        """Yield the finished jobs of every workflow, then delivered imagery where it is wanted."""
        yield from finished_jobs(self._session, self._settings.workflows, self._settings.done_statuses)
        if self._settings.imagery:
            yield from imagery.delivered(self._session)

    def describe(self, job: JobRecord) -> JobResult:
        """Tell what a job delivered; its package is asked for when its bytes are wanted (`sign`)."""
        if imagery.is_imagery(job):
            return self._described(job, _imagery_collection(self._name, job), [WHOLE], Area(), {})
        workflow = workflow_of(job)
        detail = self._detail(job, workflow)
        named = {str(task["id"]): str(task.get("name") or task["id"]) for task in tasks(detail)}
        if self._settings.granularity == "task" and not named:
            raise JobUnusable("its tasks are not told", 'set granularity = "job" for this provider')
        packages = list(named) if self._settings.granularity == "task" else [WHOLE]
        properties = {
            "pixxel:workflow_id": workflow.id,
            "processing:software": _software(detail),
        }
        collection = _workflow_collection(self._name, workflow)
        return self._described(job, collection, packages, self._area(detail), properties, named)

    def _described(
        self,
        job: JobRecord,
        collection: CollectionRecord,
        packages: list[str],
        area: Area,
        properties: Mapping[str, Any],
        titles: Mapping[str, str] | None = None,
    ) -> JobResult:
        told = {name: value for name, value in properties.items() if value}
        settings = [
            inside.Setting(
                job=job,
                collection=collection.id,
                item=job.id if package == WHOLE else f"{job.id}-{package}",
                title=" ".join(part for part in (job.title, (titles or {}).get(package)) if part) or None,
                package=package,
                source=self._source(job, package),
                area=area,
                properties=told,
                stac=job.details.get("imagery"),
            )
            for package in packages
        ]
        return JobResult(
            collections=(collection,),
            items=partial(_items, settings),
            complete=not job.details.get("partly"),
            packages=tuple(PackageRecord(id=one.package, identity=one.source, wants=self._wants) for one in settings),
        )

    def sign(self, target: AssetRecord | PackageRecord, job: JobRecord, *, fresh: bool) -> Signed:
        """Return the address of a package, asked for now: it may stay valid for a moment only."""
        del fresh  # every address is a new one
        if isinstance(target, AssetRecord):
            raise JobUnusable(f"{target.key} lies in a package")
        return self._packages.signed(f"package:{job.id}:{target.id}", self._ask(job, target.id))

    def close(self) -> None:
        """Release connections."""
        self._session.close()

    def _ask(self, job: JobRecord, package: str) -> Ask:
        if imagery.is_imagery(job):
            return imagery.ask(job)
        path = f"/v0/workflows/{quote(workflow_of(job).id, safe='')}/jobs/{quote(job.id, safe='')}"
        return Ask(
            "PUT", f"{path}/download" if package == WHOLE else f"{path}/tasks/{quote(package, safe='')}/download"
        )

    def _source(self, job: JobRecord, package: str) -> str:
        return identity("pixxel", urlsplit(self._settings.url).netloc, job.id, package, job.fingerprint)

    def _wants(self, path: str) -> bool:
        include, exclude = self._settings.package_include, self._settings.package_exclude
        if include and not any(fnmatchcase(path, pattern) for pattern in include):
            return False
        return not any(fnmatchcase(path, pattern) or fnmatchcase(path.lower(), pattern) for pattern in exclude)

    def _detail(self, job: JobRecord, workflow: Workflow) -> Mapping[str, Any]:
        path = f"/v0/workflows/{quote(workflow.id, safe='')}/jobs/{quote(job.id, safe='')}"
        try:
            found = self._session.get_json(path)
        except HttpError as error:
            if error.status in (400, 403, 404):
                raise JobUnusable(f"its page cannot be read: {error.message}", error.remedy) from None
            raise
        return found if isinstance(found, Mapping) else {}

    def _area(self, detail: Mapping[str, Any]) -> Area:
        """Look up where and when a job looked: its input scenes, else its area of interest; nothing of it must be there."""
        told = inputs(detail)
        scenes = ((_archive_path(url), "input scene") for url in told.scenes[:20])
        areas = ((f"/v0/aoi/{quote(one, safe='')}", "aoi") for one in told.areas[:5])
        for path, source in chain(scenes, areas):
            document = None if path is None else self._looked_up(path)
            geometry = None if document is None else outline(document)
            if geometry is not None:
                return Area(geometry=geometry, source=source, start=told.start, end=told.end)
        return Area(start=told.start, end=told.end)

    def _looked_up(self, path: str) -> Mapping[str, Any] | None:
        try:
            found = self._session.get_json(path, accept_statuses=(400, 403, 404))
        except HttpError:
            return None
        if not isinstance(found, Mapping):
            return None
        inner = found.get("geometry") or (found.get("aoi") or {}).get("geometry")
        return {"type": "Feature", "geometry": inner} if isinstance(inner, Mapping) else found


def _items(settings: list[inside.Setting], contents: Contents) -> Iterator[ItemRecord]:
    for setting in settings:
        yield from inside.items(setting, contents.get(setting.package, ()))


def _archive_path(url: str) -> str | None:
    """Return the archive's own path of a scene; the host that a `stac_url` names needs no key and gets none."""
    parts = [part for part in urlsplit(url).path.split("/") if part]
    if len(parts) < 4 or parts[-4] != "collections" or parts[-2] != "items":
        return None
    return f"/v0/archives/collections/{quote(parts[-3], safe='')}/items/{quote(parts[-1], safe='')}"


def _software(detail: Mapping[str, Any]) -> dict[str, str]:
    blocks = [task.get("block_info") for task in tasks(detail)]
    return {
        str(one["name"]): str(one.get("version") or "") for one in blocks if isinstance(one, dict) and one.get("name")
    }


def _workflow_collection(name: str, workflow: Workflow) -> CollectionRecord:
    title = workflow.name or f"Pixxel workflow {workflow.id}"
    return CollectionRecord(
        id=f"{name}-{workflow.id}",
        job_id=None,
        title=title,
        description=workflow.description or f"Results of the Pixxel workflow {title}.",
        keywords=("Pixxel", "hyperspectral"),
        providers=(ORGANISATION,),
        extra={"pixxel:project": workflow.project} if workflow.project else {},
    )


def _imagery_collection(name: str, job: JobRecord) -> CollectionRecord:
    kind = str(job.details["imagery"].get("collection") or "imagery")
    return CollectionRecord(
        id=f"{name}-{kind}",
        job_id=None,
        title=f"Delivered imagery: {kind}",
        description="Imagery that Pixxel delivered to this account.",
        keywords=("Pixxel", "hyperspectral"),
        providers=(ORGANISATION,),
    )


def connect(settings: PixxelSettings, context: Context) -> Pixxel:
    """Return the provider of one account."""
    return Pixxel(settings, context)
