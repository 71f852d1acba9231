"""Send a target what it has not: Collections, their Items, and what went.

What one document is refused for stays that document's trouble. A target that refuses our token, answers nothing, or fails
time after time is left alone until later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from stacsync.errors import SignInFailed
from stacsync.http import HttpError
from stacsync.ledger.pending import Pending, Place
from stacsync.ledger.pushed import Pushed
from stacsync.targets.api import Api, BulkRefused, CollectionMissing, bulk_is_missing
from stacsync.targets.documents import Shape

STRIKES = 3
"""Server errors in a row after which a target is taken for broken, rather than the documents."""


@dataclass(slots=True)
class PushReport:
    """What one push did."""

    target: str
    sent: int = 0
    """Items created or replaced."""
    collections: int = 0
    removed: int = 0
    refused: dict[str, list[str]] = field(default_factory=dict)
    """What the target refused and why, by provider."""
    error: str | None = None
    """Why the push was not made, or not to its end."""

    def __bool__(self) -> bool:
        """Whether anything happened."""
        return bool(self.sent or self.collections or self.removed or self.refused or self.error)

    def refuse(self, place: Place, item: str, reason: str) -> None:
        """Count a refusal."""
        name = f"{place.name}/{item}" if item else place.name
        self.refused.setdefault(place.provider, []).append(f"{name}: {reason}")

    def told(self, provider: str) -> str:
        """Return one sentence about what was refused of a provider's."""
        refused = self.refused[provider]
        return f"documents refused: {len(refused)}; the first: {refused[0]}"


class Push:
    """One push to one target; `run` makes it. Raises `Unavailable` and `Stopped`; what was sent until then is remembered."""

    def __init__(self, api: Api, pushed: Pushed, shape: Shape, report: PushReport, *, patient: bool) -> None:
        """Send to `api` what `pushed` does not know; `patient`: without what was refused of late."""
        self._api = api
        self._pushed = pushed
        self._shape = shape
        self._report = report
        self._patient = patient
        self._bulk: bool | None = None
        self._strikes = 0

    def run(self) -> None:
        """Send everything that is pending; nothing is asked of the target when nothing is."""
        self._pushed.begin(self._shape.mark)
        gone, places = self._pushed.gone(), self._pushed.places(patient=self._patient)
        if not gone and not places:
            return
        self._bulk = self._api.offer().bulk
        for provider, collection, name in gone:
            self._drop(provider, collection, name)
        for place in places:
            if not place.blocked and self._collection(place):
                self._items(place)
                self._pushed.settle(place)

    def _drop(self, provider: str, collection: str, name: str) -> None:
        for item in self._pushed.removed(provider, collection, all_of_it=True):
            self._api.delete_item(name, item)
            self._pushed.dropped(provider, collection, item)
            self._report.removed += 1
        self._api.delete_if_empty(name)
        self._pushed.dropped(provider, collection, "")

    def _collection(self, place: Place) -> bool:
        """Send the Collection's own document if it changed; return whether the target has it."""
        if place.taken == place.digest:
            return True
        listing = self._pushed.listing(place)
        if listing is None:
            return False
        document = self._shape.collection(listing, place.key)

        def send() -> None:
            if not self._api.put_collection(document, known=bool(place.taken)):
                self._pushed.lost(place)  # with all of its Items

        if (reason := self._try(send)) is not None:
            self._pushed.refused(place, {"": reason})
            self._report.refuse(place, "", reason)
            return False
        self._pushed.took_collection(place)
        self._report.collections += 1
        return True

    def _items(self, place: Place) -> None:
        for item in self._pushed.removed(place.provider, place.collection):
            self._api.delete_item(place.name, item)
            self._pushed.dropped(place.provider, place.collection, item)
            self._report.removed += 1
        for batch in self._pushed.pending(place, patient=self._patient):
            reasons = self._send(place, batch)
            self._pushed.took(place, [one for one in batch if one.item not in reasons])
            self._report.sent += len(batch) - len(reasons)
            self._pushed.refused(place, reasons)
            for item, reason in reasons.items():
                self._report.refuse(place, item, reason)

    def _send(self, place: Place, batch: Sequence[Pending]) -> dict[str, str]:
        """Send Items, together if the target takes that; return the reasons for those it refused."""
        if self._bulk is False or (len(batch) == 1 and self._bulk is None):
            return self._one_by_one(place, batch)
        documents = [self._document(place, one) for one in batch]
        try:
            reasons = self._api.put_items(place.name, documents)
        except BulkRefused as refusal:
            if bulk_is_missing(refusal) and not self._bulk:
                self._bulk = False
            elif refusal.status == 413 and len(batch) > 1:
                half = len(batch) // 2
                return self._send(place, batch[:half]) | self._send(place, batch[half:])
            return self._one_by_one(place, batch)
        self._bulk = True
        self._strikes = 0
        return reasons

    def _one_by_one(self, place: Place, batch: Sequence[Pending]) -> dict[str, str]:
        reasons: dict[str, str] = {}
        done: list[Pending] = []
        try:
            for one in batch:
                document = self._document(place, one)

                def send(document: dict[str, Any] = document, known: bool = one.known) -> None:
                    self._api.put_item(place.name, document, known=known)

                if (reason := self._try(send)) is not None:
                    reasons[one.item] = reason
                else:
                    done.append(one)
        except CollectionMissing:
            self._pushed.lost(place)
            raise
        except BaseException:
            self._pushed.took(place, done)
            self._report.sent += len(done)
            raise
        return reasons

    def _document(self, place: Place, one: Pending) -> dict[str, Any]:
        return self._shape.item(one.document, one.key, place.name)

    def _try(self, send: Callable[[], None]) -> str | None:
        """Send one document; return why it was refused. Raises `Unavailable` when it is the target that is at fault."""
        try:
            send()
        except HttpError as error:
            if isinstance(error, SignInFailed) or error.status in {0, 403, 404, 405, 424, 429}:
                raise
            self._strikes = self._strikes + 1 if error.status >= 500 else 0
            if self._strikes >= STRIKES:
                raise
            return error.message
        self._strikes = 0
        return None
