"""What travels between the process that makes a pass and the workers: plain records, small, and free of secrets. Pure.

A task names its provider and says what to move; addresses are signed where they are used, with credentials that the
worker has of its own. Of a job only what `JobProvider.sign` may rely on goes along, and of an asset nothing that is
only published. Errors travel as their words, so that neither a traceback nor a library's own text does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from stacsync import errors
from stacsync.errors import StacsyncError
from stacsync.jobs import AssetRecord, JobRecord
from stacsync.logs import redact
from stacsync.mirror.reuse import Choice

BUG = "bug"
"""Kind of a failure that is no error of ours."""


class WorkerBug(Exception):
    """A worker met something that nobody foresaw; the message is safe to show, the traceback is in the worker's log."""


@dataclass(frozen=True, slots=True)
class Task:
    """One asset to move."""

    catalog: str
    """Address of the store that the sender writes; safe to show."""
    provider: str
    job: JobRecord
    asset: AssetRecord
    choice: Choice

    @classmethod
    def of(cls, catalog: str, provider: str, job: JobRecord, asset: AssetRecord, choice: Choice) -> Task:
        """Return the task without anything that is not needed at the other end."""
        bare_job = replace(job, title=None, reason="", details={})
        bare_asset = replace(asset, title=None, description=None, roles=(), extra={})
        return cls(catalog, provider, bare_job, bare_asset, choice)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an asset could not be moved."""

    kind: str
    """Name of a class of `stacsync.errors`, or `BUG`."""
    message: str
    remedy: str = ""

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """Return the words of an error."""
        if not isinstance(error, StacsyncError):
            return cls(BUG, redact(f"{type(error).__name__}: {error}"[:300]))
        kind = next(one.__name__ for one in type(error).__mro__ if one.__module__ == errors.__name__)
        return cls(kind, error.message, error.remedy)

    def error(self) -> Exception:
        """Return the error to raise where the pass is made."""
        if self.kind == BUG:
            return WorkerBug(self.message)
        kind: type[StacsyncError] = getattr(errors, self.kind)
        return kind(self.message, self.remedy)
