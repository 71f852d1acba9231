"""Everything there is to see, as the JSON object of `/api/status`: that of `status --json`, and what only `run` knows."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from threading import Lock
from typing import Any

from stacsync import __version__
from stacsync.app import Parts, now
from stacsync.app.telling import BREAKER, SCHEDULE, status
from stacsync.errors import StacsyncError
from stacsync.ledger.glance import Glance
from stacsync.ledger.times import from_text, to_text
from stacsync.plan import NEAR_EXPIRY
from stacsync.server import words
from stacsync.server.service import Phase, Service, Tenure

KEPT_SECONDS = 1.0
"""However many look at once, the ledger is asked this often."""


_NOTHING_KNOWN = {
    "items": 0,
    "running": False,
    "rhythm": None,
    "failures_in_a_row": 0,
    "resting_until": None,
    "last_complete": None,
    "enabled": False,
}


class Snapshots:
    """Makes the object, at most once a second."""

    def __init__(self, service: Service, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Look at `service`."""
        self._service = service
        self._monotonic = monotonic
        self._lock = Lock()
        self._kept: tuple[float, dict[str, Any]] | None = None

    def get(self) -> dict[str, Any]:
        """Return the object; what the ledger would say is left out when it cannot be asked."""
        with self._lock:
            at = self._monotonic()
            if self._kept is None or at - self._kept[0] > KEPT_SECONDS:
                self._kept = (at, take(self._service))
            known = self._kept[1]
        return {**known, "transfers": self._service.transfers.moving(), "recent": self._service.transfers.recent()}


def take(service: Service) -> dict[str, Any]:
    """Return the object as it is now, without the transfers."""
    told: dict[str, Any] = {
        "providers": {},
        "failures": [],
        "left_out": {},
        "set_aside": [],
        "expiring": [],
        "items": 0,
    }
    error = service.error
    tenure = service.tenure
    if tenure is not None:
        try:
            told = _from_ledger(tenure)
        except StacsyncError as refused:
            error = str(refused)
    for name, settings in service.settings.providers.items():
        told["providers"].setdefault(name, _unknown(settings.kind))["enabled"] = settings.enabled
    held, generation = service.lease
    told |= {
        "phase": service.phase.value,
        "error": error,
        "waiting_for": service.waiting_for,
        "version": __version__,
        "now": to_text(now()),
        "started": to_text(service.started),
        "since": to_text(service.entered),
        "lease": {"held": held, "generation": generation},
        "catalog": _catalog(service),
    }
    for name, one in told["providers"].items():
        one["state"] = words.provider_state(one, active=service.phase is Phase.ACTIVE)
        one["configured"] = name in service.settings.providers
    told["headline"] = words.headline(told)
    return told


def _from_ledger(tenure: Tenure) -> dict[str, Any]:
    parts = tenure.parts
    told = status(parts)
    glance = Glance(parts.ledger.database)
    items = glance.items()
    for name, one in told["providers"].items():
        one.update(_NOTHING_KNOWN)
        one.update(items=items.get(name, 0), running=name in tenure.running)
        one.update(_rhythm(tenure, name) | _memory(parts, name))
    told["items"] = sum(items.values())
    told["expiring"] = [
        {"provider": one.provider, "job": one.job, "title": one.title, "expires": to_text(one.expires)}
        for one in glance.expiring(now(), NEAR_EXPIRY)
    ]
    return told


def _rhythm(tenure: Tenure, name: str) -> dict[str, Any]:
    rhythm = tenure.schedule.rhythms.get(name)
    if rhythm is None:
        return {"rhythm": None, "next_pass": None}
    return {"rhythm": str(rhythm), "next_pass": to_text(tenure.schedule.next_run(name))}


def _memory(parts: Parts, name: str) -> dict[str, Any]:
    memory = parts.ledger.memory(name)
    breaker = memory.get(BREAKER) or {}
    until = breaker.get("until")
    open_until = until if _later(from_text(until)) else None
    last = (memory.get(SCHEDULE) or {}).get("last_complete")
    return {"failures_in_a_row": breaker.get("failures", 0), "resting_until": open_until, "last_complete": last}


def _later(moment: datetime | None) -> bool:
    return moment is not None and moment > now()


def _unknown(kind: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "jobs": {},
        "last_pass": None,
        "last_success": None,
        "next_pass": None,
        "error": None,
        **_NOTHING_KNOWN,
    }


def _catalog(service: Service) -> dict[str, Any]:
    settings = service.settings
    url = settings.storage.public_url
    return {
        "id": settings.catalog.id,
        "title": settings.catalog.title,
        "url": None if url is None else f"{url.rstrip('/')}/catalog.json",
    }
