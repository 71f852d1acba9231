"""Send what is published to the `[[targets]]`: after a pass, beside everything else, never in its way."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from typing import Any

from stacsync.app.parts import Parts
from stacsync.errors import LedgerError, Stopped
from stacsync.ledger.times import to_text
from stacsync.logs import get_logger
from stacsync.targets import PushReport, Target

_LOG = get_logger(__name__)
_TICK_SECONDS = 0.2


def push(parts: Parts, *, patient: bool = False) -> list[PushReport]:
    """Send to every target what it has not; nothing is raised. `patient`: leave alone what failed a short while ago."""
    if not parts.settings.targets:
        return []
    with ThreadPoolExecutor(max_workers=len(parts.targets), thread_name_prefix="push") as pool:
        return list(pool.map(lambda target: _one(target, patient=patient), parts.targets))


def _one(target: Target, *, patient: bool) -> PushReport:
    try:
        return target.push(patient=patient)
    except (Stopped, LedgerError) as error:
        return PushReport(target.url, error=str(error))
    except Exception as bug:  # noqa: BLE001 - a bug in a push must not take the published catalog's pass down
        _LOG.exception("target.bug", target=target.url)
        return PushReport(target.url, error=f"internal error: {type(bug).__name__}; see the log")


def errors(reports: Iterable[PushReport]) -> list[dict[str, Any]]:
    """Return entries of the `errors` of `sync --json`."""
    found: list[dict[str, Any]] = []
    for report in reports:
        for provider in sorted(report.refused):
            message = report.told(provider)
            found.append({"provider": provider, "job": None, "target": report.target, "message": message})
        if report.error is not None:
            found.append({"provider": None, "job": None, "target": report.target, "message": report.error})
    return found


def standing(parts: Parts) -> list[dict[str, Any]]:
    """Return the `targets` of `status --json`: how far each is behind, and why."""
    found = []
    for target in parts.targets:
        state = target.state()
        refused = [
            {"provider": provider, "collection": collection, "item": item or None, "reason": reason}
            for provider, collection, item, reason in state.refused
        ]
        found.append(
            {
                "url": target.url,
                "pushed": state.pushed,
                "pending": state.pending,
                "error": state.error or None,
                "attempts": state.attempts,
                "next_attempt": to_text(state.next_attempt),
                "refused": refused,
            }
        )
    return found


class Pushing:
    """The thread of `run` that pushes after passes: a slow target delays no pass."""

    def __init__(self, parts: Parts) -> None:
        """Start nothing yet."""
        self._parts = parts
        self._due = Event()
        self._thread: Thread | None = None

    def wake(self) -> None:
        """Push soon."""
        if not self._parts.settings.targets:
            return
        self._due.set()
        if self._thread is None:
            self._thread = Thread(target=self._serve, name="push", daemon=True)
            self._thread.start()

    @property
    def running(self) -> bool:
        """Whether the thread has not ended yet; it does soon after the parts are asked to stop."""
        return self._thread is not None and self._thread.is_alive()

    def _serve(self) -> None:
        while not self._parts.stop.is_set():
            if self._due.wait(_TICK_SECONDS):
                self._due.clear()
                push(self._parts, patient=True)
