"""UP42's STAC storage, asked with pystac-client over our own session.

pystac-client knows how to open a STAC API, what it conforms to and how a search is written. Its requests go through
`stacsync.http.Session`: bounded retries, one new token after a 401 (in the middle of a listing too), the token to the
API's own origin alone, and to none over plain http, whatever a link says; and nothing of a request in any log.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from pystac import Link, MediaType
from pystac.errors import STACError, STACTypeError
from pystac_client import Client
from pystac_client.errors import ClientTypeError
from pystac_client.stac_api_io import StacApiIO

from stacsync.errors import Unavailable
from stacsync.http import Session
from stacsync.jobs import JSON
from stacsync.logs import redact_url
from stacsync.providers.up42.v2.addresses import own

PAGE_SIZE = 100
PAGE_LIMIT = 10_000
_NONSENSE = (
    STACError,
    STACTypeError,
    ClientTypeError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RecursionError,
)
"""What pystac and its client raise over an answer that is no STAC, besides `NotImplementedError` for one without search."""


class SessionIO(StacApiIO):
    """What pystac-client reads and writes with."""

    def __init__(self, session: Session) -> None:
        super().__init__(max_retries=None)
        self._ours = session

    def request(
        self,
        href: str,
        method: str | None = None,
        headers: dict[str, str] | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> str:
        """Return an answer's text. Raises `Unavailable` for an address that is not the API's."""
        address = own(href, self._ours.base_url)
        if address is None:
            raise Unavailable(f"the STAC storage points to {redact_url(href)}, which is not asked", "report it to UP42")
        verb = (method or "GET").upper()
        sent: dict[str, Any] = {"json": parameters or {}} if verb == "POST" else {"params": parameters}
        return self._ours.request(verb, address, headers=headers, **sent).body.decode("utf-8", "replace")

    def get_pages(
        self, url: str, method: str | None = None, parameters: dict[str, Any] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield every page of a listing, to the real end: an empty page in the middle is no end, a page seen twice is an error."""
        page = self.read_json(url, method=method, parameters=parameters)
        seen: set[bytes] = set()
        while True:
            if not isinstance(page.get("features", page.get("collections")), list):
                raise Unavailable("the STAC storage answers a search without a list of features", "try again later")
            if page.get("features"):
                yield page
            link = _next(page)
            if link is None:
                return
            mark = orjson.dumps(link, option=orjson.OPT_SORT_KEYS)
            if mark in seen or len(seen) >= PAGE_LIMIT:
                raise Unavailable("the pages of a search in the STAC storage have no end", "report it to UP42")
            seen.add(mark)
            page = self.read_json(Link.from_dict(link), parameters=parameters)


class Storage:
    """The items of one account."""

    def __init__(self, session: Session, path: str) -> None:
        self._session = session
        self._path = path.strip("/")
        self._client: Client | None = None

    def items(self, job_id: str) -> Iterator[JSON]:
        """Yield the Items of a job, page by page. Raises `Unavailable` when the storage cannot be asked or makes no sense."""
        wanted = {"op": "=", "args": [{"property": "job_id"}, job_id]}
        try:
            search = self._open().search(method="POST", filter=wanted, filter_lang="cql2-json", limit=PAGE_SIZE)
            for page in search.pages_as_dicts():
                yield from page["features"]
        except (NotImplementedError, *_NONSENSE) as error:
            raise Unavailable(
                f"the STAC storage at {redact_url(self._root())} is none that can be searched ({type(error).__name__})",
                "check url and stac_path",
            ) from None

    def probe(self) -> str:
        """Open the storage and return its title. Raises `Unavailable`."""
        try:
            client = self._open()
        except _NONSENSE as error:
            raise Unavailable(f"no STAC API answers ({type(error).__name__})", "check url and stac_path") from None
        return client.title or client.id

    def _open(self) -> Client:
        """Return the opened API; its landing page is read once."""
        if self._client is None:
            client = Client.open(self._root(), stac_io=SessionIO(self._session))
            link = client.get_search_link()
            if link is None:  # where the specification has it
                link = Link("search", f"{self._root()}/search", MediaType.GEOJSON)
                client.add_link(link)
            link.extra_fields["method"] = "POST"  # as we ask it, whatever is advertised; else the library warns
            self._client = client
        return self._client

    def _root(self) -> str:
        return f"{self._session.base_url}/{self._path}"


def _next(page: dict[str, Any]) -> dict[str, Any] | None:
    links = page.get("links")
    found = (link for link in (links if isinstance(links, list) else ()) if isinstance(link, dict))
    return next((link for link in found if link.get("rel") == "next" and link.get("href")), None)
