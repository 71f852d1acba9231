"""Asking UP42's first API: one project, its short-lived token, its envelopes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from stacsync.errors import SignInFailed, Unavailable
from stacsync.http import HttpError, Response, Session
from stacsync.http.oauth import Token, TokenEndpoint, TokenSource
from stacsync.jobs import JSON
from stacsync.provider import Context
from stacsync.providers.up42.settings import Up42Settings
from stacsync.providers.up42.v1.envelope import EnvelopeError, failure, is_refusal, unwrap, without_ids

TOKEN_LIFE = 300.0
"""Seconds that a token lives when the answer does not say."""
PAGE_LIMIT = 100_000
GONE = frozenset({404, 410})


class Client:
    """The project's resources, by paths below it; every answer unwrapped."""

    def __init__(self, settings: Up42Settings, context: Context) -> None:
        key = settings.project_api_key.get_secret_value() if settings.project_api_key else ""
        project = settings.project_id or ""
        self._anonymous = Session(settings.url, context=context, trusted=settings.trusted_hosts)
        endpoint = TokenEndpoint(self._anonymous, settings.token_url, project, key, methods=("client_secret_basic",))
        self.auth = TokenSource(lambda: read_token(endpoint.post("client_credentials")))
        self._session = Session(
            settings.url,
            context=context,
            auth=self.auth,
            timeout=(10, 120),
            trusted=settings.trusted_hosts,
            is_refused=_is_refused,
        )
        self._project = f"/projects/{quote(project, safe='')}"

    def url(self, path: str) -> str:
        """Return the address of a path below the project."""
        return self._session.url(f"{self._project}/{path}")

    def raw(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """Return an answer as it is. Raises `EnvelopeError`, `SignInFailed` or `Unavailable`."""
        try:
            return self._session.get_json(f"{self._project}/{path}", params)
        except HttpError as error:
            if isinstance(error, SignInFailed):
                raise
            raise EnvelopeError(without_ids(error.message), error.status) from None

    def data(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """Return the `data` of an answer. Raises as `raw`."""
        return unwrap(self.raw(path, params))

    def data_or_none(self, path: str, tolerated: Collection[int] = GONE) -> Any:
        """Return the `data` of an answer, None when it fails with one of the `tolerated` statuses."""
        try:
            return self.data(path)
        except EnvelopeError as error:
            if error.status in tolerated:
                return None
            raise

    def collection(self, path: str) -> Any:
        """Return a bare FeatureCollection (this answer alone has no envelope), None when there is none."""
        try:
            answer = self.raw(path)
            if isinstance(answer, dict) and "features" not in answer and "error" in answer:
                return unwrap(answer)
        except EnvelopeError as error:
            if error.status in GONE:
                return None
            raise
        return answer

    def jobs(self) -> Iterator[JSON]:
        """Yield every job of the project once, the first finished first.

        There is no last page but an empty one; a server that knows no pages gives the same one for ever and is read once.
        """
        seen: set[str] = set()
        for number in range(PAGE_LIMIT):
            page = self.data("jobs", {"page": number, "sort": "finishedAt,asc"})
            if not isinstance(page, list):
                raise Unavailable("UP42 lists its jobs as something that is no list", "check the configured url")
            new = [job for job in page if isinstance(job, dict) and str(job.get("id")) not in seen]
            if not new:
                return
            seen.update(str(job.get("id")) for job in new)
            yield from new
        raise Unavailable(f"UP42 lists more than {PAGE_LIMIT} pages of jobs", "report it to the provider")

    def close(self) -> None:
        """Release the connections."""
        self._session.close()
        self._anonymous.close()


def read_token(answer: Any) -> Token:
    """Return the token of an answer, in either of its places. Raises `SignInFailed` when there is none."""
    given = answer if isinstance(answer, dict) else {}
    inner = given.get("data")
    held = given.get("access_token") or (inner.get("accessToken") if isinstance(inner, dict) else None)
    if not isinstance(held, str) or not held:
        told = failure(given["error"]).message if given.get("error") else "no token in the answer"
        raise SignInFailed(f"UP42 signs nobody in: {told}", "check project_id and project_api_key")
    life = given.get("expires_in")
    known = isinstance(life, int | float) and not isinstance(life, bool) and life > 0
    return Token(access=held, expires_in=float(life) if known and life is not None else TOKEN_LIFE)


def _is_refused(response: Response) -> bool:
    """Tell whether an answer says that the token is no longer good; some say so with status 200."""
    return response.status == 401 or (response.status == 200 and is_refusal(response.body))
