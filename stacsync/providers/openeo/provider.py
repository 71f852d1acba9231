"""An openEO account as a provider: asks for documents, hands them to the pure half, signs what they name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any

import orjson

from stacsync.errors import ConfigError, JobSkipped, JobUnusable, StacsyncError, Stopped
from stacsync.http import origins, pages
from stacsync.jobs import AssetRecord, ItemRecord, JobRecord, JobResult, PackageRecord, Remote
from stacsync.logs import get_logger
from stacsync.provider import CheckLine, Context, Signed
from stacsync.providers.openeo import assets, items, jobs, leaks, links, results
from stacsync.providers.openeo.backend import Backend
from stacsync.providers.openeo.documents import Documents, Results
from stacsync.providers.openeo.login import sign_in_by_device
from stacsync.providers.openeo.oidc import find_issuer
from stacsync.providers.openeo.place import Place
from stacsync.providers.openeo.settings import OpenEOSettings, RefreshToken

PAGE_SIZE = 100
log = get_logger(__name__)


class OpenEOProvider:
    """One account at one back-end; see `stacsync.provider.JobProvider` for what it promises."""

    def __init__(self, settings: OpenEOSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._backend = Backend(settings, context)
        self._documents = Documents(self._backend, context.clock)

    def check(self) -> Iterable[CheckLine]:
        """Find the API, sign in, list one page of jobs; say how each went."""
        steps: tuple[tuple[str, Callable[[], str]], ...] = (
            ("discovery", self._check_discovery),
            ("sign-in", self._check_sign_in),
            ("list jobs", self._check_listing),
        )
        for subject, step in steps:
            try:
                yield CheckLine(subject=subject, ok=True, message=step())
            except Stopped:
                raise
            except StacsyncError as problem:
                yield CheckLine(subject=subject, ok=False, message=problem.message, remedy=problem.remedy)
                return

    def finished_jobs(self) -> Iterator[JobRecord]:
        """Yield the finished jobs of all pages, each once. Raises `Unavailable` or `SignInFailed`."""
        session = self._backend.session()
        first = session.url("/jobs", {"limit": PAGE_SIZE})
        seen: set[str] = set()
        missing: set[str] = set()
        for page in pages(first, session.get_json, jobs.next_link):
            missing.update(jobs.missing_backends(page))
            for job in jobs.finished(page):
                if job.id not in seen:
                    seen.add(job.id)
                    yield job
        if missing:
            log.warning("openeo.listing_incomplete", provider=self._context.name, missing=sorted(missing))

    def describe(self, job: JobRecord) -> JobResult:
        """Tell what `job` delivered; Item documents are read while the items are consumed."""
        found = self._documents.results(job)
        shape = results.shape(found.document)
        results.require_finished(found.document)
        self._documents.learn(job, found)
        if not found.files and not found.item_links:
            self._refuse_empty(found)
        place = self._place(job)
        collection = results.collection_record(found.document, found.url, place, self._process(job, found, place))
        if shape is results.Shape.ITEM:
            record = items.item_record(found.document, found.url, place, name=None, results=found.document)
            return JobResult(collections=(collection,), items=lambda _: (record,))
        return JobResult(collections=(collection,), items=lambda _: self._items(job, found, place))

    def sign(self, target: AssetRecord | PackageRecord, job: JobRecord, *, fresh: bool) -> Signed:
        """Return an address that works now; our token goes with it only to the back-end itself, and only if needed."""
        if not isinstance(target, AssetRecord) or not isinstance(target.source, Remote):
            raise JobUnusable("only files behind HTTP have an address to sign")
        name, item = assets.found_again(target.source)
        url = self._documents.signing.address(job, name, item, fresh=fresh)
        session = self._backend.session()
        ours = origins.same_origin(url, session.base_url) and not links.signs_in_query(url)
        return Signed(url=url, headers=dict(session.auth.headers()) if ours and session.auth else {})

    def login(self, tell: Callable[[str], None]) -> None:
        """Sign a person in by device code and keep the refresh token. Raises `SignInFailed` or `ConfigError`."""
        auth = self._settings.auth
        if not isinstance(auth, RefreshToken):
            raise ConfigError(
                f"{self._context.name} signs in by {auth.method}, which needs no login",
                'set auth.method = "refresh_token" to sign in as a person',
            )
        trusted = self._settings.trusted()
        issuer = find_issuer(self._backend.public(), self._context, trusted, auth.provider_id)
        sign_in_by_device(auth, issuer, self._context, trusted, tell)
        self._backend.close()

    def close(self) -> None:
        """Release connections."""
        self._backend.close()

    def _items(self, job: JobRecord, found: Results, place: Place) -> Iterator[ItemRecord]:
        """Yield each Item of the results, then one for the files that none of them names."""
        claimed: set[str] = set()
        taken: set[str] = set()
        for document, url, name in self._documents.items(job, found):
            record = items.item_record(document, url, place, name=name, results=found.document)
            named = {file.name for file in assets.named(document, url)}
            if record.id in taken and named <= claimed:
                continue
            if record.id in taken:
                raise JobUnusable(
                    f"two Items of the results have the id {document.get('id')!r}",
                    "report it to the back-end's operator",
                )
            taken.add(record.id)
            claimed |= named
            yield record
        leftover = items.leftover_record(found.document, found.url, place, claimed, taken)
        if leftover is not None:
            yield leftover

    def _process(self, job: JobRecord, found: Results, place: Place) -> tuple[AssetRecord, ...]:
        """Return the process graph as an asset, where the operator asked for it."""
        if self._settings.process != "asset":
            return ()
        graph = leaks.process_graph(found.document) or leaks.process_graph(self._documents.job(job))
        if graph is None:
            return ()
        data = orjson.dumps(graph, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
        return (assets.process_asset(data, sha256(data).hexdigest(), place),)

    def _refuse_empty(self, found: Results) -> None:
        if assets.unreachable(found.document, found.url):
            raise JobUnusable(
                "none of the files has a web address", "the back-end keeps them in a store of its own; ask its operator"
            )
        raise JobSkipped("the job finished without any file")

    def _place(self, job: JobRecord) -> Place:
        scheme, host, port = origins.origin(self._settings.url)
        return Place(
            provider=self._context.name,
            origin=f"{scheme}://{host}:{port}",
            job=job,
            collection_by=self._settings.collection_by,
            collection=self._settings.collection,
        )

    def _check_discovery(self) -> str:
        found: Mapping[str, Any] = self._backend.capabilities()
        return f"openEO API {found['api_version']} at {self._backend.public().base_url}"

    def _check_sign_in(self) -> str:
        session = self._backend.session()
        if session.auth is not None:
            session.auth.headers()
        return f"signed in by {self._settings.auth.method}"

    def _check_listing(self) -> str:
        session = self._backend.session()
        page = session.get_json("/jobs", {"limit": PAGE_SIZE})
        known = len(jobs.entries(page))
        return f"{known} jobs on the first page, {len(list(jobs.finished(page)))} of them finished"
