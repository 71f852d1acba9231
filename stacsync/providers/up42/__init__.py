"""UP42, by either of its APIs; documented at https://docs.up42.com. UP42's SDK is not needed.

`v2`, the default, has processing jobs whose results lie in a STAC storage; `v1` has projects, workflows and jobs whose
results are archives.

    settings   what the configuration takes
    times      instants in all their spellings
    names      safe names, and what is never repeated
    v2/  v1/   the two APIs, each with a pure half (payload -> records) and a provider that asks
"""

from __future__ import annotations

from stacsync.logs import conceal
from stacsync.provider import Context, JobProvider, ProviderKind
from stacsync.providers.up42.settings import Up42Settings
from stacsync.providers.up42.v1.provider import Up42V1
from stacsync.providers.up42.v2.provider import Up42V2


def connect(settings: Up42Settings, context: Context) -> JobProvider:
    """Return the provider for the API that is configured; nothing is asked yet."""
    secrets = (settings.password, settings.project_api_key)
    conceal(secret.get_secret_value() for secret in secrets if secret)
    conceal(name for name in (settings.username, settings.project_id, settings.workspace_id) if name)
    return Up42V1(settings, context) if settings.api == "v1" else Up42V2(settings, context)


KIND = ProviderKind(
    name="up42",
    summary="UP42 processing jobs and their STAC storage (v2), or the job archives of its first API (v1)",
    settings=Up42Settings,
    connect=connect,
)
