"""Asking for a package and waiting for it, over passes and restarts.

    asked → pending (asked again after 30 s, 60 s, … at most 10 min) → ready → fetched
                                                                     → given up, after so many times

The state is kept in the provider's memory; a signed address never is. At most one request per package is under way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from stacsync.errors import JobNotReady, JobSkipped, JobUnusable
from stacsync.http import Response, Session
from stacsync.http.response import error_of
from stacsync.provider import Context, Signed
from stacsync.providers.pixxel.words import Progress, moment, progress

FIRST_WAIT = timedelta(seconds=30)
LAST_WAIT = timedelta(minutes=10)
_PENDING = (202, 409, 425, 429)
_ACCEPTED = (400, 403, 404, 409, 425)


@dataclass(frozen=True, slots=True)
class Ask:
    """How to ask for a package: a request, and where the answer to an earlier one is looked up."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    follow: Callable[[str], str] | None = None
    """Path of an earlier request's state by its id; None: the same request is simply repeated."""


@dataclass(slots=True)
class Packages:
    """The packages of one account."""

    session: Session
    context: Context
    most_attempts: int
    _locks: dict[str, Lock] = field(default_factory=dict)
    _guard: Lock = field(default_factory=Lock)

    def signed(self, key: str, ask: Ask) -> Signed:
        """Return the address of a package that is ready.

        Raises `JobNotReady` while it is pending, `JobUnusable` when it failed or was given up, `JobSkipped` when it is gone.
        """
        with self._guard:
            lock = self._locks.setdefault(key, Lock())
        with lock:
            known = self.context.memory.get(key) or {}
            due = moment(known.get("next_ask"))
            now = self.context.clock()
            if due is not None and now < due:
                raise JobNotReady(
                    f"its package is being made; asked for again after {due.isoformat(timespec='seconds')}"
                )
            return self._judge(key, known, self._asked(ask, known), now)

    def _asked(self, ask: Ask, known: Mapping[str, Any]) -> Response:
        if ask.follow is not None and known.get("id"):
            return self.session.request("GET", ask.follow(str(known["id"])), accept_statuses=_ACCEPTED)
        return self.session.request(ask.method, ask.path, json=ask.body, accept_statuses=_ACCEPTED)

    def _judge(self, key: str, known: Mapping[str, Any], response: Response, now: datetime) -> Signed:
        if response.status == 403:
            raise JobUnusable(
                "its package may not be downloaded with this API key", "give the key's owner the right to"
            )
        if response.status == 404:
            self.context.memory.drop(key)
            raise JobSkipped("its package is gone")
        if response.status == 400:
            raise JobUnusable(f"its package cannot be made: {error_of(response).message}")
        body = response.json() if response.status == 200 else {}
        answer = body if isinstance(body, dict) else {}
        state, url = progress(answer.get("status")), answer.get("signed_url")
        located = isinstance(url, str) and url.startswith(("https://", "http://"))
        if located and (state in (Progress.DONE, Progress.PARTLY) or not answer.get("status")):
            self.context.memory.put(key, {"state": "ready"})
            return Signed(url=str(url))
        if state is Progress.FAILED:
            self.context.memory.drop(key)
            raise JobUnusable("the provider failed to make its package", "it is asked for again at a later pass")
        return self._wait(key, known, answer, now)

    def _wait(self, key: str, known: Mapping[str, Any], answer: Mapping[str, Any], now: datetime) -> Signed:
        attempts = int(known.get("attempts", 0)) + 1
        if attempts >= self.most_attempts:
            self.context.memory.drop(key)
            raise JobUnusable(
                f"its package was still pending when asked for {attempts} times", "look at it in the provider's console"
            )
        wait = min(FIRST_WAIT * float(2 ** min(attempts - 1, 10)), LAST_WAIT)
        number = answer.get("id") or answer.get("download_id") or known.get("id")
        self.context.memory.put(
            key, {"state": "pending", "attempts": attempts, "id": number, "next_ask": (now + wait).isoformat()}
        )
        raise JobNotReady("its package is being made")
