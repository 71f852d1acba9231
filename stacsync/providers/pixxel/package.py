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
from stacsync.http import HttpError, Response, Session
from stacsync.http.response import error_of
from stacsync.http.retry import retry_after
from stacsync.provider import Context, Signed
from stacsync.providers.pixxel.words import Progress, Vocabulary, key_of, moment

LAST_WAIT = timedelta(minutes=10)
_PENDING = (202, 204, 409, 425, 429)
_ACCEPTED = (400, 403, 404, 409, 425, 429, 500)


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
    """The packages of one account; safe to use from many threads."""

    session: Session
    context: Context
    vocabulary: Vocabulary
    most_attempts: int
    first_wait: timedelta
    _locks: dict[str, Lock] = field(default_factory=dict)
    _guard: Lock = field(default_factory=Lock)

    def signed(self, key: str, ask: Ask, *, fresh: bool = False) -> Signed:
        """Return the address of a package that is ready; with `fresh` the last one was refused.

        Raises `JobNotReady` while it is pending, `JobUnusable` when it failed or was given up, `JobSkipped` when it is gone.
        """
        with self._guard:
            lock = self._locks.setdefault(key, Lock())
        with lock:
            known = self.context.memory.get(key) or {}
            due = moment(known.get("next_ask"))
            if due is not None and self.context.clock() < due:
                raise JobNotReady(f"its package is being made; it is asked for again after {_shown(due)}")
            if fresh:
                known = {name: value for name, value in known.items() if name != "id"}
            return self._judge(key, known, self._asked(ask, known))

    def _asked(self, ask: Ask, known: Mapping[str, Any]) -> Response:
        told = self._followed(ask, key_of(known.get("id")))
        if told is not None:
            return told
        asked = self.session.request(ask.method, ask.path, json=ask.body, accept_statuses=_ACCEPTED)
        if ask.follow is None or not 200 <= asked.status < 300:
            return asked
        answer = _answer(asked)
        number = None if answer.get("signed_url") else _number(answer, {})
        return self._followed(ask, number) or asked

    def _followed(self, ask: Ask, number: str | None) -> Response | None:
        """Look up what became of an earlier request; None when there was none, or none that is known there."""
        if ask.follow is None or number is None:
            return None
        told = self.session.request("GET", ask.follow(number), accept_statuses=_ACCEPTED)
        return None if told.status in (400, 404) else told

    def _judge(self, key: str, known: Mapping[str, Any], response: Response) -> Signed:
        if response.status in _PENDING:
            raise self._wait(key, known, {}, retry_after(response.headers, self.context.clock()))
        if not 200 <= response.status < 300:
            raise self._refused(key, response)
        answer = _answer(response)
        state, url = self.vocabulary.means(answer.get("status")), answer.get("signed_url")
        located = isinstance(url, str) and url.startswith(("https://", "http://"))
        if located and (state in (Progress.DONE, Progress.PARTLY) or not answer.get("status")):
            self.context.memory.put(key, {"state": "ready", "id": _number(answer, known)})
            return Signed(url=str(url))
        if state is Progress.FAILED:
            self.context.memory.put(key, {"state": "failed"})
            raise JobUnusable("the provider failed to make its package", "it is asked for again at a later pass")
        raise self._wait(key, known, answer, None)

    def _refused(self, key: str, response: Response) -> JobUnusable | JobSkipped:
        if response.status == 403:
            return JobUnusable(
                "its package may not be downloaded with this API key", "give the key's owner the right to"
            )
        if response.status == 404:
            self.context.memory.put(key, {"state": "gone"})
            return JobSkipped("its package is gone")
        return JobUnusable(
            f"its package cannot be made: {error_of(response).message}", "look at it in Pixxel's console"
        )

    def _wait(
        self, key: str, known: Mapping[str, Any], answer: Mapping[str, Any], hint: float | None
    ) -> JobNotReady | JobUnusable:
        """Note that the package is pending; the answer to a throttled request counts like any other."""
        before = known.get("attempts")
        attempts = (before if isinstance(before, int) and known.get("state") == "pending" else 0) + 1
        if attempts >= self.most_attempts:
            self.context.memory.put(key, {"state": "given up"})
            return JobUnusable(
                f"its package was still pending when asked for {attempts} times",
                "look at it in Pixxel's console, or raise package_attempts",
            )
        wait = min(self.first_wait * float(2 ** min(attempts - 1, 10)), LAST_WAIT)
        due = self.context.clock() + max(wait, timedelta(seconds=hint or 0))
        number = _number(answer, known)
        self.context.memory.put(
            key, {"state": "pending", "attempts": attempts, "id": number, "next_ask": due.isoformat()}
        )
        return JobNotReady("its package is being made")


def _answer(response: Response) -> Mapping[str, Any]:
    try:
        found = response.json() if response.body else None
    except HttpError as error:
        raise JobUnusable(error.message, error.remedy) from None
    return found if isinstance(found, Mapping) else {}


def _number(answer: Mapping[str, Any], known: Mapping[str, Any]) -> str | None:
    return key_of(answer.get("id")) or key_of(answer.get("download_id")) or key_of(known.get("id"))


def _shown(due: datetime) -> str:
    return due.strftime("%Y-%m-%d %H:%M:%SZ")
