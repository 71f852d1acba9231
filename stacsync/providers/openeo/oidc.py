"""The OpenID Connect providers of a back-end: who they are, where they hand out tokens, whom they know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stacsync.errors import SignInFailed
from stacsync.http import Session, origins
from stacsync.http.oauth import ClientAuthMethod, TokenEndpoint
from stacsync.provider import Context

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
METHODS: tuple[ClientAuthMethod, ...] = ("client_secret_basic", "client_secret_post")


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """One OpenID Connect provider that a back-end trusts."""

    id: str
    title: str
    scopes: tuple[str, ...]
    default_client: str | None
    """A client id that the back-end offers to tools like this one."""
    token_endpoint: str
    device_endpoint: str | None
    methods: tuple[ClientAuthMethod, ...]
    """How a client with a secret may show it, the preferred way first."""

    def scope(self, *more: str) -> str:
        """Return the scopes to ask for, as one text."""
        return " ".join(dict.fromkeys(("openid", *self.scopes, *more)))


def find_issuer(api: Session, context: Context, trusted: frozenset[str], provider_id: str | None) -> Issuer:
    """Return the back-end's OpenID Connect provider `provider_id`, by default its first one.

    Raises `SignInFailed` when there is none of that name, `Unavailable` when it cannot be asked.
    """
    listing = api.get_json("/credentials/oidc", accept_statuses={404, 501})
    entry = choose(listing, provider_id)
    issuer = _allowed(str(entry.get("issuer", "")).rstrip("/"), trusted)
    session = Session(issuer, context=context, trusted=trusted)
    try:
        return issuer_of(entry, session.get_json("/.well-known/openid-configuration"), trusted)
    finally:
        session.close()


def choose(listing: Any, provider_id: str | None) -> Mapping[str, Any]:
    """Return the entry of `GET /credentials/oidc` that is meant. Raises `SignInFailed` when it is not there."""
    stated = listing.get("providers") if isinstance(listing, dict) else None
    entries = [entry for entry in (stated if isinstance(stated, list) else []) if isinstance(entry, dict)]
    if not entries:
        raise SignInFailed("the back-end offers no OpenID Connect sign-in", "choose another auth.method")
    for entry in entries:
        if provider_id is None or entry.get("id") == provider_id:
            return entry
    known = ", ".join(str(entry.get("id")) for entry in entries)
    raise SignInFailed(
        f"the back-end knows no sign-in provider {provider_id!r}", f"auth.provider_id is one of: {known}"
    )


def issuer_of(entry: Mapping[str, Any], configuration: Any, trusted: frozenset[str]) -> Issuer:
    """Return an issuer from its entry and its OpenID Connect configuration. Raises `SignInFailed` when it is unusable."""
    found = configuration if isinstance(configuration, dict) else {}
    endpoint, device = found.get("token_endpoint"), found.get("device_authorization_endpoint")
    if not isinstance(endpoint, str):
        raise SignInFailed("the sign-in provider names no token endpoint", "report it to the back-end's operator")
    supported = found.get("token_endpoint_auth_methods_supported")
    listed = supported if isinstance(supported, list) else ["client_secret_basic"]
    scopes = entry.get("scopes")
    return Issuer(
        id=str(entry.get("id", "")),
        title=str(entry.get("title") or entry.get("id") or "OpenID Connect"),
        scopes=tuple(str(scope) for scope in scopes) if isinstance(scopes, list) else (),
        default_client=_default_client(entry),
        token_endpoint=_allowed(endpoint, trusted),
        device_endpoint=_allowed(device, trusted) if isinstance(device, str) else None,
        methods=tuple(sorted(METHODS, key=lambda method: method not in listed)),
    )


def token_endpoint(
    issuer: Issuer, context: Context, trusted: frozenset[str], client_id: str, client_secret: str | None, remedy: str
) -> TokenEndpoint:
    """Return where `issuer` hands out tokens to this client; `remedy` is told when it refuses."""
    session = Session(issuer.token_endpoint, context=context, trusted=trusted)
    methods: tuple[ClientAuthMethod, ...] = issuer.methods if client_secret else ("none",)
    return TokenEndpoint(session, issuer.token_endpoint, client_id, client_secret, methods, remedy)


def _default_client(entry: Mapping[str, Any]) -> str | None:
    """Return a default client that can sign a person in on another device, else any that can refresh."""
    clients = entry.get("default_clients")
    ranked: list[tuple[int, str]] = []
    for client in clients if isinstance(clients, list) else ():
        grants = client.get("grant_types") if isinstance(client, dict) else None
        if not isinstance(grants, list) or not isinstance(client.get("id"), str):
            continue
        device = any(str(grant).startswith(DEVICE_GRANT) for grant in grants)
        if device or "refresh_token" in grants:
            ranked.append((0 if device else 1, client["id"]))
    return min(ranked, key=lambda found: found[0])[1] if ranked else None


def _allowed(url: str, trusted: frozenset[str]) -> str:
    """Return `url` if secrets may be sent there: by https, or to a host that the configuration names."""
    if origins.origin(url)[0] == "https" or origins.host_port(url) in trusted:
        return url
    raise SignInFailed(
        "the sign-in provider does not speak https",
        f'if it is yours, add trusted_hosts = ["{origins.host_port(url)}"]',
    )
