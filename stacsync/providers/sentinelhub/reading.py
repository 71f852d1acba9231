"""What the descriptions of both versions share: the bucket, how files become assets, what a batch collection says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from stacsync.jobs import CollectionRecord, JobRecord
from stacsync.logs import get_logger
from stacsync.providers.sentinelhub.bucket import Bucket, Denied, Listing
from stacsync.providers.sentinelhub.client import Client
from stacsync.providers.sentinelhub.contributions import collection
from stacsync.providers.sentinelhub.deliveries import Delivery
from stacsync.providers.sentinelhub.facts import RequestFacts
from stacsync.providers.sentinelhub.records import Results
from stacsync.providers.sentinelhub.settings import SentinelHubSettings
from stacsync.providers.sentinelhub.shared import SharedCollections
from stacsync.providers.sentinelhub.workplace import Workplace
from stacsync.storage.source import Source

_LOG = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Everything that a description reads from."""

    name: str
    """The configured name of the provider."""
    settings: SentinelHubSettings
    client: Client
    source: Source
    shared: SharedCollections

    def bucket(self, name: str) -> Bucket:
        """Return the reader of one bucket."""
        return Bucket(self.source, name)

    def delivery(self, version: str, region: str | None = None) -> Delivery:
        """Return how files become assets; `version` stands in for e-tags that are not known."""
        return Delivery(
            provider=self.name,
            version=version,
            reference=self.settings.transfer == "reference",
            endpoint_url=self.settings.source.endpoint_url,
            region=self.settings.source.region or region,
        )

    def results(self, job: JobRecord, facts: RequestFacts) -> Results:
        """Return what all items of a job have in common. Raises `JobNotReady`, `JobUnusable` or `Unavailable`."""
        plain = Results(job=job, version=self.settings.api, facts=facts)
        if facts.collection_id is None or not self.settings.takes_collection(facts.collection_id):
            return plain
        stated: Mapping[str, Any] = self.shared.facts(facts.collection_id)
        return replace(plain, shared=stated, sensed=self.shared.sensed(facts.collection_id, stated))

    def collection(self, results: Results, request: Mapping[str, Any]) -> CollectionRecord:
        """Return what a job contributes to its Collection; by reference, without the request as a file."""
        return collection(results, request, attached=self.settings.transfer == "copy")

    def swept(
        self, delivery: Delivery, place: Workplace, folders: tuple[tuple[str, str], ...]
    ) -> tuple[Delivery, bool]:
        """Return a delivery that knows every object below the (bucket, prefix) pairs, and whether it could be listed.

        Without the right to list, files are taken as the service states them. Raises `JobUnusable` or `Unavailable`.
        """
        listing = Listing(place.path("objects.sqlite"))
        place.at_close(listing.close)
        try:
            for bucket, prefix in folders:
                listing.add(bucket, self.bucket(bucket).objects(prefix))
        except Denied:
            _LOG.warning("sentinelhub.listing_denied", bucket=folders[0][0])
            return delivery, False
        return replace(delivery, lookup=listing.lookup), True
