"""The connection to one back-end: found out once, at its first use."""

from __future__ import annotations

from threading import Lock
from typing import Any

from stacsync.http import RateLimit, Session
from stacsync.provider import Context
from stacsync.providers.openeo import discovery
from stacsync.providers.openeo.auth import is_refused, sign_in
from stacsync.providers.openeo.settings import OpenEOSettings


class Backend:
    """Sessions for an openEO back-end; opens nothing before it is asked, may be used from any thread."""

    def __init__(self, settings: OpenEOSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._limit = RateLimit(settings.requests_per_minute, context.sleep)
        self._lock = Lock()
        self._open: list[Session] = []
        self._public: Session | None = None
        self._signed: Session | None = None
        self._capabilities: dict[str, Any] = {}

    def public(self) -> Session:
        """Return a session without credentials at the API's address. Raises `Unavailable`."""
        with self._lock:
            return self._discovered()

    def capabilities(self) -> dict[str, Any]:
        """Return what the back-end says of itself. Raises `Unavailable`."""
        with self._lock:
            self._discovered()
            return self._capabilities

    def session(self) -> Session:
        """Return the session that is signed in. Raises `SignInFailed` or `Unavailable`."""
        with self._lock:
            if self._signed is None:
                public = self._discovered()
                auth = sign_in(self._settings, self._context, public, jwt=discovery.speaks_jwt(self._capabilities))
                signed = self._session(public.base_url)
                signed.auth = auth
                self._signed = signed
            return self._signed

    def fetch(self, url: str) -> tuple[Any, str]:
        """Return (JSON, address it came from) of `url`, an API path or any address. Raises `Unavailable`."""
        response = self.session().request("GET", url)
        return response.json(), response.url

    def close(self) -> None:
        """Release all connections, and find out anew at the next use: the back-end may have moved to another version."""
        with self._lock:
            self._public = self._signed = None
            for session in self._open:
                session.close()
            self._open.clear()

    def _discovered(self) -> Session:
        if self._public is None:
            public = self._session(discovery.api_root(self._session(self._settings.url)))
            self._capabilities = discovery.capabilities(public)
            self._public = public
        return self._public

    def _session(self, base_url: str) -> Session:
        session = Session(
            base_url,
            context=self._context,
            limit=self._limit,
            trusted=self._settings.trusted(),
            is_refused=is_refused,
        )
        self._open.append(session)
        return session
