"""Whether the work goes on as it should: `/readyz`. Each question is answered on its own; one that hangs is an answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from threading import Event, Lock, Thread
from typing import Any

from stacsync.app import now
from stacsync.app.telling import SCHEDULE
from stacsync.errors import StacsyncError
from stacsync.ledger.times import from_text, to_text
from stacsync.logs import redact
from stacsync.schedule import Rhythm
from stacsync.server.service import Phase, Service, Tenure

RUNS = 3
"""A provider whose last success is older than so many of its passes take is late."""
MARGIN = timedelta(minutes=2)
"""How long a pass itself may take on top."""
PATIENCE_SECONDS = 5.0
KEPT_SECONDS = 10.0


class Probe:
    """Asks one question in a thread of its own, at most one at a time, and keeps the answer for a while."""

    def __init__(self, question: Callable[[], str | None], patience: float = PATIENCE_SECONDS) -> None:
        """`question` returns what is wrong, or None; it may raise `StacsyncError`, and may hang."""
        self._question = question
        self._patience = patience
        self._lock = Lock()
        self._done = Event()
        self._asking: Thread | None = None
        self._answered = float("-inf")
        self._answer: str | None = None

    def answer(self) -> str | None:
        """Return what is wrong, or None; takes no longer than `patience` seconds."""
        with self._lock:
            if time.monotonic() - self._answered < KEPT_SECONDS:
                return self._answer
            if self._asking is None or not self._asking.is_alive():
                self._done.clear()
                self._asking = Thread(target=self._ask, name="probe", daemon=True)
                self._asking.start()
        if not self._done.wait(self._patience):
            return f"no answer within {self._patience:.0f} s"
        return self._answer

    def _ask(self) -> None:
        try:
            self._answer = self._question()
        except StacsyncError as error:
            self._answer = str(error)
        except Exception as bug:  # noqa: BLE001 - a probe that breaks is an answer, too
            self._answer = redact(f"internal error: {type(bug).__name__}: {bug}"[:300])
        self._answered = time.monotonic()
        self._done.set()


class Readiness:
    """Answers `/readyz`."""

    def __init__(self, service: Service) -> None:
        """Look at `service`."""
        self._service = service
        self._probes: tuple[Tenure, Probe] | None = None
        self._lock = Lock()

    def report(self) -> dict[str, Any]:
        """Return `ready`, the `reasons` why not, and the facts about each provider."""
        tenure = self._service.tenure
        if tenure is None:
            return self._answer([self._inactive()], {})
        reasons = [f"storage: {problem}"] if (problem := self._probe(tenure).answer()) else []
        providers: dict[str, Any] = {}
        try:
            providers = dict(_providers(tenure, self._service.entered))
        except StacsyncError as error:
            reasons.append(f"ledger: {error}")
        reasons += [f"providers.{name}: {one['reason']}" for name, one in providers.items() if one["reason"]]
        return self._answer(reasons, providers)

    def _answer(self, reasons: list[str], providers: dict[str, Any]) -> dict[str, Any]:
        phase = self._service.phase.value
        return {"ready": not reasons, "phase": phase, "reasons": reasons, "providers": providers}

    def _inactive(self) -> str:
        service = self._service
        if service.phase is not Phase.STANDBY:
            return f"the service is {service.phase.value}"
        return f"standby: {service.error or service.waiting_for or 'the lease was not asked for yet'}"

    def _probe(self, tenure: Tenure) -> Probe:
        with self._lock:
            if self._probes is None or self._probes[0] is not tenure:
                self._probes = (tenure, Probe(lambda: _storage(tenure)))
            return self._probes[1]


def _storage(tenure: Tenure) -> str | None:
    tenure.parts.storage.head("catalog.json")
    return None


def _providers(tenure: Tenure, began: datetime) -> Iterator[tuple[str, dict[str, Any]]]:
    ledger, at = tenure.parts.ledger, now()
    for name, rhythm in tenure.schedule.rhythms.items():
        success = ledger.passes.last_success(name)
        complete = from_text((ledger.memory(name).get(SCHEDULE) or {}).get("last_complete"))
        known = [moment for moment in (success.finished if success else None, complete) if moment is not None]
        last = max(known, default=None)
        yield name, {"last_complete": to_text(last), "reason": _late(rhythm, began, known, at)}


def _late(rhythm: Rhythm, began: datetime, known: Sequence[datetime], at: datetime) -> str | None:
    """Return in words that a provider's passes do not go through; `known` is when the last ones did."""
    past = [moment for moment in (began, *known) if moment <= at + MARGIN]
    if not past:
        return "the clock was set back, and no pass went through since"
    due = rhythm.after(max(past), RUNS)
    if due is None or at <= due + MARGIN:
        return None
    return f"no pass went through since {to_text(max(known))}" if known else "no pass went through yet"
