"""openEO back-ends: finished batch jobs and their results (API 1.0 to 1.3).

`jobs`, `results`, `items`, `assets` turn documents into records and are pure; `provider` asks for the documents through
`backend` (which version, which token) and `signing` (which address of a file works now).
"""

from __future__ import annotations

from stacsync.provider import ProviderKind
from stacsync.providers.openeo.provider import OpenEOProvider
from stacsync.providers.openeo.settings import OpenEOSettings

KIND = ProviderKind(
    name="openeo",
    summary="Finished batch jobs of an openEO back-end (CDSE, Terrascope, EODC, …)",
    settings=OpenEOSettings,
    connect=OpenEOProvider,
)

__all__ = ["KIND"]
