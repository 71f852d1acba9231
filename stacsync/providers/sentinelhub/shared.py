"""What the service says of the batch collections that jobs feed, asked once per pass."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from threading import Lock
from typing import Any

from stacsync.errors import JobNotReady, JobUnusable
from stacsync.http import HttpError
from stacsync.provider import Context
from stacsync.providers.sentinelhub import byoc, times
from stacsync.providers.sentinelhub.client import Client
from stacsync.providers.sentinelhub.facts import mapping, text

Sensed = Mapping[tuple[str, str], datetime]


class SharedCollections:
    """Facts and sensing times of batch collections; used from any thread.

    The sensing times of one collection are kept at a time: a collection may have 100,000 tiles.
    """

    def __init__(self, client: Client, context: Context) -> None:
        self._client = client
        self._memory = context.memory
        self._lock = Lock()
        self._facts: dict[str, Mapping[str, Any]] = {}
        self._late: set[str] = set()
        """Not known to the service in this pass, for the first time: for all jobs that feed them alike."""
        self._sensed: tuple[str, Sensed] | None = None

    def forget(self) -> None:
        """Ask again from now on: a new pass begins."""
        with self._lock:
            self._facts.clear()
            self._late.clear()
            self._sensed = None

    def facts(self, collection_id: str) -> Mapping[str, Any]:
        """Return what the service says of a collection, nothing when it still does not know it at a second pass.

        Raises `JobNotReady` at the first such answer (a new collection takes a while to be known everywhere) and
        `JobUnusable` when there is no right to ask.
        """
        with self._lock:
            if collection_id not in self._facts:
                self._facts[collection_id] = self._ask(collection_id)
            return self._facts[collection_id]

    def sensed(self, collection_id: str, facts: Mapping[str, Any]) -> Sensed:
        """Return sensing times by (bucket, key) of the collection's files; none where the service keeps none."""
        stated = text(mapping(facts.get("additionalData")).get("hasSensingTimes"))
        if self._client.version == "v1" or stated not in ("YES", "PARTIALLY") or not text(facts.get("s3Bucket")):
            return {}
        with self._lock:
            if self._sensed is None or self._sensed[0] != collection_id:
                self._sensed = (collection_id, self._read_sensed(collection_id, facts))
            return self._sensed[1]

    def _read_sensed(self, collection_id: str, facts: Mapping[str, Any]) -> Sensed:
        where = byoc.bucket(facts)
        found: dict[tuple[str, str], datetime] = {}
        for tile in self._client.collection_tiles(collection_id):
            moment = times.instant(tile.get("sensingTime"))
            if moment:
                found.update({(where, key): moment for _, key in byoc.keys(facts, tile)})
        return found

    def _ask(self, collection_id: str) -> Mapping[str, Any]:
        mark = f"unknown-collection:{collection_id}"
        try:
            found = self._client.collection(collection_id)
        except JobNotReady:
            if collection_id in self._late or self._memory.get(mark) is None:
                self._late.add(collection_id)
                self._memory.put(mark, {"seen": True})
                raise
            return {}
        except HttpError as problem:
            if problem.status != 403:
                raise
            raise JobUnusable(
                f"no right to ask for batch collection {collection_id}",
                'give the OAuth client the right, or set collections = "off"',
            ) from None
        if self._memory.get(mark) is not None:
            self._memory.drop(mark)
        return found
