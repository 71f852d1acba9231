"""How to talk to one S3 service: credentials, TLS, a boto3 client and a pool of plain connections.

boto3 knows every way to get credentials and every S3 request, but is slow with bytes; so it signs addresses and urllib3
moves the bytes (payload unsigned, which every S3 server takes). Checksum trailers are sent only where S3 demands them:
half of the S3 servers refuse or even store them.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import boto3
import botocore.exceptions
import botocore.loaders
import botocore.session
import urllib3
from botocore.config import Config

from stacsync.errors import ConfigError
from stacsync.storage import faults
from stacsync.storage.faults import Fault, Refusal

__all__ = ["Access", "Account", "Refusal"]
ATTEMPTS = 5
_SIGNED_FOR = 3600
_SLICE = 256 * 1024
_TIMEOUT = urllib3.Timeout(connect=10, read=60)
_BOTO = Config(
    signature_version="s3v4",
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
    connect_timeout=10,
    read_timeout=60,
    max_pool_connections=64,
    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
)
_SENDABLE = re.compile(r"[!-~]+")
_MODELS = botocore.loaders.create_loader()
"""The descriptions of services, read once: they are most of what opening a client costs."""
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Which S3 service, and as whom."""

    endpoint_url: str | None = None
    region: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    ca_bundle: str | None = None

    def same_service(self, endpoint_url: str | None) -> bool:
        """Return whether `endpoint_url` is the service of this account."""
        return _origin(self.endpoint_url) == _origin(endpoint_url)


def _origin(url: str | None) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url or "")
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


class Access:
    """Connections to the service of an `Account`; opened at first use, shared by all threads."""

    def __init__(
        self, account: Account, url: str, *, settings: str = "storage", sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """`url` (safe to show) and `settings` (a table of the configuration) are what errors name."""
        self.account = account
        self.url = url
        self._settings = settings
        self._sleep = sleep
        self._lock = Lock()
        self._client: Any = None
        core = botocore.session.get_session()
        core.register_component("data_loader", _MODELS)
        self.session = boto3.Session(
            botocore_session=core,
            aws_access_key_id=account.access_key_id,
            aws_secret_access_key=account.secret_access_key,
            region_name=account.region,
        )
        self.pool = _pool(account)

    def refusal(self, fault: Fault, doing: str) -> Refusal:
        """Return the error that tells `fault`, and the way out."""
        return fault.error(self.url, doing, self._settings)

    @contextmanager
    def told(self, doing: str) -> Iterator[None]:
        """Turn botocore's errors into `StorageError`: of answers, of the network, and of looking for credentials."""
        try:
            yield
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
            raise self.refusal(faults.from_botocore(error), doing) from error

    def require_credentials(self) -> None:
        """Raise `StorageError` when there are no credentials, or some that no request can carry."""
        doing = "sign requests"
        with self.told(doing):
            found = self.session.get_credentials()
            keys = None if found is None else found.get_frozen_credentials()
        if keys is None:
            raise self.refusal(Fault("NoCredentials"), doing)
        sent = (keys.access_key, keys.token, self.session.region_name)
        if not all(_SENDABLE.fullmatch(part) for part in sent if part):
            raise self.refusal(Fault("OddCredentials"), doing)

    @property
    def client(self) -> Any:
        """Return the boto3 client; to be used within `told`. Raises `StorageError` without credentials that can be used."""
        with self._lock:
            if self._client is None:
                self.require_credentials()
                style = Config(s3={"addressing_style": "path" if self.account.endpoint_url else "auto"})
                self._client = self.session.client(
                    "s3",
                    endpoint_url=self.account.endpoint_url,
                    region_name=self.session.region_name or "us-east-1",
                    verify=self.account.ca_bundle,
                    config=_BOTO.merge(style),
                )
                self._client.meta.events.register("before-call.s3", _stay)
            return self._client

    def ask(self, operation: str, doing: str, **parameters: Any) -> Any:
        """Send one request through boto3. Raises `KeyError` when the object is missing, else `StorageError`."""
        try:
            with self.told(doing):
                return getattr(self.client, operation)(**parameters)
        except Refusal as error:
            if error.fault.missing:
                raise KeyError(parameters.get("Key", parameters.get("Bucket"))) from None
            raise

    def pages(self, operation: str, doing: str, **parameters: Any) -> Iterator[Any]:
        """Yield the pages of a listing. Raises `StorageError`."""
        with self.told(doing):
            yield from self.client.get_paginator(operation).paginate(**parameters)

    def send(
        self,
        operation: str,
        doing: str,
        *,
        body: Any = None,
        headers: dict[str, str] | None = None,
        **parameters: Any,
    ) -> urllib3.BaseHTTPResponse:
        """Send one request through an address signed for it; the body of a good answer is not read yet.

        Raises `KeyError` when the object is missing, else `StorageError`.
        """
        method = "GET" if operation == "get_object" else "PUT"
        length = {} if body is None else {"Content-Length": str(len(body))}

        def attempt() -> urllib3.BaseHTTPResponse:
            with self.told(doing):
                address = self.client.generate_presigned_url(operation, Params=parameters, ExpiresIn=_SIGNED_FOR)
            response = self.pool.request(
                method,
                address,
                body=_slices(body) if body is not None else None,
                headers=(headers or {}) | length,
                timeout=_TIMEOUT,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            if response.status < 300:
                return response
            told = response.read(64 * 1024, decode_content=True)
            fault = faults.from_answer(response.status, told, response.headers.get(faults.BUCKET_REGION))
            response.release_conn()
            raise self.refusal(fault, doing)

        try:
            return self.persistently(attempt, doing)
        except Refusal as error:
            if error.fault.missing:
                raise KeyError(parameters["Key"]) from None
            raise

    def persistently(
        self, attempt: Callable[[], Answer], doing: str, when: Callable[[Fault], bool] = lambda fault: fault.busy
    ) -> Answer:
        """Return what `attempt` returns; while the store is busy or out of reach try again, a bounded number of times."""
        for number in range(1, ATTEMPTS + 1):
            try:
                return attempt()
            except urllib3.exceptions.HTTPError as error:
                refusal = self.refusal(faults.from_network(error), doing)
            except Refusal as error:
                refusal = error
            if number == ATTEMPTS or not when(refusal.fault):
                break
            self._sleep(random.uniform(0.1, 0.2 * 2**number))  # noqa: S311  jitter is no secret
        raise refusal

    def close(self) -> None:
        """Release connections."""
        self.pool.clear()
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None


def _stay(context: dict[str, Any], **_: Any) -> None:
    """Keep botocore from looking for a bucket's region itself: where a store does not tell it, that never ends."""
    context.setdefault("s3_redirect", {})["redirected"] = True


def _slices(body: Any) -> Iterator[Any]:
    """Yield a body in pieces: the time that sending may take counts anew for each, so a slow line is no broken one."""
    view = memoryview(body)
    for start in range(0, len(view), _SLICE):
        yield view[start : start + _SLICE]


def _pool(account: Account) -> urllib3.PoolManager:
    options: dict[str, Any] = {"maxsize": 64, "ca_certs": account.ca_bundle}
    target = urlsplit(account.endpoint_url or "https://s3.amazonaws.com")
    proxy = getproxies().get(target.scheme)
    if proxy and not proxy_bypass(target.netloc):
        try:
            return urllib3.ProxyManager(proxy, **options)
        except (urllib3.exceptions.HTTPError, ValueError):
            raise ConfigError(
                f"the proxy in {target.scheme}_proxy, or {target.scheme.upper()}_PROXY, is no http or https address",
                "correct the variable, or list the store's host in NO_PROXY",
            ) from None
    return urllib3.PoolManager(**options)
