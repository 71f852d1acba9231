"""obstore's view of a bucket, with the credentials that boto3 finds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.store import S3Store

from stacsync.errors import ConfigError
from stacsync.storage.faults import Fault
from stacsync.storage.s3_access import ATTEMPTS, Access

_REFRESH = timedelta(minutes=5)


def object_store(access: Access, bucket: str, prefix: str) -> Callable[[], S3Store]:
    """Return a function that returns the bucket's store, opened at the first call. It raises `StorageError`."""

    @cache
    def opened() -> S3Store:
        account = access.account
        if access.session.get_credentials() is None:
            raise Fault("NoCredentials").error(access.url, "sign requests")
        where: Any = {"region": access.session.region_name or "us-east-1"}
        if account.endpoint_url:
            where |= {"endpoint": account.endpoint_url.rstrip("/"), "virtual_hosted_style_request": False}
        client: Any = {
            "allow_http": True,
            "connect_timeout": "10s",
            "read_timeout": "60s",
            "timeout": "15min",
        }
        if account.ca_bundle:
            client["root_certificate"] = authority(account.ca_bundle)
        return S3Store(
            bucket,
            prefix=prefix or None,
            config=where | {"unsigned_payload": True},
            client_options=client,
            retry_config={"max_retries": ATTEMPTS, "retry_timeout": timedelta(minutes=3)},
            credential_provider=Boto3CredentialProvider(access.session, ttl=_REFRESH),
        )

    return opened


def authority(path: str) -> bytes:
    """Return the PEM file of an authority. Raises `ConfigError`."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"storage.ca_bundle: {path} cannot be read", "name a PEM file") from error
