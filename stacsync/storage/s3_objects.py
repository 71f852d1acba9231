"""obstore's view of a bucket, with the credentials that boto3 finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import S3Store

from stacsync.errors import ConfigError, Conflict
from stacsync.storage.faults import Fault, from_obstore
from stacsync.storage.s3_access import ATTEMPTS, Access

_REFRESH = timedelta(minutes=5)
_SMALL = 256 * 1024


def object_store(access: Access, bucket: str, prefix: str) -> Callable[[int], S3Store]:
    """Return a function from the bytes of a request to the bucket's store, opened at its first call.

    Small requests are given up after a minute, so that a dead connection does not hold up a pass; the large ones of
    many workers that share a slow line get a quarter of an hour. The function raises `StorageError`.
    """

    @cache
    def opened(timeout: str) -> S3Store:
        account = access.account
        access.require_credentials()
        where: Any = {"region": access.session.region_name or "us-east-1"}
        if account.endpoint_url:
            where |= {"endpoint": account.endpoint_url.rstrip("/"), "virtual_hosted_style_request": False}
        client: Any = {"allow_http": True, "connect_timeout": "10s", "timeout": timeout}
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

    return lambda size: opened("15min" if size > _SMALL else "1min")


@contextmanager
def told(access: Access, doing: str, missing: str | None = None) -> Iterator[None]:
    """Turn obstore's errors into ours, and those of boto3, which finds the credentials for it.

    An object that is missing is a `KeyError` of the key `missing`, if given.
    """
    try:
        with access.told(doing):
            yield
    except (BaseError, OSError, NotImplementedError) as error:
        fault = from_obstore(error)
        if fault.missing and missing is not None:
            raise KeyError(missing) from None
        refused = isinstance(error, (PreconditionError, AlreadyExistsError)) or fault.status in {409, 412}
        if refused and fault.code != "NoSuchBucket":
            raise Conflict(f"{access.url}: cannot {doing}: it is not what it was when it was read") from error
        raise access.refusal(fault, doing) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # obstore's, which no module exports and no `Exception` is
            raise
        raise access.refusal(Fault("Panic"), doing) from error


def authority(path: str) -> bytes:
    """Return the PEM file of an authority. Raises `ConfigError`."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"storage.ca_bundle: {path} cannot be read", "name a PEM file") from error
