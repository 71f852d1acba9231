"""What a store is opened with, and what its URL says. Pure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from stacsync.errors import ConfigError, StorageError
from stacsync.storage.keys import checked

_ALLOWED = 'allowed are "s3://bucket/prefix" and "file:///absolute/folder"'
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")


class Secret(Protocol):
    """A value that shows itself only when asked (pydantic's `SecretStr`)."""

    def get_secret_value(self) -> str:
        """Return the value in clear."""
        ...


class StorageOptions(Protocol):
    """Where the catalog lives and as whom to go there; `stacsync.settings` has one."""

    @property
    def url(self) -> str:
        """Return `s3://bucket/prefix` or `file:///folder`."""
        ...

    @property
    def endpoint_url(self) -> str | None:
        """Return the address of an S3 service; None: AWS."""
        ...

    @property
    def region(self) -> str | None:
        """Return the bucket's region; None: as the AWS chain says."""
        ...

    @property
    def access_key_id(self) -> str | Secret | None:
        """Return the access key; None: the AWS credential chain."""
        ...

    @property
    def secret_access_key(self) -> str | Secret | None:
        """Return its secret."""
        ...

    @property
    def ca_bundle(self) -> str | Path | None:
        """Return a PEM file of the authority that signs the service's certificate; None: the system's."""
        ...


def secret_of(value: str | Secret | None) -> str | None:
    """Return a secret in clear; None when there is none."""
    return value if value is None or isinstance(value, str) else value.get_secret_value()


def scheme_of(url: str) -> str:
    """Return "s3" or "file". Raises `ConfigError`."""
    parts = urlsplit(url)
    if parts.scheme not in {"s3", "file"} or parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigError(f"storage.url: not the address of a store, {_ALLOWED}")
    return parts.scheme


def folder_of(url: str) -> Path:
    """Return the folder of a file URL. Raises `ConfigError`."""
    parts = urlsplit(url)
    path = unquote(parts.path)
    if parts.netloc not in {"", "localhost"} or not path.startswith("/") or "\0" in path:
        raise ConfigError(f"storage.url: a folder needs its whole path, {_ALLOWED}")
    return Path(path)


def bucket_of(url: str) -> tuple[str, str]:
    """Return the bucket and the prefix ("" for none) of an S3 URL. Raises `ConfigError`."""
    parts = urlsplit(url)
    if not _BUCKET.fullmatch(parts.netloc):
        raise ConfigError(f"storage.url: this names no bucket, {_ALLOWED}")
    prefix = unquote(parts.path).strip("/")
    try:
        return parts.netloc, checked(prefix) if prefix else ""
    except StorageError as error:
        raise ConfigError(f"storage.url: {error.message}", _ALLOWED) from error
