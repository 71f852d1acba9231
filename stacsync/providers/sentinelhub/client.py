"""The service's own endpoints: tokens, requests with their tiles, batch collections. Read-only.

Listings are followed by their token (`viewtoken`), never by the `next` address that the service gives, so that the
bearer token goes nowhere else. `Retry-After` counts milliseconds here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, quote

from stacsync.errors import JobNotReady, Unavailable
from stacsync.http import HttpError, Session, pages
from stacsync.http.oauth import TokenEndpoint, client_credentials
from stacsync.provider import Context
from stacsync.providers.sentinelhub.byoc import unwrapped
from stacsync.providers.sentinelhub.facts import mapping, text
from stacsync.providers.sentinelhub.redaction import cleaned
from stacsync.providers.sentinelhub.settings import SentinelHubSettings

PAGE = 100
_PATHS = {
    "api": {"v2": "/api/v2/batch", "v1": "/api/v1/batch", "byoc": "/api/v1/byoc"},
    "service": {"v2": "/batch/v2", "v1": "/batch/v1", "byoc": "/byoc/v1"},
}
_WITHDRAWN = frozenset({404, 410})


class Client:
    """One account at one deployment; used from any thread."""

    def __init__(self, settings: SentinelHubSettings, context: Context) -> None:
        self._paths = _PATHS[settings.path_style]
        self.version = settings.api
        self._tokens = Session(settings.token_endpoint(), context=context, retry_after_unit="milliseconds")
        endpoint = TokenEndpoint(
            self._tokens, settings.token_endpoint(), settings.client_id, settings.client_secret.get_secret_value()
        )
        self._session = Session(
            settings.url, context=context, auth=client_credentials(endpoint), retry_after_unit="milliseconds"
        )

    def requests(self, count: int = PAGE) -> Iterator[Any]:
        """Yield every batch request of the account, oldest first. Raises `Unavailable` or `SignInFailed`."""
        try:
            yield from self._listing(f"{self._paths[self.version]}/process", {"count": count, "sort": "created"})
        except HttpError as problem:
            if problem.status in _WITHDRAWN:
                raise self._withdrawn(problem) from None
            raise

    def request(self, job_id: str) -> Mapping[str, Any]:
        """Return one request (cleaned). Raises `JobNotReady` when the service does not know it yet."""
        return self._one(f"{self._paths[self.version]}/process/{_quoted(job_id)}", f"request {job_id}")

    def tiles(self, job_id: str) -> Iterator[Mapping[str, Any]]:
        """Yield every tile of a version 1 request. Raises `JobNotReady` when the service does not know it yet."""
        try:
            for tile in self._listing(f"{self._paths['v1']}/process/{_quoted(job_id)}/tiles", {"count": PAGE}):
                yield mapping(cleaned(tile))
        except HttpError as problem:
            raise _lagging(problem, f"the tiles of request {job_id}") from None

    def collection(self, collection_id: str) -> Mapping[str, Any]:
        """Return a batch collection (cleaned). Raises `JobNotReady` when the service does not know it (yet)."""
        family = "v1" if self.version == "v1" else "byoc"
        path = f"{self._paths[family]}/collections/{_quoted(collection_id)}"
        return self._one(path, f"batch collection {collection_id}")

    def collection_tiles(self, collection_id: str) -> Iterator[Mapping[str, Any]]:
        """Yield every tile of a BYOC collection, oldest first. Raises `JobNotReady` or `Unavailable`."""
        path = f"{self._paths['byoc']}/collections/{_quoted(collection_id)}/tiles"
        try:
            for tile in self._listing(path, {"count": PAGE, "sort": "created:asc"}):
                yield mapping(cleaned(tile))
        except HttpError as problem:
            raise _lagging(problem, f"the tiles of batch collection {collection_id}") from None

    def close(self) -> None:
        """Release connections."""
        self._session.close()
        self._tokens.close()

    def _one(self, path: str, what: str) -> Mapping[str, Any]:
        try:
            found = mapping(cleaned(unwrapped(self._session.get_json(path))))
        except HttpError as problem:
            raise _lagging(problem, what) from None
        if "id" not in found:
            raise Unavailable(f"the service answers for {what} with something else", "the next pass asks again")
        return found

    def _listing(self, path: str, params: Mapping[str, Any]) -> Iterator[Any]:
        def next_page(page: Mapping[str, Any]) -> str | None:
            token = _next_token(page)
            return self._session.url(path, {**params, "viewtoken": token}) if token and _members(page) else None

        for page in pages(self._session.url(path, params), self._page, next_page):
            yield from _members(page)

    def _page(self, url: str) -> Mapping[str, Any]:
        page = self._session.get_json(url)
        if not isinstance(page, dict) or not isinstance(page.get("data", page.get("member")), list):
            raise Unavailable("the service answers a listing without its data", "check url and path_style")
        return page

    def _withdrawn(self, problem: HttpError) -> Unavailable:
        if self.version == "v1":
            return Unavailable(
                f"this deployment no longer has version 1 of the Batch Processing API ({problem.status})",
                'set api = "v2"',
            )
        return Unavailable(
            f"this deployment has no Batch Processing API at the configured address ({problem.status})",
            'check url, or set path_style = "service"',
        )


def _members(page: Mapping[str, Any]) -> list[Any]:
    found = page.get("data", page.get("member"))
    return found if isinstance(found, list) else []


def _next_token(page: Mapping[str, Any]) -> str | None:
    """Return the token of the next page: as such, out of the next address, or as an older generation told it."""
    links = mapping(page.get("links"))
    token = text(links.get("nextToken")) or text(mapping(page.get("view")).get("nextToken"))
    if token is None and isinstance(links.get("next"), str):
        token = next(iter(parse_qs(links["next"].partition("?")[2]).get("viewtoken", [])), None)
    return token


def _lagging(problem: HttpError, what: str) -> Exception:
    """Return a 404 as "not yet": what a listing just named is known to the service, its replicas lag behind."""
    if problem.status == 404:
        return JobNotReady(f"the service does not know {what} yet", "its replicas lag behind; the next pass asks again")
    return problem


def _quoted(part: str) -> str:
    return quote(part, safe="")
