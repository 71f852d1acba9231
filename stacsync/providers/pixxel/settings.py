"""What a `[providers.NAME]` table of kind `pixxel` takes."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field, SecretStr

from stacsync.settings import CommonProvider, Globs, Interval, Text, Url


class PixxelSettings(CommonProvider):
    """One Pixxel account."""

    url: Url = Field(default="https://api.pixxel.space", description="Address of the API")
    api_key: SecretStr = Field(description="API key or personal access token")
    auth_scheme: Literal["bearer", "raw"] = Field(
        default="bearer", description="`bearer`: sent as `Authorization: Bearer KEY`; `raw`: as `Authorization: KEY`"
    )
    workflows: tuple[Text, ...] = Field(
        default=(), description="Ids of the workflows to take; default: all of the account"
    )
    granularity: Literal["job", "task"] = Field(
        default="job", description="`job`: one package and Item per job; `task`: one of each per task of it"
    )
    package_include: Globs = Field(
        default=(), description="Take only files of a package whose path matches one of these globs"
    )
    package_exclude: Globs = Field(
        default=("input/*", "inputs/*"),
        description="Leave files of a package whose path matches one of these globs, with or without the folder around "
        "everything; default: the folder of inputs, whose licence rarely allows publishing",
    )
    package_attempts: int = Field(
        default=20,
        ge=1,
        le=1000,
        description="How often a package that stays pending is asked for before its job counts as failed",
    )
    package_retry: Interval = Field(
        default=timedelta(seconds=30),
        description="How soon a package that is being made is asked for again; twice as long each time, 10m at most",
    )
    done_statuses: tuple[Text, ...] = Field(
        default=(),
        description="Further words for a status that mean finished, should the API use others than known",
    )
    imagery: bool = Field(default=False, description="Also publish delivered imagery (the account's catalog) as Items")
