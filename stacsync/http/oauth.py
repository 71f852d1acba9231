"""Tokens for sessions: asked for when needed, renewed before they expire, shared by all threads (RFC 6749)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, Literal, Protocol
from urllib.parse import parse_qsl

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_token_request

from stacsync.errors import SignInFailed, Unavailable
from stacsync.http.response import HttpError
from stacsync.http.session import Session
from stacsync.logs import conceal_passing

EARLY = 0.8
"""A token is renewed after this share of its life."""
Scheme = Callable[[str], str]
BEARER: Scheme = "Bearer {}".format
ClientAuthMethod = Literal["client_secret_post", "client_secret_basic", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What a token endpoint handed out."""

    access: str = field(repr=False)
    expires_in: float | None = None
    """Seconds; None when the server does not say: used until it is refused."""
    refresh: str | None = field(default=None, repr=False)

    @classmethod
    def from_answer(cls, answer: Any) -> Token:
        """Read a token endpoint's JSON. Raises `SignInFailed` when there is no token in it."""
        if not isinstance(answer, dict) or not isinstance(answer.get("access_token"), str):
            raise SignInFailed("the token endpoint answers without an access_token", "check the configured token url")
        try:
            life = float(answer["expires_in"])
        except (KeyError, TypeError, ValueError):
            life = None
        refresh = answer.get("refresh_token")
        refresh = refresh if isinstance(refresh, str) else None
        conceal_passing(token for token in (answer["access_token"], refresh) if token)
        return cls(access=answer["access_token"], expires_in=life, refresh=refresh)


class TokenEndpoint:
    """Where tokens are asked for, and who asks.

    `session` carries no credentials of its own. Without `methods` a client with a secret sends it in the form, and by
    HTTP Basic if that is refused; a client without one only names itself. `remedy` is told when a grant is refused.
    """

    def __init__(
        self,
        session: Session,
        url: str,
        client_id: str | None = None,
        client_secret: str | None = None,
        methods: tuple[ClientAuthMethod, ...] = (),
        remedy: str = "check this provider's credentials",
    ) -> None:
        self._session = session
        self._url = url
        self._client_id = client_id
        self._client_secret = client_secret
        self._remedy = remedy
        self._methods: list[ClientAuthMethod] = list(methods) or _default_methods(client_id, client_secret)

    def ask(self, grant_type: str, **fields: str | None) -> Token:
        """Return a token for the grant. Raises `SignInFailed` when it is refused, `Unavailable` when nobody answers."""
        return Token.from_answer(self.post(grant_type, **fields))

    def post(self, grant_type: str, **fields: str | None) -> Any:
        """Return the endpoint's JSON answer; as `ask`, and an `HttpError` with the OAuth error as `code` when refused."""
        given = {name: value for name, value in fields.items() if value is not None}
        for method in list(self._methods):
            try:
                answer = self._post(method, grant_type, given)
            except HttpError as refusal:
                if method != self._methods[-1] and refusal.code in {"invalid_client", "unauthorized_client"}:
                    continue
                raise _refusal(refusal, self._remedy) from None
            self._methods = [method]
            return answer
        raise SignInFailed(
            "the token endpoint accepts no way to sign in"
        )  # pragma: no cover  # the loop returns or raises

    def _post(self, method: ClientAuthMethod, grant_type: str, given: Mapping[str, str]) -> Any:
        body = prepare_token_request(grant_type, "", **given)
        headers: dict[str, str] = {}
        if self._client_id is not None:
            client = ClientAuth(self._client_id, self._client_secret, method)
            _, headers, body = client.prepare("POST", self._url, {}, body)
        form = dict(parse_qsl(body, keep_blank_values=True))
        return self._session.post_json(self._url, data=form, headers=headers)


class TokenSource:
    """`Auth` by a bearer token: `fetch` gets one, `scheme` turns it into the Authorization header's value."""

    def __init__(
        self,
        fetch: Callable[[], Token],
        *,
        scheme: Scheme = BEARER,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._scheme = scheme
        self._monotonic = monotonic
        self._lock = RLock()
        self._token: Token | None = None
        self._renew_at = 0.0

    def token(self) -> str:
        """Return an access token that has life left. Raises `SignInFailed` or `Unavailable`."""
        with self._lock:
            if self._token is None or self._monotonic() >= self._renew_at:
                self._renew()
            return self._token.access if self._token else ""

    def headers(self) -> Mapping[str, str]:
        """Return the Authorization header."""
        return {"Authorization": self._scheme(self.token())}

    def refresh(self) -> bool:
        """Forget the token and get another one."""
        with self._lock:
            self._renew()
        return True

    def _renew(self) -> None:
        begun = self._monotonic()
        self._token = self._fetch()
        life = self._token.expires_in
        self._renew_at = begun + life * EARLY if life is not None else float("inf")


class RefreshStore(Protocol):
    """Keeps the newest refresh token where it outlives a restart."""

    def alone(self) -> AbstractContextManager[None]:
        """Keep others from using the token while one is exchanged: a rotated token works once."""
        ...

    def load(self) -> str:
        """Return the newest token. Raises `SignInFailed` when there is none yet."""
        ...

    def save(self, token: str) -> None:
        """Keep `token` instead, durably, before it is used."""
        ...


def client_credentials(endpoint: TokenEndpoint, *, scheme: Scheme = BEARER, **fields: str | None) -> TokenSource:
    """Return a source that signs in as the client itself; `fields` go into the request (scope, audience)."""
    return TokenSource(lambda: endpoint.ask("client_credentials", **fields), scheme=scheme)


def password(endpoint: TokenEndpoint, username: str, password: str, **fields: str | None) -> TokenSource:
    """Return a source that signs in with a user's name and password."""
    return TokenSource(lambda: endpoint.ask("password", username=username, password=password, **fields))


def refresh_token(
    endpoint: TokenEndpoint, store: RefreshStore, *, scheme: Scheme = BEARER, **fields: str | None
) -> TokenSource:
    """Return a source that lives on a refresh token; a rotated one is stored before the access token is used."""

    def fetch() -> Token:
        with store.alone():
            old = store.load()
            token = endpoint.ask("refresh_token", refresh_token=old, **fields)
            if token.refresh and token.refresh != old:
                store.save(token.refresh)
            return token

    return TokenSource(fetch, scheme=scheme)


def _default_methods(client_id: str | None, client_secret: str | None) -> list[ClientAuthMethod]:
    return ["client_secret_post", "client_secret_basic"] if client_id and client_secret else ["none"]


def _refusal(error: HttpError, remedy: str) -> Unavailable:
    """Tell a refused sign-in (400, 401, 403) from a server that is down."""
    if error.status not in {400, 401, 403}:
        return error
    return _RefusedGrant(
        f"sign-in refused: {error.message}",
        remedy,
        status=error.status,
        code=error.code,
        body=error.body,
    )


class _RefusedGrant(HttpError, SignInFailed):
    """A token endpoint said no."""
