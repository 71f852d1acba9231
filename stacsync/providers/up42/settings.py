"""What a `[providers.NAME]` table of kind `up42` takes."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator

from stacsync.settings import CommonProvider, Duration, Text, Url

API_URL = "https://api.up42.com"
AUTH_URL = "https://auth.up42.com"
CLIENT_ID = "up42-api"
TOKEN_PATH = "/realms/public/protocol/openid-connect/token"  # noqa: S105  # a path, no token
GROUPINGS = {"v2": ("process", "source"), "v1": ("workflow", "project", "job")}
_NEEDED = {"username": "v2", "password": "v2", "project_id": "v1", "project_api_key": "v1"}
_ONLY = {**_NEEDED, "auth_url": "v2", "client_id": "v2", "workspace_id": "v2", "tasks": "v1"}
Grouping = Literal["process", "source", "workflow", "project", "job"]


def _word(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


class Up42Settings(CommonProvider):
    """One UP42 account (`api = "v2"`) or one project of the first API (`api = "v1"`)."""

    api: Annotated[Literal["v2", "v1"], BeforeValidator(_word)] = Field(
        default="v2", description="`v2`: processing jobs and STAC storage; `v1`: projects, workflows and job archives"
    )
    url: Url = Field(default=API_URL, description="Address of the API")
    auth_url: Url | None = Field(
        default=None,
        validate_default=True,
        description=f"v2: address of the sign-in service, or of its token endpoint; default: {AUTH_URL}",
    )
    username: Text | None = Field(
        default=None, validate_default=True, repr=False, description="v2: name of the account that signs in"
    )
    password: SecretStr | None = Field(default=None, validate_default=True, description="v2: its password")
    client_id: Text | None = Field(
        default=None, validate_default=True, description=f"v2: OAuth client that signs in; default: {CLIENT_ID}"
    )
    workspace_id: Text | None = Field(
        default=None, validate_default=True, repr=False, description="v2: take the jobs of this workspace alone"
    )
    project_id: Text | None = Field(
        default=None, validate_default=True, repr=False, description="v1: the project whose jobs are taken"
    )
    project_api_key: SecretStr | None = Field(default=None, validate_default=True, description="v1: its API key")
    tasks: Literal["last", "all"] | None = Field(
        default=None,
        validate_default=True,
        description="v1: `last` (default): the job's own results; `all`: also an Item per intermediate task and feature",
    )
    collection_by: Grouping | None = Field(
        default=None,
        validate_default=True,
        description="One Collection per `process` (v2 default) or `source` collection; v1: `workflow` (default), "
        "`project` or `job`",
    )
    originals: bool = Field(default=False, description="v2: also mirror the original delivery of each job's collection")
    give_up_after: Duration = Field(
        default=timedelta(days=3),
        description="v2: how long after its end a job whose collection is still empty is waited for",
    )
    stac_path: Text = Field(default="/v2/assets/stac", description="v2: path of the STAC API below `url`")

    @field_validator(*_ONLY)
    @classmethod
    def _belongs(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse a key of the other API, and a missing key of this one."""
        api, key = info.data.get("api"), info.field_name or ""
        if api is None:
            return value
        if value is None and _NEEDED.get(key) == api:
            raise ValueError(f'is missing: api = "{api}" signs in with it')
        if value is not None and _ONLY[key] != api:
            raise ValueError(f'is a key of api = "{_ONLY[key]}", and api is "{api}"')
        return value

    @field_validator("originals", "give_up_after", "stac_path")
    @classmethod
    def _of_today(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse what the first API has no use for; called for what is given, not for defaults."""
        if info.data.get("api") == "v1":
            raise ValueError('is a key of api = "v2", and api is "v1"')
        return value

    @field_validator("collection_by")
    @classmethod
    def _grouping_of_api(cls, value: Any, info: ValidationInfo) -> Any:
        allowed = GROUPINGS.get(info.data.get("api", ""), ())
        if value is not None and allowed and value not in allowed:
            raise ValueError(f"with this api, one of these is expected: {', '.join(allowed)}")
        return value

    @property
    def grouping(self) -> str:
        """By what items are grouped into Collections."""
        return self.collection_by or GROUPINGS[self.api][0]

    @property
    def every_task(self) -> bool:
        """Whether intermediate tasks are published too."""
        return self.tasks == "all"

    @property
    def token_url(self) -> str:
        """Where tokens are asked for."""
        if self.api == "v1":
            return f"{self.url}/oauth/token"
        base = self.auth_url or AUTH_URL
        if base.endswith("/token"):
            return base
        return base + (TOKEN_PATH.removeprefix("/realms/public") if base.endswith("/realms/public") else TOKEN_PATH)
