"""The stand-in's OpenID Connect provider: service accounts, rotating refresh tokens, sign-in by device code."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from threading import Lock
from typing import Any
from urllib.parse import parse_qs

from stacsync.demo.openeo.answers import Answer, json_answer

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class StandInIssuer:
    """Hands out tokens; `methods` are the ways in which a client may show its secret."""

    client_id, client_secret = "stand-in-service", "stand-in-secret"
    public_client = "stand-in-device"

    def __init__(self, url: str, methods: tuple[str, ...] = ("client_secret_basic", "client_secret_post")) -> None:
        self.url = url
        self.methods = methods
        self.refresh_token = "stand-in-refresh-0"  # noqa: S105  # of a stand-in
        self.pending = 1
        """How often a device is told to wait for its person."""
        self.expires_in = 600
        self._lock = Lock()
        self._count = 0
        self._valid: set[str] = set()

    def entry(self) -> dict[str, Any]:
        """Return this provider as `GET /credentials/oidc` lists it."""
        clients = [{"id": self.public_client, "grant_types": [f"{DEVICE_GRANT}+pkce", "refresh_token"]}]
        return {
            "id": "standin",
            "title": "Stand-in",
            "issuer": self.url,
            "scopes": ["openid"],
            "default_clients": clients,
        }

    def hand_out(self) -> str:
        """Return a new access token."""
        with self._lock:
            self._count += 1
            token = f"stand-in-access-{self._count}"
            self._valid.add(token)
            return token

    def accepts(self, token: str) -> bool:
        """Say whether an access token is good."""
        return token in self._valid

    def revoke(self) -> None:
        """Forget all access tokens."""
        with self._lock:
            self._valid.clear()

    def answer(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return the answer to one request below the issuer's address."""
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if path == "/.well-known/openid-configuration":
            return json_answer(
                {
                    "issuer": self.url,
                    "token_endpoint": f"{self.url}/token",
                    "device_authorization_endpoint": f"{self.url}/device",
                    "token_endpoint_auth_methods_supported": list(self.methods),
                }
            )
        if path == "/device":
            return self._device(form)
        return self._token(form, headers) if path == "/token" else json_answer({"error": "not_found"}, 404)

    def _device(self, form: Mapping[str, str]) -> Answer:
        if form.get("client_id") != self.public_client or "code_challenge" not in form:
            return json_answer({"error": "invalid_client"}, 401)
        codes = {"device_code": "stand-in-device-code", "user_code": "ABCD-EFGH"}
        return json_answer({**codes, "verification_uri": f"{self.url}/verify", "interval": 1, "expires_in": 60})

    def _token(self, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        grant = form.get("grant_type")
        if grant == "client_credentials":
            return self._granted() if self._knows(form, headers) else json_answer({"error": "invalid_client"}, 401)
        if grant == "refresh_token":
            if form.get("refresh_token") != self.refresh_token:
                return json_answer({"error": "invalid_grant", "error_description": "Token is not active"}, 400)
            return self._granted(refresh=True)
        if grant == DEVICE_GRANT and form.get("device_code") == "stand-in-device-code" and "code_verifier" in form:
            if self.pending > 0:
                self.pending -= 1
                return json_answer({"error": "authorization_pending"}, 400)
            return self._granted(refresh=True)
        return json_answer({"error": "unsupported_grant_type"}, 400)

    def _granted(self, *, refresh: bool = False) -> Answer:
        answer: dict[str, Any] = {
            "access_token": self.hand_out(),
            "token_type": "Bearer",
            "expires_in": self.expires_in,
        }
        if refresh:
            self.refresh_token = f"stand-in-refresh-{self._count}"
            answer["refresh_token"] = self.refresh_token
        return json_answer(answer)

    def _knows(self, form: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        pair = f"{self.client_id}:{self.client_secret}"
        basic = headers.get("authorization") == f"Basic {base64.b64encode(pair.encode()).decode()}"
        post = f"{form.get('client_id')}:{form.get('client_secret')}" == pair
        return (basic and "client_secret_basic" in self.methods) or (post and "client_secret_post" in self.methods)
