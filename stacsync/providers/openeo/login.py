"""Signing a person in on another device (RFC 8628), with PKCE (RFC 7636)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from authlib.oauth2.rfc7636 import create_s256_code_challenge

from stacsync.errors import SignInFailed
from stacsync.http import HttpError, Session
from stacsync.http.oauth import Token, TokenEndpoint
from stacsync.provider import Context
from stacsync.providers.openeo.auth import client_of, person_endpoint, token_file
from stacsync.providers.openeo.oidc import DEVICE_GRANT, Issuer
from stacsync.providers.openeo.settings import RefreshToken

PATIENCE = 900.0
"""Seconds to wait for the person when the server does not say how long its code lives."""


def sign_in_by_device(
    auth: RefreshToken, issuer: Issuer, context: Context, trusted: frozenset[str], tell: Callable[[str], None]
) -> None:
    """Have a person sign in at `issuer`, `tell`ing what to do, and keep the refresh token.

    Raises `SignInFailed` when the person declines, is too late, or no refresh token comes; `Unavailable`, `Stopped`.
    """
    if issuer.device_endpoint is None:
        raise SignInFailed(f"{issuer.title} offers no sign-in by device code", "get a refresh token there and set it")
    client_id = client_of(auth, issuer)
    verifier = secrets.token_urlsafe(48)
    started = _start(issuer, context, trusted, client_id, verifier)
    tell(f"Open {started.get('verification_uri_complete') or started['verification_uri']}")
    tell(f"and enter the code {started['user_code']}")
    token = _wait(person_endpoint(issuer, context, trusted, auth), context, started, verifier)
    if token.refresh is None:
        raise SignInFailed(f"{issuer.title} gave no refresh token", "the client may lack the scope offline_access")
    store = token_file(auth, context)
    with store.alone():
        store.save(token.refresh)
    tell(f"Signed in. The token is kept in {store.path}")


def _start(
    issuer: Issuer, context: Context, trusted: frozenset[str], client_id: str, verifier: str
) -> Mapping[str, Any]:
    address = issuer.device_endpoint or ""
    session = Session(address, context=context, trusted=trusted)
    form = {
        "client_id": client_id,
        "scope": issuer.scope("offline_access"),
        "code_challenge": create_s256_code_challenge(verifier),
        "code_challenge_method": "S256",
    }
    try:
        answer = session.post_json(address, data=form)
    except HttpError as refusal:
        raise SignInFailed(f"{issuer.title} refuses to start: {refusal.message}", "check auth.client_id") from None
    finally:
        session.close()
    needed = ("device_code", "user_code", "verification_uri")
    if not isinstance(answer, dict) or not all(isinstance(answer.get(name), str) for name in needed):
        raise SignInFailed(f"{issuer.title} answers without a code to enter", "report it to the back-end's operator")
    return answer


def _wait(endpoint: TokenEndpoint, context: Context, started: Mapping[str, Any], verifier: str) -> Token:
    pause, left = _seconds(started.get("interval"), 5.0), _seconds(started.get("expires_in"), PATIENCE)
    while left > 0:
        context.sleep(pause)
        left -= pause
        try:
            return endpoint.ask(DEVICE_GRANT, device_code=started["device_code"], code_verifier=verifier)
        except HttpError as answer:
            if answer.code == "slow_down":
                pause += 5
            elif answer.code != "authorization_pending":
                raise SignInFailed(f"not signed in: {answer.message}", "try again") from None
    raise SignInFailed("nobody entered the code in time", "try again")


def _seconds(value: Any, default: float) -> float:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    return float(value) if usable else default
