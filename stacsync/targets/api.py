"""The part of a STAC API that takes documents: the Transaction extensions for Items and Collections, and bulk Items.

Every call may be made again after a lost answer: what exists is replaced, what is gone counts as deleted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from pydantic import SecretStr

from stacsync.errors import Unavailable
from stacsync.http import HttpError, Response, Session
from stacsync.logs import redact
from stacsync.provider import Context

DEADLINE = 60.0
"""Seconds that one request may take with all its repetitions."""
TRANSACTION = ("/extensions/transaction", "/conf/simpletx", "transaction/items", "#transaction")
"""Any of these in a conformance class means the Transaction extension (its names changed over the years)."""
_NO_BULK = frozenset({404, 405, 501})


class Bearer:
    """A token that is sent as it is configured."""

    def __init__(self, token: SecretStr) -> None:
        """Send `token`."""
        self._token = token

    def headers(self) -> Mapping[str, str]:
        """Return the Authorization header."""
        return {"Authorization": f"Bearer {self._token.get_secret_value()}"}

    def refresh(self) -> bool:
        """Return False: there is no other token."""
        return False


@dataclass(frozen=True, slots=True)
class Offer:
    """What an API says that it offers."""

    title: str
    transaction: bool
    bulk: bool | None
    """None: it does not tell."""


class BulkRefused(Exception):
    """A bulk request was not taken; `status` is the answer's, 0 when there was none."""

    def __init__(self, status: int) -> None:
        """Tell the status."""
        super().__init__(status)
        self.status = status


class CollectionMissing(HttpError):
    """An Item cannot be written because its Collection is not there (any more)."""


class Api:
    """One API. Methods raise `HttpError` for answers that refuse, `Unavailable` when nobody answers, `Stopped`."""

    def __init__(self, url: str, token: SecretStr | None, context: Context) -> None:
        """Connect to nothing yet."""
        auth = None if token is None else Bearer(token)
        self.url = url
        self._session = Session(url, context=context, auth=auth, deadline=DEADLINE)

    def offer(self) -> Offer:
        """Return what the landing page says, and the API's description as far as it can be read."""
        landing = self._session.get_json("")
        if not isinstance(landing, dict):
            raise HttpError(f"{self.url} is no landing page of a STAC API", "check targets.url", status=200)
        classes = [str(one) for one in landing.get("conformsTo") or ()]
        told = any(mark in one for one in classes for mark in TRANSACTION)
        return Offer(str(landing.get("title") or landing.get("id") or self.url), told, self._bulk(landing))

    def put_collection(self, document: Mapping[str, Any], *, known: bool) -> bool:
        """Create or replace a Collection; `known`: it should be there. Return whether it was, as far as that is known."""
        return self._upsert("/collections", _path(document["id"]), document, known=known)

    def put_item(self, collection: str, document: Mapping[str, Any], *, known: bool) -> None:
        """Create or replace an Item; `known`: it is probably there. Raises `CollectionMissing`."""
        path = _path(collection, document["id"])
        try:
            self._upsert(f"{_path(collection)}/items", path, document, known=known)
        except HttpError as error:
            if error.status not in {404, 424}:
                raise
            raise CollectionMissing(
                f"{self.url} does not know the Collection {collection}",
                "it is sent again as a whole at the next pass",
                status=error.status,
            ) from None

    def put_items(self, collection: str, documents: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """Create or replace Items in one request; return the reasons for those that were refused, by id.

        Raises `BulkRefused` when nothing was taken.
        """
        body = {"items": {str(one["id"]): one for one in documents}, "method": "upsert"}
        try:
            answer = self._session.request("POST", f"{_path(collection)}/bulk_items", json=body)
        except HttpError as error:
            if error.status in {401, 403, 429}:
                raise
            raise BulkRefused(error.status) from None
        except Unavailable:
            raise BulkRefused(0) from None
        return _refusals(answer, {str(one["id"]) for one in documents})

    def delete_item(self, collection: str, item: str) -> None:
        """Delete an Item that may be gone already."""
        self._session.request("DELETE", _path(collection, item), accept_statuses={404, 410})

    def delete_if_empty(self, collection: str) -> None:
        """Delete a Collection unless it holds Items (of somebody else); it may be gone already."""
        found = self._session.get_json(f"{_path(collection)}/items", {"limit": 1}, accept_statuses={404, 410})
        if isinstance(found, dict) and not found.get("features"):
            self._session.request("DELETE", _path(collection), accept_statuses={404, 410})

    def try_write(self) -> int:
        """Delete what cannot exist: return the status, which tells whether our token may write."""
        nowhere = f"stacsync-probe-{uuid4().hex}"
        path = _path(nowhere, nowhere)
        return self._session.request("DELETE", path, accept_statuses={404, 405, 410, 424, 501}).status

    def close(self) -> None:
        """Release the connections."""
        self._session.close()

    def _upsert(self, create: str, replace: str, document: Mapping[str, Any], *, known: bool) -> bool:
        """Return False when what should be there was not."""
        if known and self._session.request("PUT", replace, json=document, accept_statuses={404}).status != 404:
            return True
        answer = self._session.request("POST", create, json=document, accept_statuses={409})
        if answer.status == 409:  # there it is, perhaps through a request of ours whose answer was lost
            self._session.request("PUT", replace, json=document)
        return not known

    def _bulk(self, landing: Mapping[str, Any]) -> bool | None:
        """Look for the bulk endpoint in the API's description: it has no conformance class."""
        links = [link for link in landing.get("links") or () if isinstance(link, dict)]
        described = next((str(link.get("href")) for link in links if link.get("rel") == "service-desc"), None)
        if described is None:
            return None
        try:
            description = self._session.get_json(described, headers={"Accept": "application/json, */*;q=0.5"})
        except Unavailable:
            return None
        paths = description.get("paths") if isinstance(description, dict) else None
        if not isinstance(paths, dict):
            return None
        return any(path.endswith("/bulk_items") and "post" in paths[path] for path in paths)


def bulk_is_missing(error: BulkRefused) -> bool:
    """Whether the endpoint may not be there at all."""
    return error.status in _NO_BULK


def _path(collection: Any, item: Any = None) -> str:
    path = f"/collections/{quote(str(collection), safe='')}"
    return path if item is None else f"{path}/items/{quote(str(item), safe='')}"


def _refusals(answer: Response, sent: set[str]) -> dict[str, str]:
    """Read the answer to a bulk request: what it calls errors, by Item. Older servers answer a sentence instead."""
    try:
        told = answer.json()
    except HttpError:
        return {}
    errors = told.get("errors") if isinstance(told, dict) else None
    found = [one for one in errors or () if isinstance(one, dict)]
    reasons = {str(one.get("id")): redact(str(one.get("msg") or "refused without a reason"))[:300] for one in found}
    if reasons.keys() - sent:
        raise BulkRefused(answer.status)  # whose errors these are is not told: ask one by one
    return reasons
