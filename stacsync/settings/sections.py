"""The sections of the configuration file, except the providers' own tables."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from stacsync.settings.values import (
    Cron,
    Duration,
    File,
    Interval,
    Key,
    LedgerUrl,
    Scheduler,
    Size,
    StorageUrl,
    Text,
    Url,
)


class Section(BaseModel):
    """A table of the configuration: refuses unknown keys, never changes, never shows a value in an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)


class Organisation(Section):
    """An organisation, as STAC knows them: `[[catalog.providers]]`."""

    name: Text = Field(description="Name of the organisation")
    description: str | None = Field(default=None, description="What it did for the data")
    roles: tuple[Literal["licensor", "producer", "processor", "host"], ...] = Field(default=(), description="Its roles")
    url: Url | None = Field(default=None, description="Its home page")


def _title(known: dict[str, object]) -> str:
    return str(known.get("id", ""))


class Catalog(Section):
    """The published catalog."""

    id: Text = Field(description="Identifier of the root catalog")
    title: Text = Field(default_factory=_title, description="Title of the root catalog; default: its id")
    description: Text = Field(
        default="Results of finished Earth-observation jobs.",
        description="Description of the root catalog (CommonMark)",
    )
    license: Text = Field(
        default="other", description="License (SPDX identifier or `other`) of collections whose source states none"
    )
    providers: tuple[Organisation, ...] = Field(default=(), description="Organisations to name in every Collection")


class Storage(Section):
    """Where the catalog and the mirrored files live."""

    url: StorageUrl = Field(description="`s3://bucket/prefix` or `file:///folder`")
    endpoint_url: Url | None = Field(default=None, description="Address of an S3-compatible store; default: AWS")
    region: Key | None = Field(default=None, description="Region of the bucket; default: as the AWS chain says")
    access_key_id: Key | None = Field(
        default=None,
        repr=False,
        description="Access key; default: the AWS credential chain (environment, profile, role)",
    )
    secret_access_key: SecretStr | None = Field(default=None, description="Secret of the access key")
    public_url: Url | None = Field(
        default=None,
        description="Where readers see `url`: absolute `self` on the root, absolute hrefs in items.parquet; default: none",
    )
    ca_bundle: File | None = Field(
        default=None, description="PEM file of a private certificate authority that signs `endpoint_url`"
    )

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("`access_key_id` and `secret_access_key` belong together: give both or neither")
        return self


class Ledger(Section):
    """What was done already."""

    url: LedgerUrl = Field(
        default="sqlite:///stacsync.db",
        repr=False,
        description="`sqlite:///file`, or `postgresql+psycopg://…` when several machines share it",
    )
    state_dir: Path | None = Field(
        default=None,
        description="Folder for rotated sign-in tokens (files of mode 0600); default: beside the SQLite file, "
        "with PostgreSQL the working folder",
    )

    @property
    def folder(self) -> Path:
        """The folder for files that must outlive a restart."""
        if self.state_dir is not None:
            return self.state_dir
        return Path(self.url.removeprefix("sqlite:///")).parent if self.url.startswith("sqlite:") else Path()


EVERY = timedelta(minutes=5)


class Schedule(Section):
    """When `run` looks for finished jobs."""

    every: Interval | None = Field(default=EVERY, description="Time between two passes; not together with `cron`")
    cron: Cron | None = Field(default=None, description="Crontab expression (UTC), instead of `every`")
    jitter: Duration = Field(
        default=timedelta(seconds=10), description="Up to this much is added at random, so that providers spread out"
    )

    @model_validator(mode="before")
    @classmethod
    def _one_of_two(cls, table: object) -> object:
        if not isinstance(table, dict) or table.get("cron") is None:
            return table
        if table.get("every") is not None:
            raise ValueError("`every` and `cron` exclude each other: give one")
        return {**table, "every": None}


class Mirror(Section):
    """How files are copied."""

    concurrency: int = Field(default=16, ge=1, le=256, description="Transfers at once")
    executor: Literal["local", "dask"] = Field(default="local", description="Where transfers run")
    dask_scheduler: Scheduler | None = Field(
        default=None, description="Address of the Dask scheduler, such as `tcp://scheduler:8786`; for executor `dask`"
    )
    max_asset_size: Size = Field(
        default=50 * 2**30, description="A larger file makes its job fail with a clear reason; nothing is cut short"
    )

    @model_validator(mode="after")
    def _dask_has_an_address(self) -> Self:
        if self.executor == "dask" and self.dask_scheduler is None:
            raise ValueError('`executor = "dask"` needs `dask_scheduler`, such as "tcp://scheduler:8786"')
        if self.executor == "local" and self.dask_scheduler is not None:
            raise ValueError('`dask_scheduler` does nothing with `executor = "local"`; set `executor = "dask"`')
        return self


class Raster(Section):
    """What is read from mirrored rasters beside their headers."""

    pictures: bool = Field(
        default=True, description="Make a small preview picture of rasters that come without a thumbnail"
    )


class Server(Section):
    """The status page of `run`: `/`, `/healthz`, `/readyz`, `/metrics`, `/api/status`."""

    host: Text = Field(default="127.0.0.1", description="Address to listen on")
    port: int = Field(default=8080, ge=0, le=65535, description="Port to listen on; 0: any free one")


class Target(Section):
    """A STAC API that takes the items too (Transaction extension): `[[targets]]`."""

    url: Url = Field(description="Address of the API's landing page")
    token: SecretStr | None = Field(default=None, description="Bearer token; default: no sign-in")


class Log(Section):
    """What is logged, to stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level that is shown")
    format: Literal["auto", "json", "console"] = Field(
        default="auto", description="`auto`: for people on a terminal, one JSON object per line otherwise"
    )
