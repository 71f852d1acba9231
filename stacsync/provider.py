"""The contract of a provider kind, and how to write one.

A kind is one module or folder in `stacsync.providers` (or an entry point in the group `stacsync.providers`) that exports
`KIND`, a `ProviderKind`: its name, the model of its settings, and `connect`. The registry finds it by name; no list
elsewhere has to be touched.

A provider **only translates**: it lists finished jobs and describes their results as the plain records of
`stacsync.jobs`. It builds no STAC objects, writes nothing anywhere, never sleeps and never retries on its own account
(`stacsync.http.Session` does both, within bounds and stoppable), and raises nothing but `stacsync.errors`. One odd job
never breaks a listing: what cannot be understood becomes a record that `describe` refuses with `JobUnusable`.

What callers may rely on:

- `finished_jobs` is lazy and may be called again at any time; ids are stable and unique within the account; only jobs
  whose results the provider itself calls complete are yielded, oldest finished first where the API allows it. A
  listing that could not be read to its end raises `Unavailable`; it never ends early in silence.
- `describe` may be called again after any failure and from several threads at once, for different jobs.
- `sign` is called right before each request, from any thread. With `fresh=True` the previous address was refused
  (401, 403, 404, 410 or expired) and a new one must be asked for; it raises `AssetGone` if the provider says so.
- Pure top half (`payload -> record`), I/O in the bottom half: recordings test the first without any double.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel

from stacsync.jobs import AssetRecord, JobRecord, JobResult, PackageRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """An address that can be fetched now. Lives in memory only: it is never logged, kept or published."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Sent to the exact origin of `url` only; a redirect to another origin drops them."""
    method: str = "GET"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStore:
    """How to read a bucket that a provider delivered into (S3 protocol); its own credentials."""

    endpoint_url: str | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLine:
    """One line of `stacsync check`."""

    subject: str
    ok: bool
    message: str
    remedy: str = ""
    required: bool = True
    """False: what is not well hinders readers, not us; the command succeeds all the same."""


class Memory(Protocol):
    """What a provider may remember between passes (in the ledger; never secrets). Values are JSON objects."""

    def get(self, key: str) -> dict[str, Any] | None:
        """Return what was put last under `key`, or None."""
        ...

    def put(self, key: str, value: dict[str, Any]) -> None:
        """Keep `value` under `key`, durably, at once."""
        ...

    def drop(self, key: str) -> None:
        """Forget `key`; nothing happens when there is nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Everything from outside that a provider may use, so that tests can hand in their own."""

    name: str
    """The configured name of this provider."""
    memory: Memory
    clock: Callable[[], datetime]
    """Now, timezone-aware UTC."""
    sleep: Callable[[float], None]
    """Sleep for some seconds; raises `Stopped` when the process is asked to stop."""
    stop: Event
    state_dir: str
    """A local folder (beside the ledger) for files of mode 0600 that must outlive a restart: rotated tokens."""


@runtime_checkable
class JobProvider(Protocol):
    """What every provider can do."""

    def check(self) -> Iterable[CheckLine]:
        """Sign in and try each right that a pass needs; never raises for what it finds wrong."""
        ...

    def finished_jobs(self) -> Iterator[JobRecord]:
        """Yield every job that finished with results, lazily. Raises `Unavailable` or `SignInFailed`."""
        ...

    def describe(self, job: JobRecord) -> JobResult:
        """Tell what `job` delivered. Raises `JobUnusable`, `JobNotReady`, `JobSkipped` or `Unavailable`."""
        ...

    def sign(self, target: AssetRecord | PackageRecord, job: JobRecord, *, fresh: bool) -> Signed:
        """Return an address for the bytes of a `Remote` asset or of a package."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


@runtime_checkable
class ReadsBuckets(Protocol):
    """Optional power: results that lie in a bucket (`SourceObject`, `SourceFolder`)."""

    def source_store(self) -> SourceStore:
        """Return how to read that bucket."""
        ...


@runtime_checkable
class SignsIn(Protocol):
    """Optional power: an interactive sign-in (`stacsync login`)."""

    def login(self, tell: Callable[[str], None]) -> None:
        """Sign in with the user's help (`tell` shows what to do) and keep what was got. Raises `SignInFailed`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderKind:
    """What a provider module exports as `KIND`."""

    name: str
    summary: str
    """One line for `stacsync providers`."""
    settings: type[BaseModel]
    """A subclass of `stacsync.settings.CommonProvider`."""
    connect: Callable[[Any, Context], JobProvider]
    """(validated settings, context) -> provider; opens nothing over the network yet."""
