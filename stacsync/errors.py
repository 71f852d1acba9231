"""Every exception of stacsync, sorted by what happens next.

| situation | raise | what the caller does |
| --- | --- | --- |
| a setting is wrong or missing | `ConfigError` | refuse to start, exit 2 |
| a provider cannot be reached, answers nonsense, or throttles us | `Unavailable` | end this provider's pass, try at the next one |
| the provider refuses our credentials | `SignInFailed` | as `Unavailable`, with a hint at the credentials |
| results that we have no right or no means to read | `JobUnusable` | record why, count the job as failed, back off |
| finished, but not ready to be taken yet | `JobNotReady` | count as waiting, look again at the next pass |
| finished, and not to be published | `JobSkipped` | count as skipped, keep the reason |
| the provider says that a file is gone (404, 410 after fresh signing) | `AssetGone` | fail the job; after three passes publish without it |
| the source changed while it was read | `AssetChanged` | start that transfer again, then fail the job |
| bytes did not arrive whole or right | `TransferFailed` | fail the job, back off |
| the object store cannot be reached or refuses us | `StorageError` | end the pass; nothing half-published |
| the machines that move files cannot be reached | `ClusterLost` | end the pass, the next one goes on |
| a conditional write lost its race | `Conflict` | read again and decide again |
| somebody else holds the catalog's lease | `LeaseHeld` | wait as a standby, or stop with the holder's name |
| the ledger cannot be read or written | `LedgerError` | stop with the way back |
| a plan too dangerous without being asked for | `Refused` | stop, name the flag |
| we were asked to stop | `Stopped` | leave resumable work, go home |
"""

from __future__ import annotations


class StacsyncError(Exception):
    """Root of all errors that stacsync raises on purpose.

    `message` says what is wrong, `remedy` (may be empty) what the reader can do. Neither ever holds a secret,
    a signature or a token: whoever raises has to pass text that went through `stacsync.logs.redact`. A message that
    repeats too much of what somebody else made up loses its middle.
    """

    longest = 2_000
    """Characters of a message."""

    def __init__(self, message: str, remedy: str = "") -> None:
        half = self.longest // 2
        if len(message) > self.longest:
            message = f"{message[:half]} … {message[-half:]}"
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} ({self.remedy})" if self.remedy else self.message


class ConfigError(StacsyncError):
    """The configuration or the command's words are wrong: refuse to start, exit 2. Tells every mistake."""

    longest = 100_000


class Unavailable(StacsyncError):
    """A provider cannot serve this pass; the next pass tries again."""


class SignInFailed(Unavailable):
    """A provider refuses the configured credentials."""


class JobUnusable(StacsyncError):
    """This job's results cannot be taken now; recorded, counted as failed, retried with back-off."""


class JobNotReady(StacsyncError):
    """This job is finished but its results cannot be taken yet; counted as waiting."""


class JobSkipped(StacsyncError):
    """This job is finished and is not to be published; the reason is recorded."""


class TransferFailed(JobUnusable):
    """An asset's bytes did not arrive whole and right."""


class AssetGone(TransferFailed):
    """The provider declares an asset gone (404 or 410 after fresh signing)."""


class AssetChanged(TransferFailed):
    """The source of an asset changed while it was being read."""


class StorageError(StacsyncError):
    """The object store cannot be reached, is full, or refuses us."""


class ClusterLost(StacsyncError):
    """The machines that move files (a Dask cluster) cannot be reached, or cannot work for us."""


class Conflict(StorageError):
    """A conditional write found another state than the one it was made for."""


class LeaseHeld(StacsyncError):
    """Another process holds the right to write this catalog."""


class LedgerError(StacsyncError):
    """The ledger cannot be opened, read or written."""


class Refused(StacsyncError):
    """A request too dangerous to carry out without being asked for by name."""


class Stopped(StacsyncError):
    """The process was asked to stop; unfinished work stays resumable."""
