"""The settings of `kind = "sentinelhub"`."""

from __future__ import annotations

from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from stacsync.provider import SourceStore
from stacsync.settings import CommonProvider, Key, Section, Text, Url

MAIN = "https://services.sentinel-hub.com"
_MAIN_TOKENS = f"{MAIN}/auth/realms/main/protocol/openid-connect/token"
_TOKENS = {
    "sh.dataspace.copernicus.eu": (
        "https://identity.dataspace.copernicus.eu/auth/realms/CDSE/protocol/openid-connect/token"
    ),
}


class Source(Section):
    """`[providers.NAME.source]`: the bucket that results were delivered to."""

    endpoint_url: Url | None = Field(default=None, description="An S3-compatible store; default: AWS")
    region: Key | None = Field(default=None, description="The bucket's region; default: found by asking the bucket")
    access_key_id: Key | None = Field(default=None, description="Default: the AWS credential chain")
    secret_access_key: SecretStr | None = Field(default=None, description="Goes with `access_key_id`")


class SentinelHubSettings(CommonProvider):
    """`[providers.NAME]` with `kind = "sentinelhub"`."""

    lasting_hrefs: ClassVar[bool] = True

    url: Url = Field(default=MAIN, description="The deployment, such as https://sh.dataspace.copernicus.eu")
    token_url: Url | None = Field(default=None, description="OAuth2 token endpoint; default: that of the deployment")
    client_id: Text = Field(description="The OAuth client's id")
    client_secret: SecretStr = Field(description="The OAuth client's secret")
    api: Literal["v2", "v1"] = Field(default="v2", description="Version of the Batch Processing API")
    path_style: Literal["api", "service"] = Field(
        default="api", description="`api`: /api/v2/batch, as all deployments have it; `service`: /batch/v2"
    )
    source: Source = Field(default_factory=Source, description="How to read the bucket with the results")
    partial: Literal["publish", "skip"] = Field(
        default="publish", description="What to do with requests of which some tiles are missing for good"
    )
    collections: Literal["auto", "off"] | tuple[Text, ...] = Field(
        default="auto",
        description="`auto`: batch collections that jobs feed; `off`: one Collection per job; or a list of ids",
    )

    @field_validator("collections", mode="before")
    @classmethod
    def _as_tuple(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    def token_endpoint(self) -> str:
        """Return where tokens are asked for."""
        return self.token_url or _TOKENS.get(urlsplit(self.url).hostname or "", _MAIN_TOKENS)

    def source_store(self) -> SourceStore:
        """Return how to read the source bucket."""
        secret = self.source.secret_access_key
        return SourceStore(
            endpoint_url=self.source.endpoint_url,
            region=self.source.region,
            access_key_id=self.source.access_key_id,
            secret_access_key=secret.get_secret_value() if secret else None,
        )

    def takes_collection(self, collection_id: str | None) -> bool:
        """Say whether results that feed this batch collection are published as one Collection with its others."""
        if collection_id is None or self.collections == "off":
            return False
        return self.collections == "auto" or collection_id in self.collections
