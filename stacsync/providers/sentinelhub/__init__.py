"""Sentinel Hub Batch Processing, versions 2 and 1, with batch collections.

Results lie in the user's own bucket; what became of each tile is told by a GeoPackage and a SQLite file there (version 2)
or by the service (version 1). `provider` lists and dispatches; `features`, `tiles`, `stores` and `ingested` read one
job's files and answers; everything else is pure translation.
"""

from __future__ import annotations

from stacsync.logs import conceal
from stacsync.provider import Context, JobProvider, ProviderKind
from stacsync.providers.sentinelhub.settings import SentinelHubSettings

__all__ = ["KIND", "SentinelHubSettings", "connect"]


def connect(settings: SentinelHubSettings, context: Context) -> JobProvider:
    """Return the provider; nothing is asked over the network yet."""
    from stacsync.providers.sentinelhub.provider import SentinelHub  # noqa: PLC0415 - boto3 and PROJ take a second

    conceal(name for name in (settings.client_id, settings.source.access_key_id) if name)
    return SentinelHub(settings, context)


KIND = ProviderKind(
    name="sentinelhub",
    summary="Sentinel Hub Batch Processing: tiles, Zarr stores and batch collections in your own bucket",
    settings=SentinelHubSettings,
    connect=connect,
)
