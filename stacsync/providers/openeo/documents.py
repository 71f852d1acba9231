"""Reading result documents, and what it means when one cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stacsync.errors import JobUnusable, Unavailable
from stacsync.http import HttpError, origins
from stacsync.jobs import JobRecord
from stacsync.providers.openeo import assets, links, results
from stacsync.providers.openeo.backend import Backend
from stacsync.providers.openeo.signing import Addresses, Signing

DEPTH = 4
"""How many sub-catalogs may lie between the results and an Item."""
GONE = frozenset({404, 410})
EXPIRED = frozenset({401, 403, 404, 410})
Found = tuple[Mapping[str, Any], str]
"""A document, and the address it came from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The results document of a job, and what it names."""

    document: Mapping[str, Any] = field(repr=False)
    url: str = field(repr=False)
    files: Mapping[str, str] = field(repr=False)
    """Address by name."""
    item_links: Mapping[str, str] = field(repr=False)
    """Address of each Item document (or sub-catalog) by name, in the order of the results."""


class Documents:
    """Reads the documents of one back-end."""

    def __init__(self, backend: Backend, clock: Callable[[], datetime]) -> None:
        self._backend = backend
        self.signing = Signing(self._addresses, self._item_files, clock)

    def results(self, job: JobRecord) -> Results:
        """Return the results document of a job. Raises `JobSkipped`, `JobUnusable` or `Unavailable`."""
        try:
            document, url = self._backend.fetch(links.job_path(job.id, "results"))
        except HttpError as error:
            raise results.refusal(error) or error from None
        if not isinstance(document, dict):
            raise JobUnusable("the results are described by no JSON object", "report it to the back-end's operator")
        found = {file.name: file.url for file in assets.named(document, url)}
        return Results(document=document, url=url, files=found, item_links=_children(document, url))

    def job(self, job: JobRecord) -> Mapping[str, Any]:
        """Return all that the back-end says of a job; nothing when it will not tell. Raises `Unavailable`."""
        try:
            document, _ = self._backend.fetch(links.job_path(job.id))
        except HttpError as error:
            if results.refusal(error) is None:
                raise
            return {}
        return document if isinstance(document, dict) else {}

    def learn(self, job: JobRecord, found: Results) -> None:
        """Remember the addresses that the results hand out."""
        self.signing.learn(job, Addresses(found.files, found.item_links))

    def items(self, job: JobRecord, found: Results) -> Iterator[tuple[Mapping[str, Any], str, str]]:
        """Yield (Item document, its address, name of the link that led to it) of every Item of the results.

        An Item document that is gone is passed over if the results themselves name files: these hold a copy of all.
        Raises `JobUnusable` for one that cannot be read otherwise, `Unavailable`.
        """
        for name, url in found.item_links.items():
            top = self._item(job, name, url, spare=bool(found.files))
            for document, address in self._walk(top, {name}) if top is not None else ():
                self.signing.learn_item(job, {file.name: file.url for file in assets.named(document, address)})
                yield document, address, name

    def _walk(self, found: Found, visited: set[str]) -> Iterator[Found]:
        """Yield the Items of a document: itself, or those of the sub-catalog that it is."""
        document, url = found
        if not results.is_catalog(document):
            yield found
            return
        if len(visited) > DEPTH:
            raise JobUnusable("the results are nested too deeply", "report it to the back-end's operator")
        for child, address in _children(document, url).items():
            if child not in visited:
                yield from self._walk(self._read(address), {*visited, child})

    def _item(self, job: JobRecord, name: str, url: str, *, spare: bool) -> Found | None:
        """Read an Item document; its link may have expired since the results were read, so ask for them once more."""
        try:
            return self._document(self.signing.item_address(job, name) or url)
        except HttpError as error:
            if error.status == 404 and spare:
                return None
            if error.status not in EXPIRED:
                raise _unreadable(error) from None
        again = self.signing.item_address(job, name, fresh=True)
        if again is None:
            raise JobUnusable("the results changed while they were read", "the next pass reads them anew")
        try:
            return self._document(again)
        except HttpError as error:
            if error.status in GONE and spare:
                return None
            raise _unreadable(error) from None

    def _read(self, url: str) -> Found:
        try:
            return self._document(url)
        except HttpError as error:
            raise _unreadable(error) from None

    def _document(self, url: str) -> Found:
        try:
            document, address = self._backend.fetch(url)
        except Unavailable as problem:
            elsewhere = not origins.same_origin(url, self._backend.session().base_url)
            if elsewhere and not isinstance(problem, HttpError):  # a dead host of one job must not end the whole pass
                raise JobUnusable(
                    f"an Item of the results is out of reach: {problem.message}", problem.remedy
                ) from None
            raise
        if not isinstance(document, dict):
            raise JobUnusable(
                "one of the Items of the results is no JSON object", "report it to the back-end's operator"
            )
        return document, address

    def _addresses(self, job: JobRecord) -> Addresses:
        found = self.results(job)
        return Addresses(found.files, found.item_links)

    def _item_files(self, url: str) -> Mapping[str, str]:
        read = self._walk(self._read(url), {url})
        return {file.name: file.url for document, address in read for file in assets.named(document, address)}


def _children(document: Mapping[str, Any], url: str) -> dict[str, str]:
    base = links.base_of(document, url)
    found: dict[str, str] = {}
    for link in links.links_of(document, "item", "child"):
        address = links.absolute(str(link["href"]), base, url)
        if links.is_web(address):
            found.setdefault(links.name_of(address), address)
    return found


def _unreadable(error: HttpError) -> JobUnusable | HttpError:
    """Tell an Item document that this account or anybody cannot read from a back-end that is down."""
    if error.status in {429, 502, 503, 504}:
        return error
    return JobUnusable(
        f"one of the Items of the results cannot be read: {error.message}",
        error.remedy or "if it stays so, report it to the back-end's operator",
    )
