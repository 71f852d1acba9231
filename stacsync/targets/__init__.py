"""STAC APIs that take the published Items too: `[[targets]]`, by the Transaction extension.

`documents` makes what is sent (pure), `api` speaks to one API, `push` decides what to send; what an API took is in
`stacsync.ledger.pushed`. A push comes after publication, never in its way: an API that is down is behind, and no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from threading import Lock

from pydantic import SecretStr

from stacsync.errors import SignInFailed, StacsyncError, Stopped, Unavailable
from stacsync.http import HttpError
from stacsync.ledger import Ledger
from stacsync.ledger.behind import TargetState, state_of
from stacsync.ledger.pushed import Pushed
from stacsync.logs import get_logger
from stacsync.provider import CheckLine, Context
from stacsync.targets.api import Api
from stacsync.targets.documents import Shape
from stacsync.targets.push import Push, PushReport

__all__ = ["PushReport", "Shape", "Target"]

_LOG = get_logger(__name__)
_NO_TRANSACTION = "switch the API's Transaction extension on, or take it out of [[targets]]"


class Target:
    """One configured STAC API; used from any thread."""

    def __init__(
        self,
        url: str,
        token: SecretStr | None,
        *,
        ledger: Ledger,
        shape: Shape,
        context: Context,
        clock: Callable[[], datetime],
    ) -> None:
        """Open nothing over the network yet."""
        self.url = url
        self._ledger = ledger
        self._pushed = Pushed(ledger, clock, url)
        self._shape = shape
        self._clock = clock
        self._api = Api(url, token, context)
        self._lock = Lock()

    def push(self, *, patient: bool = False) -> PushReport:
        """Send what is pending; what goes wrong is in the report. Raises `Stopped` and `LedgerError`.

        `patient`: leave alone what failed a short while ago. A push that finds another one under way does nothing.
        """
        report = PushReport(self.url)
        if not self._lock.acquire(blocking=not patient):
            return report
        try:
            due = self._pushed.due()
            if patient and due is not None and due > self._clock():
                return report
            self._push(report, patient=patient)
        finally:
            self._lock.release()
        return report

    def _push(self, report: PushReport, *, patient: bool) -> None:
        try:
            Push(self._api, self._pushed, self._shape, report, patient=patient).run()
        except Unavailable as error:
            report.error = self._told(error)
            attempts = self._pushed.failed(report.error)
            _LOG.warning("target.failed", target=self.url, error=report.error, attempts=attempts, sent=report.sent)
            return
        self._pushed.worked()
        if report:
            refused = sum(map(len, report.refused.values()))
            _LOG.info("target.pushed", target=self.url, sent=report.sent, removed=report.removed, refused=refused)

    def forget(self) -> None:
        """Send everything again at the next push."""
        self._pushed.forget()

    def state(self) -> TargetState:
        """Return how far the target is behind, and why."""
        with self._ledger.read() as conn:
            return state_of(conn, self.url)

    def check(self) -> Iterator[CheckLine]:
        """Ask for the landing page, then try a write that changes nothing."""
        subject = f"targets: {self.url}"
        try:
            offer = self._api.offer()
            if not offer.transaction:
                message = "names no Transaction extension in its conformance classes"
                yield CheckLine(subject=subject, ok=False, message=message, remedy=_NO_TRANSACTION)
                return
            if (status := self._api.try_write()) in {405, 501}:
                message = f"answers {status} to a delete: it takes no Items"
                yield CheckLine(subject=subject, ok=False, message=message, remedy=_NO_TRANSACTION)
                return
        except Stopped:
            raise
        except StacsyncError as error:
            yield CheckLine(subject=subject, ok=False, message=error.message, remedy=_remedy(error))
            return
        bulk = {True: "in bulk", False: "one by one", None: "in bulk if it can"}[offer.bulk]
        yield CheckLine(subject=subject, ok=True, message=f"{offer.title}: takes Items {bulk}")
        if not self._shape.public:
            message = f"hrefs sent begin with {self._shape.base}: readers of the API cannot open them with a browser"
            yield CheckLine(subject=subject, ok=True, message=f"{message}; storage.public_url says where they can")

    def close(self) -> None:
        """Release the connections."""
        self._api.close()

    @staticmethod
    def _told(error: Unavailable) -> str:
        remedy = _remedy(error)
        return f"{error.message} ({remedy})" if remedy else error.message


def _remedy(error: StacsyncError) -> str:
    if isinstance(error, SignInFailed):
        return "check targets.token"
    if isinstance(error, HttpError) and error.status == 403:
        return "the token needs the right to write Collections and Items"
    if isinstance(error, HttpError) and error.status in {404, 405}:
        return f"check targets.url; {_NO_TRANSACTION}"
    return error.remedy
