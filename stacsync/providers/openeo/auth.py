"""Signing in to an openEO back-end, by each of the configured methods."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path

from stacsync.errors import SignInFailed
from stacsync.http import Auth, HttpError, Response, Session
from stacsync.http.oauth import Token, TokenEndpoint, TokenSource, client_credentials, refresh_token
from stacsync.logs import conceal
from stacsync.provider import Context
from stacsync.providers.openeo.oidc import Issuer, find_issuer, token_endpoint
from stacsync.providers.openeo.settings import Basic, Bearer, ClientCredentials, OpenEOSettings, RefreshToken
from stacsync.providers.openeo.tokens import TokenFile

LOST = frozenset({"TokenInvalid", "AuthenticationRequired"})
"""Error codes by which back-ends refuse a token, whatever the status."""


class FixedToken:
    """An access token from the configuration; when it is refused there is no other."""

    def __init__(self, token: str) -> None:
        self._value = token.strip().removeprefix("Bearer ").strip()

    def headers(self) -> Mapping[str, str]:
        """Return the Authorization header."""
        return {"Authorization": f"Bearer {self._value}"}

    def refresh(self) -> bool:
        """Return False: nothing can be renewed."""
        return False


def is_refused(response: Response) -> bool:
    """Say whether an answer means that our token is not accepted (any more)."""
    if response.status == 401:
        return True
    if response.status == 403:
        return response.code in LOST
    return response.status == 500 and b"Unauthorized" in response.body[:500]


def sign_in(settings: OpenEOSettings, context: Context, api: Session, *, jwt: bool) -> Auth:
    """Return the credentials for the API at `api` (itself without any); tokens are fetched when first needed.

    Raises `SignInFailed` or `Unavailable` when the sign-in provider cannot be found.
    """
    auth = settings.auth
    if isinstance(auth, Bearer):
        return FixedToken(auth.token.get_secret_value())
    if isinstance(auth, Basic):
        return TokenSource(_basic(api, auth), scheme=_scheme("basic", "", jwt=jwt))
    trusted = settings.trusted()
    issuer = find_issuer(api, context, trusted, auth.provider_id)
    scheme = _scheme("oidc", issuer.id, jwt=jwt)
    if isinstance(auth, ClientCredentials):
        secret = auth.client_secret.get_secret_value()
        remedy = "check auth.client_id and auth.client_secret"
        endpoint = token_endpoint(issuer, context, trusted, auth.client_id, secret, remedy)
        return client_credentials(endpoint, scheme=scheme, scope=issuer.scope())
    endpoint = person_endpoint(issuer, context, trusted, auth)
    return refresh_token(endpoint, token_file(auth, context), scheme=scheme)


def person_endpoint(issuer: Issuer, context: Context, trusted: frozenset[str], auth: RefreshToken) -> TokenEndpoint:
    """Return where `issuer` hands out tokens to a person's client. Raises `SignInFailed` when nobody names a client."""
    secret = auth.client_secret.get_secret_value() if auth.client_secret else None
    remedy = f"sign in again: stacsync login {context.name}"
    return token_endpoint(issuer, context, trusted, client_of(auth, issuer), secret, remedy)


def token_file(auth: RefreshToken, context: Context) -> TokenFile:
    """Return where this provider's refresh token is kept."""
    path = Path(auth.token_file) if auth.token_file else Path(context.state_dir) / f"{context.name}.token.json"
    return TokenFile(path, context.name, auth.refresh_token.get_secret_value() if auth.refresh_token else None)


def client_of(auth: RefreshToken, issuer: Issuer) -> str:
    """Return the client id to sign in with. Raises `SignInFailed` when nobody names one."""
    client_id = auth.client_id or issuer.default_client
    if client_id is None:
        raise SignInFailed("the back-end offers no default client for this sign-in", "set auth.client_id")
    return client_id


def _basic(api: Session, auth: Basic) -> Callable[[], Token]:
    def fetch() -> Token:
        conceal([auth.username])
        pair = f"{auth.username}:{auth.password.get_secret_value()}".encode()
        header = {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        try:
            return Token.from_answer(api.get_json("/credentials/basic", headers=header))
        except HttpError as refusal:
            if refusal.status not in {400, 401, 403}:
                raise
            raise SignInFailed(f"sign-in refused: {refusal.message}", "check auth.username and auth.password") from None

    return fetch


def _scheme(kind: str, provider_id: str, *, jwt: bool) -> Callable[[str], str]:
    return "Bearer {}".format if jwt else f"Bearer {kind}/{provider_id}/{{}}".format
